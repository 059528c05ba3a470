"""Delivery: readings count once, what was delivered is paid at once, and the close happens once and frees all."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode.records import Delivery
from energy_market_chaincode.units import energy_from_kwh, kwh
from tests.chaincode.conftest import Market

SELLERS = {"S1": ("10", "0.1"), "S2": ("10", "0.1")}
BUYERS = {"B1": "6", "B2": "8"}


async def contract(market: Market, **parameters: Any) -> None:
    """B1 takes 6 of S1 (0.2 a kWh), B2 takes 4 of S1 and 4 of S2 (0.14 a kWh); the fee is 0.02 a kWh."""
    await market.start_game(SELLERS, BUYERS, **{"game": "g", "roundLimit": 1, **parameters})
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "6"})
    await market.do("B2", "publishBuyBid", game="g", bidAmounts={"S1": "4", "S2": "4"})


@pytest.fixture
async def contracted(market: Market) -> Market:
    await market.enter(*SELLERS, *BUYERS, "stranger", funds="100")
    await contract(market)
    return market


async def close(market: Market, game: str = "g") -> dict[str, Any]:
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game=game)
    return market.named("MarketClosedEvent")[-1]


async def test_a_transfer_is_paid_as_soon_as_seller_and_buyer_metered_it(contracted: Market) -> None:
    await contracted.read_meter("g", "S1", fed_in="6")
    assert not contracted.named("TransferFulfilledEvent")
    await contracted.read_meter("g", "B1", taken="5.9999")
    assert not contracted.named("TransferFulfilledEvent")
    await contracted.read_meter("g", "B1", taken="0.0001")
    (event,) = contracted.named("TransferFulfilledEvent")
    assert (event["seller"], event["buyer"], event["energy"]) == ("S1", "B1", 6)
    assert (event["energyCost"], event["transmissionFee"]) == (Decimal("1.2"), Decimal("0.12"))
    assert (contracted.free("S1"), contracted.frozen("S1")) == (99_331_000, 1_869_000), "its bond stays until the close"
    assert contracted.free("network-operator") == 120_000
    assert (contracted.free("B1"), contracted.frozen("B1")) == (98_680_000, 0)
    fulfilled = {(t["buyer"], t["seller"]): t["isFulfilled"] for t in await contracted.transfers("g")}
    assert fulfilled == {("B1", "S1"): True, ("B2", "S1"): False, ("B2", "S2"): False}


async def test_a_later_buyer_is_not_paid_for_with_what_an_earlier_one_claims(contracted: Market) -> None:
    await contracted.read_meter("g", "B2", taken="8")
    await contracted.read_meter("g", "S1", fed_in="9.9999")
    assert not contracted.named("TransferFulfilledEvent")
    await contracted.read_meter("g", "S1", fed_in="0.0001")
    assert [event["buyer"] for event in contracted.named("TransferFulfilledEvent")] == ["B2"]


async def test_a_later_seller_is_not_paid_with_what_a_buyer_has_yet_to_take_from_an_earlier_one(
    contracted: Market,
) -> None:
    await contracted.read_meter("g", "S2", fed_in="4")
    await contracted.read_meter("g", "B2", taken="4")
    assert not contracted.named("TransferFulfilledEvent"), "S1 may still deliver these 4 kWh"
    await contracted.read_meter("g", "S1", fed_in="10")
    assert [event["seller"] for event in contracted.named("TransferFulfilledEvent")] == ["S1"]


async def test_a_market_closes_early_once_all_is_delivered_and_not_before(contracted: Market) -> None:
    for seller, fed_in in (("S1", "10"), ("S2", "4")):
        await contracted.read_meter("g", seller, fed_in=fed_in)
    await contracted.read_meter("g", "B1", taken="6")
    assert await contracted.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"
    await contracted.read_meter("g", "B2", taken="8")
    await contracted.do("operator", "closeMarket", game="g")
    assert contracted.named("MarketClosedEvent")[0]["energyDelivered"] == 14


async def test_a_buyer_without_a_bid_is_waited_for_and_pays_the_grid(market: Market) -> None:
    await market.enter("S1", "B1", "silent", funds="100")
    await market.start_game({"S1": ("10", "0.1")}, {"B1": "5", "silent": "7"}, game="g", roundLimit=1)
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "5"})
    await market.do("silent", "publishBuyBid", game="g", keepPlaying=False)
    await market.read_meter("g", "S1", fed_in="5")
    await market.read_meter("g", "B1", taken="5")
    await market.read_meter("g", "silent", taken="6")
    assert await market.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"
    await market.read_meter("g", "silent", taken="1")
    await market.do("operator", "closeMarket", game="g")
    assert market.free("silent") == 100_000_000 - 7 * 286_900
    assert market.free("grid-operator") == 7 * 286_900


async def test_a_market_closes_once_and_leaves_nothing_frozen(contracted: Market) -> None:
    await close(contracted)
    assert (await contracted.invoke("market"))["frozenFunds"] == 0
    assert not [key for key in contracted.state if key.startswith("escrow/")]
    accounts = contracted.accounts()
    assert await contracted.rejection("operator", "closeMarket", game="g") == "WRONG_PHASE"
    assert contracted.accounts() == accounts


async def test_when_nobody_delivers_and_nobody_takes_nobody_owes_anything(contracted: Market) -> None:
    before = contracted.accounts()
    for participant in (*SELLERS, *BUYERS):
        await contracted.read_meter("g", participant)
    closed = await close(contracted)
    moved = {key: value for key, value in closed.items() if key not in ("name", "game", "closedAt", "presumed")}
    assert set(moved.values()) == {0}
    assert closed["presumed"] == []
    after = contracted.accounts()
    assert all(after[n].free == before[n].free + before[n].frozen for n in before)


async def test_readings_are_for_participants_between_stop_and_close(contracted: Market) -> None:
    reading = {"sequence": 1, "inEnergy": 0, "outEnergy": 1}
    assert await contracted.rejection("stranger", "publishMeterReading", game="g", **reading) == "NOT_REGISTERED"
    assert await contracted.rejection("operator", "publishMeterReading", game="g", **reading) == "NOT_REGISTERED"
    assert await contracted.rejection("S1", "publishMeterReading", game="none", **reading) == "UNKNOWN_GAME"
    await contracted.start_game({"S1": ("1", "1")}, {"B1": "1"}, game="h", deliverySlot="h")
    assert await contracted.rejection("S1", "publishMeterReading", game="h", **reading) == "WRONG_PHASE"
    contracted.now_ms += 120_000
    await contracted.do("S1", "publishMeterReading", game="g", **reading)
    await contracted.do("operator", "closeMarket", game="g")
    reading["sequence"] = 2
    assert await contracted.rejection("S1", "publishMeterReading", game="g", **reading) == "WRONG_PHASE"


async def test_a_reading_counts_once_whatever_command_or_game_repeats_it(contracted: Market) -> None:
    await contracted.start_game({"S1": ("1", "1")}, {"B1": "1"}, game="h", deliverySlot="h", roundLimit=1)
    await contracted.do("B1", "publishBuyBid", game="h", keepPlaying=False)
    reading = {"sequence": 7, "inEnergy": 0, "outEnergy": "3"}
    await contracted.do("S1", "publishMeterReading", game="g", **reading)
    for game in ("g", "h"):
        assert await contracted.rejection("S1", "publishMeterReading", game=game, **reading) == "READING_REPEATED"
    await contracted.do("S2", "publishMeterReading", game="g", **reading)
    await contracted.do("S1", "publishMeterReading", game="g", **{**reading, "sequence": 6})
    assert Delivery.from_bytes(contracted.state["delivery/g/S1"]).out_energy == 60_000


async def test_what_prosumers_meter_themselves_does_not_change_their_contribution(contracted: Market) -> None:
    await contracted.read_meter("g", "B2", taken="4", fed_in="900000000")
    await close(contracted)
    shown = await contracted.invoke("prosumer", "B2")
    assert (shown["totalProduction"], shown["totalConsumption"], shown["contributionMetric"]) == (0, 0, None)


async def test_readings_of_any_size_neither_overflow_nor_make_money(contracted: Market) -> None:
    for _ in range(3):
        await contracted.read_meter("g", "S1", taken="1000000000", fed_in="1000000000")
        await contracted.read_meter("g", "B1", taken="1000000000", fed_in="1000000000")
    closed = await close(contracted)
    assert closed["energyFromGrid"] == 2 * 3 * 10**9 - 6 + (8 - 4), "of S1 and B1; B2 is presumed, and S1 delivered"
    assert closed["guaranteed"] > 0
    assert contracted.free("B1") == 0
    assert (await contracted.invoke("market"))["money"] == 500


async def test_a_seller_here_may_be_a_buyer_there(market: Market) -> None:
    await market.enter("X", "Y", funds="10")
    await market.start_game({"X": ("10", "0.1")}, {"Y": "5"}, game="g", deliverySlot="g", roundLimit=1)
    await market.start_game({"Y": ("10", "0.1")}, {"X": "5"}, game="h", deliverySlot="h", roundLimit=1)
    await market.do("Y", "publishBuyBid", game="g", bidAmounts={"X": "5"})
    await market.do("X", "publishBuyBid", game="h", bidAmounts={"Y": "5"})
    for game, seller, buyer in (("g", "X", "Y"), ("h", "Y", "X")):
        await market.read_meter(game, seller, fed_in="5")
        await market.read_meter(game, buyer, taken="5")
        await market.do("operator", "closeMarket", game=game)
    assert market.free("X") == market.free("Y") == 10_000_000 - 100_000
    assert market.free("network-operator") == 200_000


ENERGIES = st.one_of(st.sampled_from([0, 1, 20_000, 40_000, 60_000]), st.integers(0, 60_000))
Readings = list[tuple[str, int, int]]


@settings(max_examples=20)
@given(data=st.data())
async def test_neither_the_order_nor_the_size_of_readings_changes_what_anybody_gets(
    new_market: Callable[[], Market], data: st.DataObject
) -> None:
    """So what is paid early is what the close would have paid, also where an account cannot pay all it owes."""
    funds, meters = data.draw(st.sampled_from(["3", "100"])), (*SELLERS, *BUYERS)
    parts = {name: data.draw(st.lists(ENERGIES, max_size=3), label=name) for name in meters}
    totals = {name: sum(energies) for name, energies in parts.items()}
    readings = [(name, number, energy) for name in meters for number, energy in enumerate(parts[name])]
    at_once = [(name, 0, totals[name]) for name in meters if parts[name]]
    orders: list[Readings] = [readings, data.draw(st.permutations(readings)), at_once]
    results = []
    for order in orders:
        market = new_market()
        await market.invoke("init", "operator", market.public_key("operator"))
        await market.enter("S1", "S2", funds="3")
        await market.enter("B1", "B2", funds=funds)
        await contract(market, imbalancePenalty="0.05")
        for name, number, energy in order:
            taken, fed_in = (str(kwh(energy)), "0") if name in BUYERS else ("0", str(kwh(energy)))
            reading = {"sequence": number, "inEnergy": taken, "outEnergy": fed_in}
            await market.do(name, "publishMeterReading", game="g", **reading)
        results.append((await close(market), await market.transfers("g"), market.accounts()))
    assert results[0] == results[1] == results[2]
    delivered = {(t["buyer"], t["seller"]): energy_from_kwh(t["delivered"]) for t in results[0][1]}
    presumed = {b: energy_from_kwh(demand) for b, demand in BUYERS.items() if not parts[b]}
    assert delivered == in_turn_order(totals | presumed)


def in_turn_order(totals: dict[str, int]) -> dict[tuple[str, str], int]:
    """What each transfer gets when scarce supply goes to the buyers in their order."""
    left = dict(totals)
    expected = {}
    for buyer, seller, energy in (("B1", "S1", 60_000), ("B2", "S1", 40_000), ("B2", "S2", 40_000)):
        given_away = min(energy, left[seller], left[buyer])
        left[seller] -= given_away
        left[buyer] -= given_away
        expected[buyer, seller] = given_away
    return expected
