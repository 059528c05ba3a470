"""The clock on a real ledger: games reach their end whatever happens to buyers, clocks and connections."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from energy_market_chaincode import GameView, Topic, settlement, stopping
from energy_market_chaincode.mechanisms import certified
from market_clock.conductor import MAX_ATTEMPTS, Course
from market_clock.decision import RETURN
from market_clock.ledger_time import LedgerTime
from prosumer_client import CommandRejected, MarketUnavailable
from tests.market_clock.conftest import identity
from tests.market_clock.test_decision import GAME, NOON, metered_slot

SOON_MS = 150
FAST_MS = 2500
"""How far a fast clock is ahead: more than a busy machine takes from a decision to the ledger."""
NEVER_S = 3600.0
ENOUGH_KW = "1300000"
"""A connection's power that gives 50 kWh in so short a delivery."""


async def test_registration_stops_at_its_time(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(registrationDurationMs=1500)
    await neighbourhood.register(game, "B1")

    await neighbourhood.until("BuyBidEvent", game, buyerInTurn="B1")


async def test_registration_stops_as_soon_as_all_expected_participants_are_in(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=2)
    await neighbourhood.register(game, "B1")

    await neighbourhood.until("BuyBidEvent", game, buyerInTurn="B1")


async def test_a_game_without_buyers_goes_to_delivery(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(registrationDurationMs=SOON_MS)
    await neighbourhood.register(game)

    await neighbourhood.until("GameStopEvent", game, reason="no-trade")


async def test_a_silent_buyer_is_skipped_and_the_game_goes_on(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=3, turnDeadlineMs=SOON_MS)
    await neighbourhood.register(game, "B1", "B2")

    await neighbourhood.until("BuyBidEvent", game, buyerInTurn="B2")
    await neighbourhood.until("GameStopEvent", game, reason="all-passed")

    assert ("skipTurn", "committed") in neighbourhood.heard


async def test_a_certified_game_is_cleared(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=3, mechanism="certified")
    await neighbourhood.register(game, "B1", "B2")

    await neighbourhood.until("GameStopEvent", game, reason="equilibrium")


async def test_a_large_certified_game_is_proved_and_stopped_part_by_part(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certified, "PROVED_AT_ONCE", 0)
    monkeypatch.setattr(certified, "PART_PAIRS", 1)
    monkeypatch.setattr(stopping, "PART", 1)
    game = await neighbourhood.publish(expectedParticipants=3, mechanism="certified")
    await neighbourhood.register(game, "B1", "B2")
    neighbourhood.start_clock()
    await neighbourhood.until("ClearingProposedEvent", game)
    await neighbourhood.stop_clocks()

    neighbourhood.start_clock()

    await neighbourhood.until("GameStopEvent", game, reason="equilibrium")
    assert ("stopGame", "committed") in neighbourhood.heard


async def test_a_large_game_with_turns_is_stopped_part_by_part(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "PART", 1)
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=2)
    await play_to_the_end(neighbourhood, game)

    assert ("stopGame", "committed") in neighbourhood.heard


async def test_a_certified_game_that_nobody_solves_falls_back(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certified, "CLEARING_MS", SOON_MS)
    neighbourhood.solver.is_away = True
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=3, turnDeadlineMs=SOON_MS, mechanism="certified")
    await neighbourhood.register(game, "B1", "B2")

    await neighbourhood.until("BuyBidEvent", game, buyerInTurn="B2")

    assert ("fallBack", "committed") in neighbourhood.heard


async def test_the_market_closes_when_the_delivery_is_over(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=2, deliveryDurationMs=SOON_MS)
    await play_to_the_end(neighbourhood, game)

    await neighbourhood.until("MarketClosedEvent", game)


async def test_the_market_closes_as_soon_as_every_transfer_is_fulfilled(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=2)
    await play_to_the_end(neighbourhood, game)
    await deliver(neighbourhood, game)

    await neighbourhood.until("MarketClosedEvent", game)


async def test_a_large_slot_is_settled_part_by_part_and_another_clock_goes_on_where_one_stopped(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "PART", 1)
    game = await neighbourhood.publish(expectedParticipants=3, deliveryDurationMs=SOON_MS, mechanism="certified")
    await neighbourhood.register(game, "B1", "B2")
    neighbourhood.start_clock()
    await neighbourhood.until("GameStopEvent", game)
    await neighbourhood.stop_clocks()
    await close_one_part(neighbourhood, game)
    assert await neighbourhood.phase(game) == "delivery"

    neighbourhood.start_clock()

    await neighbourhood.until("MarketClosedEvent", game)


