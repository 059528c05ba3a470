"""The certified mechanism: anybody clears a game, and only what proves itself counts."""

from decimal import Decimal
from typing import Any

import pytest

from energy_market_chaincode.times import instant_ms
from tests.chaincode.conftest import Market
from tests.chaincode.solving import clearing_of
from tests.chaincode.test_original_game import DEMANDS, HOPS, SELLERS

ALL = [*SELLERS, *DEMANDS]


@pytest.fixture
async def waiting(market: Market) -> tuple[Market, str]:
    """The original's game at gate closure."""
    await market.enter(*ALL)
    await market.do("operator", "topUpAccount", prosumer="grid-operator", amount="1000")
    game = await market.open_game(SELLERS, DEMANDS, mechanism="certified")
    table = {buyer: dict(zip(SELLERS, row, strict=True)) for buyer, row in HOPS.items()}
    await market.do("operator", "setTopology", hops=table)
    await market.do("operator", "stopGameRegistration", game=game)
    return market, game


async def test_the_originals_game_ends_at_its_variational_equilibrium(waiting: tuple[Market, str]) -> None:
    market, game = waiting
    (opened,) = market.named("ClearingOpenEvent")
    shown = await market.invoke("game", game)
    assert opened["arena"] == shown["clearing"]["arena"]
    assert shown["buyerInTurn"] is None
    accepted = await market.do("P003", "publishClearing", **await clearing_of(market, game))
    (stop,) = market.named("GameStopEvent")
    assert stop["reason"] == "equilibrium"
    assert abs(stop["totalCost"] / Decimal("36.060") - 1) < Decimal("0.0001")
    assert stop["maxRegret"] <= Decimal("0.000010")
    shown = await market.invoke("game", game)
    proof = shown["clearing"]["certificate"]
    assert (proof["poster"], proof["certificate"]) == ("P003", accepted["certificate"])
    assert 0 <= proof["gap"] == accepted["gap"] < Decimal("0.00001")
    assert shown["phase"] == "delivery"
    for bid in (await market.invoke("bids", game))["bids"]:
        assert sum(bid["amounts"].values()) == bid["demand"]
        assert bid["cost"] > 0


async def test_a_cleared_game_is_delivered_paid_and_released(waiting: tuple[Market, str]) -> None:
    market, game = waiting
    await market.do("operator", "publishClearing", **await clearing_of(market, game))
    loads = {seller["seller"]: seller["load"] for seller in (await market.invoke("game", game))["sellers"]}
    for seller, load in loads.items():
        await market.read_meter(game, seller, fed_in=str(load))
    for buyer, demand in DEMANDS.items():
        await market.read_meter(game, buyer, taken=demand)
    await market.do("operator", "closeMarket", game=game)
    (closed,) = market.named("MarketClosedEvent")
    assert closed["energyDelivered"] == sum(map(Decimal, DEMANDS.values()))
    assert closed["energyFromGrid"] == 0
    assert all(account.frozen == 0 for account in market.accounts().values())


async def test_sellers_and_buyers_stand_in_the_order_of_their_names(waiting: tuple[Market, str]) -> None:
    market, game = waiting
    shown = await market.invoke("game", game)
    assert [each["seller"] for each in shown["sellers"]] == sorted(SELLERS)
    assert [each["buyer"] for each in shown["buyers"]] == sorted(DEMANDS)


