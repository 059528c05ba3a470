"""Slots with a time: one moment one slot, when each phase begins and ends, and what may happen in it."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.errors import SlotOverlaps
from energy_market_chaincode.registration import with_span
from energy_market_chaincode.times import instant_ms, iso_time, milliseconds, slot_name
from energy_market_chaincode.views import GameView
from energy_market_chaincode.vocabulary import Phase
from tests.chaincode.conftest import START_MS, Market

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SLOT_MS = START_MS + 2 * HOUR_MS
ONE_MOMENT = [
    "2026-11-01T05:15:00Z",
    "2026-11-01T05:15:00.000000Z",
    "2026-11-01T05:15:00+00:00",
    "2026-11-01T05:15:00-00:00",
    "2026-11-01T01:15:00-04:00",
    "2026-11-01T06:15+01:00",
    "20261101T051500Z",
    "2026-11-01t05:15z",
    "2026-11-01 05:15Z",
    "2026-W44-7T05:15Z",
    "2026-305T05,25Z",
    "2026-10-31T23:15:00\N{MINUS SIGN}06",
]


@pytest.fixture
async def town(market: Market) -> Market:
    """Two sellers and two buyers, each one hop from each."""
    await market.enter("S1", "S2", "B1", "B2", funds="100")
    hops = {"S1": 1, "S2": 1}
    await market.do("operator", "setTopology", hops={"B1": hops, "B2": hops})
    return market


async def published(town: Market, starts_ms: int = SLOT_MS, **parameters: Any) -> GameView:
    game = await town.do("operator", "publishGame", deliverySlot=iso_time(starts_ms), game="g", **parameters)
    return await shown(town, game["game"])


async def shown(town: Market, game: str = "g") -> GameView:
    return GameView.model_validate(await town.invoke("game", game))


async def register(town: Market) -> None:
    await town.do("S1", "publishOffer", game="g", amount=10, price="0.1")
    await town.do("B1", "publishDemand", game="g", amount=4)
    await town.do("B2", "publishDemand", game="g", amount=4)


def times_ms(game: GameView) -> list[int | None]:
    times = (
        *(game.registration_ends_at, game.clearing_ends_at, game.delivery_starts_at),
        *(game.delivery_ends_at, game.metering_ends_at, game.final_at),
    )
    return [None if at is None else milliseconds(at) for at in times]


# -- one moment, one slot


async def test_a_moment_is_one_slot_and_one_game_however_it_is_written(town: Market) -> None:
    first, *others = ONE_MOMENT
    assert await town.do("operator", "publishGame", deliverySlot=first) == {"game": "Game-2026-11-01T05:15:00.000Z"}
    for spelling in others:
        assert await town.rejection("operator", "publishGame", deliverySlot=spelling) == "GAME_EXISTS", spelling
        assert await town.rejection("operator", "publishGame", deliverySlot=spelling, game="g") == "SLOT_TAKEN"
    (game,) = (await town.invoke("games"))["games"]
    assert game["deliverySlot"] == "2026-11-01T05:15:00.000Z"


NOON = "2026-11-01T12:00:00Z"


@pytest.mark.parametrize(
    ("start", "minutes"),
    [
        ("2026-11-01T11:59:59.999Z", None),
        ("2026-11-01T12:14:59.999Z", 1),
        ("2026-11-01T12:05:00Z", 1),
        ("2026-11-01T13:00:00+02:00", 24 * 60),
        ("2026-10-31T00:00:00Z", 60 * 24 * 60),
        ("2026-11-01T12:00:00.001Z", None),
    ],
)
async def test_a_slot_that_shares_a_moment_with_another_is_refused(
    town: Market, start: str, minutes: int | None
) -> None:
    await town.do("operator", "publishGame", deliverySlot=NOON)
    length = {} if minutes is None else {"slotDurationMs": minutes * 60_000}
    (result,) = await town.submit(town.command("operator", "publishGame", deliverySlot=start, **length))
    assert result["code"] == "SLOT_OVERLAPS"
    assert "2026-11-01T12:00:00.000Z to 2026-11-01T12:15:00.000Z" in result["message"]


async def test_slots_that_only_touch_are_all_taken_whatever_their_order_and_length(town: Market) -> None:
    for start, minutes in (
        ("2026-11-01T12:00:00Z", 15),
        ("2026-11-01T12:30:00Z", 15),
        ("2026-11-01T12:15:00Z", 15),
        ("2026-11-01T12:45:00Z", 11 * 60 + 30),
        ("2026-11-02T00:15:00Z", 15),
        ("2026-10-31T23:45:00Z", 12 * 60 + 15),
    ):
        await town.do("operator", "publishGame", deliverySlot=start, slotDurationMs=minutes * 60_000)
    assert await town.rejection("operator", "publishGame", deliverySlot="2026-11-02T00:29:00Z") == "SLOT_OVERLAPS"
    await town.do("operator", "resetMarket")
    await town.do("operator", "publishGame", deliverySlot="2026-11-02T00:29:00Z")


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 150)), max_size=40))
def test_spans_are_taken_if_and_only_if_no_moment_of_them_is(wanted: list[tuple[int, int]]) -> None:
    spans: list[tuple[int, int]] = []
    moments: set[int] = set()
    for start, length in wanted:
        own = set(range(start, start + length))
        if own & moments:
            with pytest.raises(SlotOverlaps):
                with_span(list(spans), (start, start + length))
        else:
            spans = with_span(list(spans), (start, start + length))
            moments |= own
    assert {moment for start, end in spans for moment in range(start, end)} == moments
    assert all(before[1] < after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("slot", ["2026-10-25T02:15", "20261025T0215", "2026-10-25 02:15:00"])
async def test_a_local_time_without_an_offset_is_refused_with_a_sentence(town: Market, slot: str) -> None:
    (result,) = await town.submit(town.command("operator", "publishGame", deliverySlot=slot))
    assert result["code"] == "MALFORMED_COMMAND"
    assert "local time without an offset" in result["message"]


@pytest.mark.parametrize(
    "slot",
    [
        *("2026-13-45T00:00Z", "2026-02-29T10:00:00Z", "2026-01-01T24:00:00.5Z", "2026-01-01T10:60Z"),
        *("2026-01-01T10:00:00.0005Z", "2026-01-01T10:00+24:00", "2026-366T10:00Z", "2026-W54-1T10:00Z"),
        *("2026-01-01T10:00:00-04:00:30", "2026-01-01T1:00Z", "0001-01-01T00:00+01:00"),
    ],
)
async def test_what_looks_like_a_time_and_is_none_is_no_slot(town: Market, slot: str) -> None:
    assert await town.rejection_of_form("publishGame", deliverySlot=slot) == "MALFORMED_COMMAND"


@pytest.mark.parametrize("name", ["noon", "2026-11-01", "2026", "slot-2026-11-01T05:15:00Z"])
def test_any_other_name_stays_as_it_is(name: str) -> None:
    assert instant_ms(name) is None
    assert slot_name(name) == name


OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.integers(-(10**12), 10**14).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


@given(moment=MOMENTS, zone=OFFSETS, separator=st.sampled_from("Tt "), basic=st.booleans(), date=st.integers(0, 2))
def test_every_spelling_of_a_moment_is_read_as_that_moment(
    moment: datetime, zone: timezone, separator: str, basic: bool, date: int
) -> None:
    local = moment.astimezone(zone)
    day = local.date().isoformat()
    if date == 1:
        year, week, weekday = local.isocalendar()
        day = f"{year:04d}-W{week:02d}-{weekday}"
    elif date == 2:
        day = f"{local.year:04d}-{local.timetuple().tm_yday:03d}"
    clock = local.strftime("%H:%M:%S") + f".{local.microsecond:06d}"
    offset = local.isoformat()[-6:]
    text = f"{day.replace('-', '')}{separator}{clock.replace(':', '')}{offset[0]}{offset[1:].replace(':', '')}"
    spelling = text if basic else f"{day}{separator}{clock}{offset}"
    assert instant_ms(spelling) == milliseconds(moment)


# -- the phases


async def test_all_times_of_a_slot_are_known_and_told_when_its_game_is_published(town: Market) -> None:
    game = await published(town, meteringWindowMs=10 * MINUTE_MS, correctionWindowMs=HOUR_MS)
    closed_gate = SLOT_MS - 5 * MINUTE_MS
    over = SLOT_MS + 15 * MINUTE_MS
    metered = over + 10 * MINUTE_MS
    expected = [closed_gate, SLOT_MS, SLOT_MS, over, metered, metered + HOUR_MS]
    assert times_ms(game) == expected
    assert game.parameters.slot_duration_ms == game.parameters.delivery_duration_ms == 15 * MINUTE_MS
    (event,) = town.named("GameInitEvent")
    assert (event["registrationEndsAt"], event["finalAt"]) == (iso_time(closed_gate), iso_time(metered + HOUR_MS))
    (summary,) = (await town.invoke("games"))["games"]
    assert summary["meteringEndsAt"] == iso_time(metered)


@pytest.mark.parametrize(
    ("left_ms", "parameters", "open_ms"),
    [
        (2 * HOUR_MS, {}, 2 * HOUR_MS - 5 * MINUTE_MS),
        (2 * HOUR_MS, {"clearingDurationMs": MINUTE_MS}, 2 * HOUR_MS - MINUTE_MS),
        (4 * MINUTE_MS, {}, 2 * MINUTE_MS),
        (2 * HOUR_MS, {"registrationDurationMs": HOUR_MS}, HOUR_MS),
        (HOUR_MS, {"registrationDurationMs": 2 * HOUR_MS}, HOUR_MS),
    ],
)
async def test_the_gate_closes_in_time_for_the_clearing_and_never_after_the_slots_start(
    town: Market, left_ms: int, parameters: dict[str, int], open_ms: int
) -> None:
    game = await published(town, START_MS + left_ms, **parameters)
    assert milliseconds(game.registration_ends_at) == START_MS + open_ms
    assert game.parameters.clearing_duration_ms == left_ms - open_ms


async def test_a_slot_that_began_already_has_no_registration_and_is_delivered(town: Market) -> None:
    game = await published(town, START_MS - MINUTE_MS)
    assert (game.phase, game.readings_awaited) == (Phase.DELIVERY, 0)
    assert game.stop is not None
    assert game.stop.reason == "no-trade"
    assert await town.rejection("S1", "publishOffer", game="g", amount=1, price=1) == "WRONG_PHASE"
    assert await town.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"
    town.now_ms = START_MS + 14 * MINUTE_MS
    await town.do("operator", "closeMarket", game="g")


async def test_durations_that_the_kind_of_slot_does_not_have_are_refused(town: Market) -> None:
    for slot, field in ((iso_time(SLOT_MS), "deliveryDurationMs"), ("noon", "slotDurationMs")):
        assert await town.rejection("operator", "publishGame", deliverySlot=slot, **{field: 1000}) == "DURATION_UNFIT"
    assert await town.rejection("operator", "publishGame", clearingDurationMs=1000) == "DURATION_UNFIT"


async def test_a_game_without_a_slots_time_is_delivered_when_it_stops(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", expectedParticipants=3, deliveryDurationMs=2000)
    assert times_ms(await shown(town)) == [START_MS + MINUTE_MS, None, None, None, None, None]
    await register(town)
    await town.do("operator", "stopGameRegistration", game="g")
    town.now_ms += 1000
    await town.play_out("g")
    began, ended = START_MS + 1000, START_MS + 3000
    assert times_ms(await shown(town)) == [START_MS + MINUTE_MS, began, began, ended, ended, ended]


# -- turns and the slot's start


async def test_a_turn_lasts_at_most_until_the_slot_starts(town: Market) -> None:
    await published(town, turnDeadlineMs=3 * MINUTE_MS)
    await register(town)
    town.now_ms = SLOT_MS - 5 * MINUTE_MS
    await town.do("operator", "stopGameRegistration", game="g")
    assert town.named("BuyBidEvent")[-1]["deadline"] == iso_time(SLOT_MS - 2 * MINUTE_MS)
    town.now_ms = SLOT_MS - 2 * MINUTE_MS
    await town.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "4"})
    assert town.named("BuyBidEvent")[-1]["deadline"] == iso_time(SLOT_MS)
    assert await town.rejection("operator", "skipTurn", game="g", buyer="B2", round=1) == "DEADLINE_NOT_PASSED"


async def test_at_the_slots_start_turns_are_over_and_the_bids_that_stand_count(town: Market) -> None:
    await published(town)
    await register(town)
    town.now_ms = SLOT_MS - 5 * MINUTE_MS
    await town.do("operator", "stopGameRegistration", game="g")
    await town.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "4"})
    town.now_ms = SLOT_MS
    assert await town.rejection("B2", "publishBuyBid", game="g", bidAmounts={"S1": "4"}) == "DELIVERY_BEGUN"
    assert await town.rejection("B2", "publishBuyBid", game="g", keepPlaying=False) == "DELIVERY_BEGUN"
    await town.do("operator", "skipTurn", game="g", buyer="B2", round=1)
    (stop,) = town.named("GameStopEvent")
    assert (stop["reason"], stop["totalNrRounds"]) == ("deadline", 1)
    assert [(t["buyer"], t["energy"]) for t in await town.transfers("g")] == [("B1", 4)]


async def test_a_gate_that_is_closed_too_late_to_play_leaves_everybody_to_the_grid(town: Market) -> None:
    await published(town)
    await register(town)
    town.now_ms = SLOT_MS
    assert await town.do("operator", "stopGameRegistration", game="g") == {"game": "g", "phase": "delivery"}
    (stop,) = town.named("GameStopEvent")
    assert stop["reason"] == "deadline"
    assert not await town.transfers("g")


# -- delivery, metering, close


async def contracted(town: Market) -> None:
    """A slot whose game stopped before it starts."""
    await published(town)
    await register(town)
    town.now_ms = SLOT_MS - 5 * MINUTE_MS
    await town.do("operator", "stopGameRegistration", game="g")
    await town.play_out("g")


async def test_nothing_is_metered_before_the_slot(town: Market) -> None:
    await contracted(town)
    reading = {"game": "g", "sequence": 1, "inEnergy": "4", "outEnergy": "0"}
    assert await town.rejection("B1", "publishMeterReading", **reading) == "DELIVERY_NOT_BEGUN"


async def test_the_market_closes_once_the_slot_is_over_and_all_have_reported(town: Market) -> None:
    await contracted(town)
    town.now_ms = SLOT_MS + 14 * MINUTE_MS
    for name, reading in {"S1": {"fed_in": "8"}, "B1": {"taken": "4"}}.items():
        await town.read_meter("g", name, **reading)
    assert (await shown(town)).readings_awaited == 1
    town.now_ms = SLOT_MS + 15 * MINUTE_MS
    assert await town.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"
    await town.read_meter("g", "B2", taken="4")
    assert (await shown(town)).readings_awaited == 0
    await town.do("operator", "closeMarket", game="g")
    game = await shown(town)
    assert game.settlement is not None
    assert game.settlement.energy_delivered == 8
    assert not game.settlement.presumed


async def test_whoever_is_silent_is_waited_for_until_the_metering_window_ends(town: Market) -> None:
    await contracted(town)
    town.now_ms = SLOT_MS + 30 * MINUTE_MS - 1
    assert await town.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"
    town.now_ms += 1
    await town.do("operator", "closeMarket", game="g")
    assert (await shown(town)).phase is Phase.CLOSED


async def test_readers_tell_metering_and_final_by_the_times(town: Market) -> None:
    await contracted(town)
    game = await shown(town)
    over, metered = SLOT_MS + 15 * MINUTE_MS, SLOT_MS + 30 * MINUTE_MS

    def phase_at(ms: int) -> Phase:
        return game.phase_at(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))

    assert [phase_at(over - 1), phase_at(over)] == [Phase.DELIVERY, Phase.METERING]
    town.now_ms = metered
    await town.do("operator", "closeMarket", game="g")
    game = await shown(town)
    assert [phase_at(metered - 1), phase_at(metered)] == [Phase.CLOSED, Phase.FINAL]