async def test_corrections_in_parts_of_a_slot_that_is_over_go_on_one_after_the_other(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "PART", 1)
    for name in ("S1", "B1"):
        meter = {"id": f"m-{name}", "publicKey": identity(f"m-{name}").public_key, "prosumer": name}
        await neighbourhood.say("operator", Topic.REGISTER_METER, **meter, powerKw=ENOUGH_KW)
    neighbourhood.start_clock()
    window = {"meteringWindowMs": SOON_MS, "correctionWindowMs": 1000 * NEVER_S}
    game = await neighbourhood.publish(expectedParticipants=2, deliveryDurationMs=SOON_MS, **window)
    await play_to_the_end(neighbourhood, game)
    await neighbourhood.until("MarketClosedEvent", game)
    for number, (name, counted) in enumerate({"B1": ("10", "0"), "S1": ("0", "10")}.items(), 1):
        reading = {"game": game, "inEnergy": counted[0], "outEnergy": counted[1]}
        await neighbourhood.say(f"m-{name}", Topic.PUBLISH_READINGS, readings=[reading])
        await neighbourhood.until("SettlementCorrectedEvent", game, corrections=number)
    shown = await neighbourhood.game(game)
    assert (shown.left, shown.settlement.presumed) == (None, [])


async def close_one_part(neighbourhood: Any, game: str) -> None:
    """Give one closeMarket as soon as the delivery is over."""
    async with asyncio.timeout(60):
        while True:
            try:
                await neighbourhood.say("operator", Topic.CLOSE_MARKET, game=game)
            except CommandRejected:
                await asyncio.sleep(0.01)
            else:
                return