def scaled(prices: dict[str, str], factor: str) -> dict[str, str]:
    return {seller: f"{(Decimal(price) * Decimal(factor)):.13f}" for seller, price in prices.items()}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda data: {"arena": "0" * 64}, "ARENA_DIFFERS"),
        (lambda data: {"prices": scaled(data["prices"], "1.05")}, "GAP_TOO_LARGE"),
        (lambda data: {"prices": scaled(data["prices"], "1.001")}, "GAP_TOO_LARGE"),
        (lambda data: {"prices": {**data["prices"], "S001": "0.08"}}, "PRICE_BELOW_BASE"),
        (lambda data: {"prices": {**data["prices"], "S009": "0.1"}}, "CLEARING_INCOMPLETE"),
        (lambda data: {"prices": {"S001": "0.1"}}, "CLEARING_INCOMPLETE"),
        (lambda data: {"corrections": {"P001": {"S009": "1"}}}, "CORRECTIONS_UNFIT"),
        (lambda data: {"corrections": {"S001": {"S002": "1"}}}, "CORRECTIONS_UNFIT"),
        (lambda data: {"corrections": {"P001": {"S004": "34.0001"}}}, "CORRECTIONS_UNFIT"),
        (lambda data: {"corrections": {"P001": {"S002": "29"}}}, "CORRECTIONS_UNFIT"),
        (lambda data: {"corrections": {"P001": {"S004": "20"}}}, "CORRECTIONS_HARMFUL"),
        (lambda data: {"corrections": {"P001": {"S004": "0"}}}, "CORRECTIONS_HARMFUL"),
    ],
)
async def test_a_wrong_clearing_is_refused_and_changes_nothing(
    waiting: tuple[Market, str], wrong: Any, code: str
) -> None:
    market, game = waiting
    honest = await clearing_of(market, game)
    assert await market.rejection("P001", "publishClearing", **(honest | wrong(honest))) == code
    await market.do("P001", "publishClearing", **honest)


async def test_a_late_one_is_refused_and_a_second_one_finds_the_game_cleared(waiting: tuple[Market, str]) -> None:
    market, game = waiting
    honest = await clearing_of(market, game)
    late = market.replica()
    late.now_ms += 60_000
    assert await late.rejection("P001", "publishClearing", **honest) == "CLEARING_LATE"
    await market.do("P001", "publishClearing", **honest)
    assert await market.rejection("P002", "publishClearing", **honest) == "WRONG_PHASE"


async def test_one_of_a_game_with_turns_is_refused(market: Market) -> None:
    await market.enter(*ALL)
    game = await market.start_game(SELLERS, DEMANDS)
    prices = {seller: price for seller, (_, price) in SELLERS.items()}
    said = {"game": game, "arena": "0" * 64, "prices": prices}
    assert await market.rejection("P001", "publishClearing", **said) == "OTHER_MECHANISM"
    assert await market.rejection("operator", "fallBack", game=game) == "OTHER_MECHANISM"


async def test_without_a_clearing_in_time_the_game_is_played_in_turns(waiting: tuple[Market, str]) -> None:
    market, game = waiting
    honest = await clearing_of(market, game)
    assert await market.rejection("operator", "fallBack", game=game) == "CLEARING_AWAITED"
    assert await market.rejection("P001", "publishBuyBid", game=game, keepPlaying=False) == "OTHER_MECHANISM"
    market.now_ms += 60_000
    assert (await market.do("operator", "fallBack", game=game))["fallback"] == "turns"
    assert (await market.invoke("game", game))["clearing"]["fallback"] == "turns"
    assert await market.rejection("P001", "publishClearing", **honest) == "OTHER_MECHANISM"
    stop = await market.play_out(game)
    assert stop["reason"] == "equilibrium"
    assert stop["totalNrRounds"] > 1


async def test_before_a_slot_with_a_time_there_have_to_be_turns_left_or_all_comes_from_the_grid(market: Market) -> None:
    await market.enter(*ALL)
    for slot, deadline, fallback in (("2026-09-22T14:15Z", 20_000, "turns"), ("2026-09-23T14:15Z", 6_000_000, "grid")):
        parameters: dict[str, Any] = {"deliverySlot": slot, "turnDeadlineMs": deadline, "mechanism": "certified"}
        game = await market.open_game(SELLERS, DEMANDS, **parameters)
        await market.do("operator", "stopGameRegistration", game=game)
        shown = await market.invoke("game", game)
        market.now_ms = instant_ms(shown["clearing"]["endsAt"]) or 0
        assert (await market.do("operator", "fallBack", game=game))["fallback"] == fallback
    shown = await market.invoke("game", game)
    assert (shown["phase"], shown["stop"]["reason"]) == ("delivery", "deadline")
    assert shown["stop"]["totalCost"] == Decimal("0.2869") * sum(map(Decimal, DEMANDS.values()))
    assert shown["clearing"] | {"fallback": "grid", "certificate": None} == shown["clearing"]
