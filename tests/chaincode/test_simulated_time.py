"""Simulated time: a mapping that is signed once; slots go by it, transactions keep real times, people real seconds."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode import iso_time
from energy_market_chaincode.market_views import SimulatedTimeView
from energy_market_chaincode.times import (
    FIRST_START_MS,
    LAST_MS,
    LAST_START_MS,
    LEAST_REAL_MS,
    MAX_FACTOR,
    SimulatedTime,
    instant_ms,
    moment,
)
from energy_market_chaincode.views import GameView
from tests.chaincode.conftest import START_MS, Market

QUARTER_MS = 900_000
FACTOR = 600
DAY = "2026-06-23T00:00:00.000Z"
DAY_MS = instant_ms(DAY) or 0
LEAST_MS = LEAST_REAL_MS * FACTOR
MAPPING = {"start": DAY, "factor": FACTOR, "began": iso_time(START_MS)}
ROOFS = {"S": ("5", "0.1")}
HOMES = {"B": "5"}

mappings = st.builds(
    SimulatedTime,
    start_ms=st.integers(FIRST_START_MS, LAST_START_MS),
    factor=st.integers(1, MAX_FACTOR),
    began_ms=st.integers(START_MS, START_MS + 10**11),
)
spans_ms = st.integers(-60_000, 10**10)


@pytest.fixture
async def simulated(market: Market) -> Market:
    """A market at the beginning of its simulated day, with a seller and a buyer."""
    assert await market.do("operator", "simulateTime", start=DAY, factor=FACTOR) == MAPPING
    await market.enter("S", "B", funds="100")
    return market


async def shown(market: Market, game: str = "g") -> GameView:
    return GameView.model_validate(await market.invoke("game", game))


async def slot_at(market: Market, minutes: int, **parameters: Any) -> GameView:
    """A game of the slot that begins so many simulated minutes after midnight, with an offer and a demand."""
    slot = iso_time(DAY_MS + minutes * 60_000)
    await market.open_game(ROOFS, HOMES, game="g", deliverySlot=slot, **parameters)
    return await shown(market)


# -- the mapping


@given(mappings, spans_ms, spans_ms)
def test_the_market_s_time_never_falls_and_passes_so_many_times_as_fast(
    mapping: SimulatedTime, one: int, other: int
) -> None:
    earlier, later = sorted((mapping.began_ms + one, mapping.began_ms + other))
    passed = mapping.market_ms(later) - mapping.market_ms(earlier)
    assert passed >= 0
    if mapping.market_ms(later) < LAST_MS:
        assert passed == (later - earlier) * mapping.factor
    assert mapping.market_ms(mapping.began_ms) == mapping.start_ms


@given(mappings, spans_ms)
def test_a_moment_of_the_market_has_come_at_its_real_time_and_not_a_millisecond_before(
    mapping: SimulatedTime, after: int
) -> None:
    wanted = mapping.start_ms + after
    real = mapping.real_ms(wanted)
    assert type(real) is int
    assert mapping.market_ms(real) >= wanted > mapping.market_ms(real - 1)


@given(mappings, spans_ms)
def test_the_shown_mapping_is_the_ledger_s(mapping: SimulatedTime, passed: int) -> None:
    view = SimulatedTimeView(start=moment(mapping.start_ms), factor=mapping.factor, began=moment(mapping.began_ms))
    assert view.mapping == mapping
    real = moment(mapping.began_ms + passed)
    assert view.market_time(real) == moment(mapping.market_ms(mapping.began_ms + passed))
    assert view.market_time(view.real_time(view.start) - timedelta(milliseconds=1)) < view.start


def test_no_factor_leads_the_market_beyond_the_calendar() -> None:
    assert moment(SimulatedTime(LAST_START_MS, MAX_FACTOR, 0).market_ms(10**15)).year == 9000


# -- it begins once, before anything goes by real time


async def test_the_mapping_stands_on_the_ledger_and_is_told_to_everybody(market: Market) -> None:
    assert (await market.invoke("market"))["simulatedTime"] is None
    market.now_ms += 5
    begun = await market.do("operator", "simulateTime", start="2026-06-23T02:00:00+02:00", factor=FACTOR)
    assert begun == {**MAPPING, "began": iso_time(START_MS + 5)}
    assert (await market.invoke("market"))["simulatedTime"] == begun
    assert market.events[-1] == {"name": "TimeSimulatedEvent", "game": None, **begun}


async def test_a_second_mapping_is_refused_and_the_first_one_stays(simulated: Market) -> None:
    assert await simulated.rejection("operator", "simulateTime", start=DAY, factor=FACTOR) == "TIME_SIMULATED"
    await simulated.do("operator", "resetMarket")
    assert await simulated.rejection("operator", "simulateTime", start=DAY, factor=60) == "TIME_SIMULATED"
    assert (await simulated.invoke("market"))["simulatedTime"] == MAPPING


async def test_a_market_with_a_game_or_a_meter_keeps_real_time(market: Market) -> None:
    await market.enter("S", "B")
    await market.open_game(ROOFS, HOMES, game="g", deliverySlot="one")
    assert await market.rejection("operator", "simulateTime", start=DAY, factor=FACTOR) == "SIMULATION_TOO_LATE"
    await market.do("operator", "resetMarket")
    key = market.public_key("m")
    await market.do("operator", "registerMeter", id="m", publicKey=key, prosumer="S", powerKw=11)
    assert await market.rejection("operator", "simulateTime", start=DAY, factor=FACTOR) == "SIMULATION_TOO_LATE"


async def test_what_follows_in_the_same_transaction_goes_by_it(market: Market) -> None:
    await market.do("operator", "setTopology", edges=[["S", "B"]])
    begin = market.command("operator", "simulateTime", start=DAY, factor=FACTOR)
    results = await market.submit(begin, market.command("operator", "publishGame"))
    assert results[1]["result"]["game"] == f"Game-{DAY}"


@pytest.mark.parametrize(
    "data",
    [
        {"start": "2026-06-23T00:00:00", "factor": FACTOR},
        {"start": DAY, "factor": 0},
        {"start": DAY, "factor": MAX_FACTOR + 1},
        {"start": DAY, "factor": 1.5},
        {"start": DAY, "factor": "600"},
        {"start": "1969-12-31T23:59:59Z", "factor": 1},
        {"start": "3000-01-01T00:00:01Z", "factor": 1},
        {"start": DAY},
    ],
    ids=["a local time", "stands", "too fast", "a half", "text", "before 1970", "too late", "no factor"],
)
async def test_a_mapping_that_makes_no_sense_is_refused(market: Market, data: dict[str, Any]) -> None:
    assert await market.rejection_of_form("simulateTime", **data) == "MALFORMED_COMMAND"


async def test_a_prosumer_simulates_no_time(market: Market) -> None:
    await market.enter("S")
    assert await market.rejection("S", "simulateTime", start=DAY, factor=FACTOR) == "OPERATORS_ONLY"


# -- slots carry simulated times


async def test_a_slot_goes_through_its_day_in_seconds(simulated: Market) -> None:
    view = await slot_at(simulated, 60, expectedParticipants=3)
    assert view.published_at == moment(DAY_MS)
    simulated.now_ms = START_MS + 3_999
    assert await simulated.rejection("operator", "stopGameRegistration", game="g") == "REGISTRATION_OPEN"
    simulated.now_ms += 1
    await simulated.do("operator", "stopGameRegistration", game="g")
    await simulated.play_out("g")
    begins = START_MS + 6_000
    simulated.now_ms = begins - 1
    reading = {"sequence": 1, "inEnergy": "5", "outEnergy": 0}
    assert await simulated.rejection("B", "publishMeterReading", game="g", **reading) == "DELIVERY_NOT_BEGUN"
    simulated.now_ms = begins + 1_500
    await simulated.read_meter("g", "B", taken="5")
    await simulated.read_meter("g", "S", fed_in="5")
    await simulated.do("operator", "closeMarket", game="g")
    assert (await simulated.invoke("game", "g"))["settlement"]["closedAt"] == iso_time(DAY_MS + 75 * 60_000)


async def test_a_game_without_a_slot_s_time_delivers_in_simulated_time(simulated: Market) -> None:
    await simulated.start_game(ROOFS, HOMES, game="g", deliverySlot="noon", deliveryDurationMs=QUARTER_MS)
    simulated.now_ms += 100
    await simulated.play_out("g")
    delivery = await shown(simulated)
    assert delivery.delivery_starts_at == moment(DAY_MS + 100 * FACTOR)
    assert delivery.delivery_ends_at == moment(DAY_MS + 100 * FACTOR + QUARTER_MS)


async def test_a_slot_takes_the_tariffs_of_its_simulated_time(simulated: Market) -> None:
    tariffs = [{"from": DAY, "retail": "0.4", "feedIn": "0.1"}]
    await simulated.do("operator", "setTariffs", tariffs=tariffs)
    assert str((await slot_at(simulated, 60)).parameters.retail_tariff) == "0.4"


async def test_a_meter_counts_from_its_simulated_installation_and_its_identity_from_the_real_one(
    simulated: Market,
) -> None:
    simulated.now_ms += 1_000
    await simulated.do(
        "operator", "registerMeter", id="m", publicKey=simulated.public_key("m"), prosumer="S", powerKw=11
    )
    (meter,) = (await simulated.invoke("meters"))["meters"]
    assert meter["since"] == iso_time(DAY_MS + 1_000 * FACTOR)
    assert (await simulated.invoke("prosumer", "m"))["registeredAt"] == iso_time(START_MS + 1_000)


# -- people have real seconds


async def test_no_turn_and_no_window_is_shorter_than_two_real_seconds(simulated: Market) -> None:
    stated = {"turnDeadlineMs": 1, "clearingDurationMs": 1, "meteringWindowMs": 0, "correctionWindowMs": 1}
    rules = (await slot_at(simulated, 120, **stated)).parameters
    assert rules.turn_deadline_ms == LEAST_MS
    assert (rules.clearing_duration_ms, rules.registration_duration_ms) == (LEAST_MS, 120 * 60_000 - LEAST_MS)
    assert (rules.metering_window_ms, rules.correction_window_ms) == (LEAST_MS, LEAST_MS)


async def test_a_registration_that_is_stated_leaves_the_clearing_its_two_seconds(simulated: Market) -> None:
    rules = (await slot_at(simulated, 120, registrationDurationMs=119 * 60_000)).parameters
    assert (rules.registration_duration_ms, rules.clearing_duration_ms) == (120 * 60_000 - LEAST_MS, LEAST_MS)


async def test_a_slot_that_begins_too_soon_for_that_halves_what_is_left(simulated: Market) -> None:
    rules = (await slot_at(simulated, 10)).parameters
    assert rules.registration_duration_ms == rules.clearing_duration_ms == 5 * 60_000


async def test_longer_times_stay_as_they_are_stated(simulated: Market) -> None:
    stated = {"turnDeadlineMs": LEAST_MS + 1, "clearingDurationMs": LEAST_MS + 2, "meteringWindowMs": LEAST_MS + 3}
    rules = (await slot_at(simulated, 120, **stated)).parameters
    assert rules.turn_deadline_ms == LEAST_MS + 1
    assert (rules.clearing_duration_ms, rules.metering_window_ms) == (LEAST_MS + 2, LEAST_MS + 3)
    assert rules.correction_window_ms == 0


async def test_a_game_without_a_slot_s_time_has_two_seconds_for_everything_but_its_delivery(simulated: Market) -> None:
    await simulated.open_game(ROOFS, HOMES, game="g", deliverySlot="noon", mechanism="certified")
    rules = (await shown(simulated)).parameters
    assert (rules.registration_duration_ms, rules.metering_window_ms, rules.delivery_duration_ms) == (
        *(LEAST_MS, LEAST_MS),
        60_000,
    )
    await simulated.do("operator", "stopGameRegistration", game="g")
    clearing = (await shown(simulated)).clearing
    assert clearing is not None
    assert clearing.ends_at == moment(DAY_MS + LEAST_MS)


async def test_a_buyer_is_skipped_after_two_real_seconds_and_not_before(simulated: Market) -> None:
    await slot_at(simulated, 120)
    await simulated.do("operator", "stopGameRegistration", game="g")
    simulated.now_ms += 1_999
    turn = {"game": "g", "buyer": "B", "round": 1}
    assert await simulated.rejection("operator", "skipTurn", **turn) == "DEADLINE_NOT_PASSED"
    simulated.now_ms += 1
    await simulated.do("operator", "skipTurn", **turn)


# -- the ledger's time is set right


async def test_a_ledger_s_time_is_real_and_its_games_fall_by_what_the_market_s_falls(simulated: Market) -> None:
    wrong_ms = START_MS + 86_400_000
    simulated.now_ms = wrong_ms
    await simulated.start_game(ROOFS, HOMES, game="g", deliverySlot="noon")
    deadline = (await shown(simulated)).deadline
    simulated.now_ms = START_MS + 5_000
    times = {"oldTime": iso_time(wrong_ms), "newTime": iso_time(simulated.now_ms)}
    await simulated.do("operator", "setLedgerTime", **times)
    right = await shown(simulated)
    assert right.published_at == moment(DAY_MS + 5_000 * FACTOR)
    assert deadline is not None
    assert right.deadline == moment(DAY_MS + 5_000 * FACTOR + LEAST_MS)
    assert (await simulated.invoke("market"))["simulatedTime"] == MAPPING


async def test_a_mapping_that_began_by_the_wrong_clock_begins_by_the_right_one_and_its_day_goes_on(
    market: Market,
) -> None:
    ahead_ms = 400 * 86_400_000
    market.now_ms += ahead_ms
    await market.do("operator", "simulateTime", start=DAY, factor=FACTOR)
    await market.enter("S", "B", funds="100")
    market.now_ms += 5_000
    await market.start_game(ROOFS, HOMES, game="g", deliverySlot="noon")
    before = await shown(market)
    wrong_ms, market.now_ms = market.now_ms, START_MS + 5_000
    times = {"oldTime": iso_time(wrong_ms), "newTime": iso_time(market.now_ms)}
    await market.do("operator", "setLedgerTime", **times)
    assert (await market.invoke("market"))["simulatedTime"] == MAPPING
    assert await shown(market) == before
    publish = market.command("operator", "publishGame")
    assert (await market.submit(publish))[0]["result"]["game"] == f"Game-{iso_time(DAY_MS + 5_000 * FACTOR)}"