async def test_games_at_the_same_time_do_not_wait_for_each_other(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    stuck = await neighbourhood.publish(deliverySlot="noon")
    game = await neighbourhood.publish(deliverySlot="evening", registrationDurationMs=SOON_MS)

    await neighbourhood.until("GameStopEvent", game, reason="no-trade")

    assert await neighbourhood.phase(stuck) == "registration"


@pytest.mark.parametrize("phase", ["registration", "playing", "delivery"])
async def test_a_clock_that_starts_late_takes_up_a_game_in_any_phase(neighbourhood: Any, phase: str) -> None:
    game = await neighbourhood.publish(
        expectedParticipants=2, turnDeadlineMs=SOON_MS, deliveryDurationMs=SOON_MS, roundLimit=1
    )
    await neighbourhood.register(game, "B1")
    if phase != "registration":
        await neighbourhood.say("operator", Topic.STOP_GAME_REGISTRATION, game=game)
    if phase == "delivery":
        await neighbourhood.bid(game, "B1")
    assert await neighbourhood.phase(game) == phase

    neighbourhood.start_clock()

    await neighbourhood.until("MarketClosedEvent", game)


@pytest.mark.parametrize("event", ["GameInitEvent", "BuyBidEvent", "GameStopEvent"])
async def test_a_clock_that_is_stopped_in_any_phase_is_replaced_by_the_next(neighbourhood: Any, event: str) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(
        expectedParticipants=2, turnDeadlineMs=SOON_MS, deliveryDurationMs=SOON_MS, roundLimit=1
    )
    await neighbourhood.register(game, "B1")
    await neighbourhood.until(event, game)

    await neighbourhood.stop_clocks()
    neighbourhood.start_clock()

    await neighbourhood.until("MarketClosedEvent", game)


@pytest.mark.parametrize("other", ["operator", "operator-2"])
async def test_two_clocks_at_once_do_no_harm(neighbourhood: Any, other: str) -> None:
    neighbourhood.start_clock()
    neighbourhood.start_clock(neighbourhood.client(other))
    game = await neighbourhood.publish(
        expectedParticipants=3, turnDeadlineMs=SOON_MS, deliveryDurationMs=SOON_MS, roundLimit=3
    )
    await neighbourhood.register(game, "B1", "B2")

    stop = await neighbourhood.until("GameStopEvent", game)
    await neighbourhood.until("MarketClosedEvent", game)

    assert stop["totalNrRounds"] == 1, "no buyer was skipped twice in a round, no round was played twice"
    expected = {"committed", "WRONG_PHASE", "TURN_OVER", "DEADLINE_NOT_PASSED", "DELIVERY_NOT_OVER"}
    assert {outcome for _, outcome in neighbourhood.heard} <= expected


async def test_a_clock_that_is_fast_tries_again_under_new_ids_until_the_ledger_agrees(neighbourhood: Any) -> None:
    market = neighbourhood.client()
    neighbourhood.start_clock(market, skew=timedelta(milliseconds=FAST_MS))
    game = await neighbourhood.publish(registrationDurationMs=SOON_MS + FAST_MS)

    await neighbourhood.until("GameStopEvent", game, reason="no-trade")

    ids = [command for _, command in market.submitted]
    assert ("stopGameRegistration", "REGISTRATION_OPEN") in neighbourhood.heard
    assert len(set(ids)) == len(ids) > 1


async def test_a_clock_that_is_stopped_after_a_rejection_does_not_stumble_over_it(neighbourhood: Any) -> None:
    neighbourhood.start_clock(skew=timedelta(milliseconds=FAST_MS))
    game = await neighbourhood.publish(registrationDurationMs=SOON_MS + FAST_MS)
    await neighbourhood.told("REGISTRATION_OPEN")
    await neighbourhood.stop_clocks()

    neighbourhood.start_clock()

    await neighbourhood.until("GameStopEvent", game, reason="no-trade")


async def test_a_clock_that_is_far_too_fast_learns_the_ledgers_time_from_one_game_for_all(neighbourhood: Any) -> None:
    neighbourhood.start_clock(skew=timedelta(days=1))
    first = await neighbourhood.publish()
    await neighbourhood.told("REGISTRATION_OPEN")

    game = await neighbourhood.publish(
        deliverySlot="other", expectedParticipants=3, turnDeadlineMs=SOON_MS, deliveryDurationMs=SOON_MS
    )
    await neighbourhood.register(game, "B1", "B2")
    await neighbourhood.until("MarketClosedEvent", game)

    refused = [outcome for _, outcome in neighbourhood.heard if outcome != "committed"]
    assert len(refused) < MAX_ATTEMPTS
    assert await neighbourhood.phase(first) == "registration"


async def test_a_delivery_that_waits_for_a_buyer_without_a_bid_ends_at_its_time(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.conductor.FIRST_REST_S", NEVER_S)
    neighbourhood.start_clock()
    game = await neighbourhood.publish(
        expectedParticipants=3, turnDeadlineMs=1000, roundLimit=1, deliveryDurationMs=2000
    )
    await neighbourhood.register(game, "B1", "B2")
    await neighbourhood.until("BuyBidEvent", game, buyerInTurn="B1")
    await neighbourhood.bid(game, "B1")
    await neighbourhood.until("GameStopEvent", game)
    await deliver(neighbourhood, game)
    await neighbourhood.told("DELIVERY_NOT_OVER")

    await neighbourhood.until("MarketClosedEvent", game)

    # Twice if the transfer was seen on the ledger before its event was heard, which calls for another look.
    assert neighbourhood.heard.count(("closeMarket", "DELIVERY_NOT_OVER")) in (1, 2)


async def test_a_buyer_without_a_bid_that_reports_late_ends_the_delivery(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    game = await neighbourhood.publish(expectedParticipants=3, turnDeadlineMs=1000, roundLimit=1)
    await neighbourhood.register(game, "B1", "B2")
    await neighbourhood.until("BuyBidEvent", game, buyerInTurn="B1")
    await neighbourhood.bid(game, "B1")
    await neighbourhood.until("GameStopEvent", game)
    await deliver(neighbourhood, game)
    await neighbourhood.told("DELIVERY_NOT_OVER")

    await neighbourhood.say("B2", Topic.PUBLISH_METER_READING, game=game, sequence=1, inEnergy="10", outEnergy="0")

    await neighbourhood.until("MarketClosedEvent", game)


async def test_a_course_that_gave_up_asks_again_at_the_games_own_time(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.conductor.FIRST_REST_S", 0.0)
    monkeypatch.setattr("market_clock.conductor.SLOW_PACE_S", NEVER_S)
    game = await neighbourhood.publish(expectedParticipants=2, registrationDurationMs=2000)
    await neighbourhood.register(game, "B1")
    neighbourhood.start_clock(neighbourhood.client("B1"))

    await neighbourhood.told("OPERATORS_ONLY", times=MAX_ATTEMPTS + 1)


async def test_a_course_that_gave_up_goes_on_at_a_slow_pace(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.conductor.FIRST_REST_S", 0.0)
    monkeypatch.setattr("market_clock.conductor.SLOW_PACE_S", 0.01)
    await neighbourhood.publish(registrationDurationMs=1)
    neighbourhood.start_clock(neighbourhood.client("B1"))

    await neighbourhood.told("OPERATORS_ONLY", times=MAX_ATTEMPTS + 3)


async def test_a_course_that_gave_up_begins_anew_when_something_happens_to_the_game(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.conductor.FIRST_REST_S", 0.0)
    monkeypatch.setattr("market_clock.conductor.SLOW_PACE_S", NEVER_S)
    await neighbourhood.publish(game="Game-1", registrationDurationMs=1)
    neighbourhood.start_clock(neighbourhood.client("B1"))
    await neighbourhood.told("OPERATORS_ONLY", times=MAX_ATTEMPTS)

    await neighbourhood.say("operator", Topic.RESET_MARKET)
    await neighbourhood.publish(game="Game-1", registrationDurationMs=1)

    await neighbourhood.told("OPERATORS_ONLY", times=MAX_ATTEMPTS)


async def test_over_an_outage_the_clock_goes_on_when_the_queue_is_back(neighbourhood: Any) -> None:
    market = neighbourhood.client()
    neighbourhood.start_clock(market)
    game = await neighbourhood.publish(expectedParticipants=2, deliveryDurationMs=SOON_MS, turnDeadlineMs=SOON_MS)

    market.outage = asyncio.Event()
    await neighbourhood.register(game, "B1")
    market.outage.set()

    await neighbourhood.until("MarketClosedEvent", game)


async def test_after_an_outage_a_slot_is_settled_when_its_meters_have_had_time(
    neighbourhood: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    market, now, is_away = neighbourhood.client(), NOON + timedelta(hours=3), True
    course = Course(GAME.game, market, neighbourhood.solver, LedgerTime(lambda: now), lambda *_: None)
    rested, woken = asyncio.Event(), asyncio.Event()

    async def game(*_: Any, **__: Any) -> GameView:
        nonlocal is_away
        if is_away:
            is_away = False
            raise MarketUnavailable("the queue is away")
        return metered_slot(timedelta(minutes=15), awaited=1)

    async def rest(_seconds: float) -> None:
        rested.set()
        await woken.wait()
        woken.clear()

    async def looks_again() -> None:
        rested.clear()
        woken.set()
        await rested.wait()

    monkeypatch.setattr(market, "game", game)
    monkeypatch.setattr(course, "_rest", rest)
    monkeypatch.setattr(course, "_rest_after", lambda _attempt: rest(0))
    running = asyncio.create_task(course.run())
    await looks_again()
    now += timedelta(hours=1)
    is_away = True
    await looks_again()
    assert market.submitted == []
    now += RETURN
    await looks_again()
    running.cancel()
    assert [topic for topic, _ in market.submitted] == [Topic.CLOSE_MARKET]


async def test_after_a_reset_a_game_with_the_same_name_is_driven_anew(neighbourhood: Any) -> None:
    neighbourhood.start_clock()
    for _ in range(2):
        await neighbourhood.publish(game="Game-1", expectedParticipants=2, turnDeadlineMs=SOON_MS)
        await neighbourhood.register("Game-1", "B1")
        await neighbourhood.until("GameStopEvent", "Game-1", reason="all-passed")
        await neighbourhood.say("operator", Topic.RESET_MARKET)


async def play_to_the_end(neighbourhood: Any, game: str) -> None:
    await neighbourhood.register(game, "B1")
    await neighbourhood.until("BuyBidEvent", game, round=1)
    await neighbourhood.bid(game, "B1")
    await neighbourhood.until("BuyBidEvent", game, round=2)
    await neighbourhood.skip_round(game, "B1")
    await neighbourhood.until("GameStopEvent", game)


async def deliver(neighbourhood: Any, game: str) -> None:
    await neighbourhood.say("S1", Topic.PUBLISH_METER_READING, game=game, sequence=1, inEnergy="0", outEnergy="10")
    await neighbourhood.say("B1", Topic.PUBLISH_METER_READING, game=game, sequence=1, inEnergy="10", outEnergy="0")
