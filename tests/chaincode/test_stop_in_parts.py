"""A large game is stopped part by part: to the same contracts and money as at once, and nobody plays meanwhile."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from energy_market_chaincode import stopping
from energy_market_chaincode.events import GameStoppingEvent
from energy_market_chaincode.times import instant_ms
from tests.chaincode.conftest import Market
from tests.chaincode.test_settlement_in_parts import AT_ONCE, BUYERS, SELLERS, replica_of

GAME = "g"
DEAR = {f"S{j}": (f"{3 + j}.5", f"0.2{8 - j}") for j in range(4)}
"""So dear that much of what is bid for is handed back."""
Said = tuple[str, str, dict[str, Any]]
"""Who gives which command with which data."""


def turn_of(market: Market) -> dict[str, Any]:
    turn = market.turn(GAME)
    assert turn is not None
    return turn


async def best_replies(market: Market, _chance: Random) -> AsyncIterator[Said]:
    await market.start_game(SELLERS, BUYERS, game=GAME)
    while True:
        turn = turn_of(market)
        reply = market.best_reply(turn)
        said = {"keepPlaying": False} if reply is None else {"bidAmounts": reply}
        yield turn["buyerInTurn"], "publishBuyBid", said


async def random_bids(market: Market, chance: Random) -> AsyncIterator[Said]:
    """Some pass, and the rounds end before all do."""
    await market.start_game(DEAR, BUYERS, game=GAME, roundLimit=2)
    while True:
        turn = turn_of(market)
        room = {offer["seller"]: offer["capacity"] - offer["othersLoad"] for offer in turn["sellers"]}
        bid, left = dict[str, Decimal](), turn["demand"]
        for seller in chance.sample(sorted(room), 3):
            bid[seller] = min(left, room[seller])
            left -= bid[seller]
        said = {"bidAmounts": {name: str(energy) for name, energy in bid.items()}}
        yield turn["buyerInTurn"], "publishBuyBid", said if chance.random() < 0.8 else {"keepPlaying": False}


async def nobody_bids(market: Market, _chance: Random) -> AsyncIterator[Said]:
    """All pass, though everybody could save."""
    await market.start_game(SELLERS, BUYERS, game=GAME)
    while True:
        yield turn_of(market)["buyerInTurn"], "publishBuyBid", {"keepPlaying": False}


async def one_bid(market: Market, chance: Random) -> AsyncIterator[Said]:
    """The first buyers bid for all they can, the others pass: something is handed back, and all are weighed twice."""
    async for said in random_bids(market, chance):
        if turn_of(market)["round"] == 1 and "bidAmounts" in said[2]:
            yield said
        else:
            yield said[0], said[1], {"keepPlaying": False}


async def slot_begins(market: Market, chance: Random) -> AsyncIterator[Said]:
    slot = "2026-09-22T14:15:00Z"
    await market.start_game(DEAR, BUYERS, game=GAME, deliverySlot=slot, turnDeadlineMs=100_000, imbalancePenalty="0")
    for _ in range(4):
        turn = turn_of(market)
        bid = {offer["seller"]: str(min(turn["demand"] / 4, offer["capacity"] / 4)) for offer in turn["sellers"]}
        yield turn["buyerInTurn"], "publishBuyBid", {"bidAmounts": bid}
    market.now_ms = instant_ms(slot) or 0
    yield "operator", "skipTurn", {"buyer": turn_of(market)["buyerInTurn"], "round": 1}


async def no_sellers(market: Market, _chance: Random) -> AsyncIterator[Said]:
    await market.do("operator", "setTopology", hops={buyer: dict.fromkeys(SELLERS, 1) for buyer in BUYERS})
    await market.do("operator", "publishGame", game=GAME, expectedParticipants=len(BUYERS))
    for buyer, amount in BUYERS.items():
        await market.do(buyer, "publishDemand", game=GAME, amount=amount)
    yield "operator", "stopGameRegistration", {}


async def falls_back_to_the_grid(market: Market, _chance: Random) -> AsyncIterator[Said]:
    slot = "2026-09-22T14:15:00Z"
    await market.start_game(
        SELLERS, BUYERS, game=GAME, deliverySlot=slot, turnDeadlineMs=6_000_000, mechanism="certified"
    )
    market.now_ms = instant_ms((await market.invoke("game", GAME))["clearing"]["endsAt"]) or 0
    yield "operator", "fallBack", {}


Course = Callable[[Market, Random], AsyncIterator[Said]]


async def before_the_stop(market: Market, course: Course, seed: int = 1) -> tuple[Market, Said]:
    """Play a game; return the market before the command that stopped it, and that command."""
    await market.enter(*SELLERS, *BUYERS, funds="1000")
    async for said in course(market, Random(seed)):  # noqa: S311  it makes a game, no secret
        before = replica_of(market)
        prosumer, topic, data = said
        await market.do(prosumer, topic, game=GAME, **data)
        if market.named("GameStopEvent"):
            return before, said
    raise AssertionError("the game did not stop")


async def stop_all(market: Market, said: Said) -> list[int]:
    """Stop a game to the end; return what each further part left."""
    prosumer, topic, data = said
    await market.do(prosumer, topic, game=GAME, **data)
    left = list[int]()
    while not market.named("GameStopEvent"):
        left.append((await market.do("B2", "stopGame", game=GAME))["left"])
    return left


async def outcome(market: Market) -> Any:
    shown = await market.invoke("game", GAME)
    customers = {key: value for key, value in market.state.items() if key.startswith(("customers/", "play/"))}
    bids = await market.invoke("bids", GAME)
    return shown, bids, await market.transfers(GAME), customers, market.named("GameStopEvent"), market.accounts()


COURSES: list[tuple[Course, str]] = [
    (best_replies, "equilibrium"),
    (random_bids, "round-limit"),
    (nobody_bids, "all-passed"),
    (one_bid, "all-passed"),
    (slot_begins, "deadline"),
    (no_sellers, "no-trade"),
    (falls_back_to_the_grid, "deadline"),
]


@pytest.mark.parametrize(("course", "reason"), COURSES, ids=[course.__name__ for course, _ in COURSES])
async def test_parts_of_any_size_come_to_the_same_to_the_unit(
    market: Market, monkeypatch: pytest.MonkeyPatch, course: Course, reason: str
) -> None:
    before, said = await before_the_stop(market, course)
    whole = replica_of(before)
    monkeypatch.setattr(stopping, "PART", AT_ONCE)
    assert await stop_all(whole, said) == []
    assert whole.named("GameStopEvent")[0]["reason"] == reason
    for size in (1, 2, 5):
        parts = replica_of(before)
        monkeypatch.setattr(stopping, "PART", size)
        left = await stop_all(parts, said)
        assert len(left) > 1
        assert left == sorted(set(left), reverse=True)
        assert left[-1] == 0
        assert await outcome(parts) == await outcome(whole)
        (told,) = parts.named("GameStoppingEvent")
        assert GameStoppingEvent.model_validate(told).left > left[0]
        assert not any(key.startswith("stopping/") for key in parts.state)


async def test_what_is_dearer_than_the_grid_is_handed_back_in_parts_too(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, said = await before_the_stop(market, random_bids)
    monkeypatch.setattr(stopping, "PART", 2)
    await stop_all(before, said)
    assert before.named("GameStopEvent")[0]["handedBack"] > 0


async def test_nobody_plays_while_a_game_is_being_stopped_and_no_part_is_done_twice(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market, said = await before_the_stop(market, best_replies)
    assert await market.rejection("B1", "stopGame", game=GAME) == "STILL_PLAYED"
    monkeypatch.setattr(stopping, "PART", 3)
    await market.do(said[0], said[1], game=GAME, **said[2])
    shown = await market.invoke("game", GAME)
    assert (shown["phase"], shown["buyerInTurn"], shown["deadline"]) == ("playing", None, None)
    (stopping_event,) = market.named("GameStoppingEvent")
    assert shown["left"] == stopping_event["left"]
    assert await market.rejection("B1", "publishBuyBid", game=GAME, keepPlaying=False) == "GAME_STOPPING"
    assert await market.rejection("operator", "skipTurn", game=GAME, buyer="B0", round=1) == "GAME_STOPPING"
    assert await market.rejection("S1", "publishMeterReading", game=GAME, sequence=1, inEnergy=0, outEnergy=1) == (
        "WRONG_PHASE"
    )
    left = (await market.do("S1", "stopGame", game=GAME, left=shown["left"]))["left"]
    assert left < shown["left"]
    assert await market.rejection("S1", "stopGame", game=GAME, left=shown["left"]) == "PART_DONE"
    assert await market.rejection("S1", "stopGame", game="other") == "UNKNOWN_GAME"
    while left:
        left = (await market.do("operator", "stopGame", game=GAME, left=left))["left"]
    shown = await market.invoke("game", GAME)
    assert (shown["phase"], shown["left"]) == ("delivery", None)
    assert await market.rejection("S1", "stopGame", game=GAME) == "WRONG_PHASE"


async def test_a_reset_in_the_midst_of_a_stop_leaves_nothing_frozen(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, said = await before_the_stop(market, best_replies)
    monkeypatch.setattr(stopping, "PART", 12)
    await before.do(said[0], said[1], game=GAME, **said[2])
    await before.do("operator", "resetMarket")
    assert not any(account.frozen for account in before.accounts().values())
    assert {before.free(name) for name in (*SELLERS, *BUYERS)} == {1_000_000_000}
