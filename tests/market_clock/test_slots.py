"""Which moments a schedule names."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import duration_ms, iso_time
from market_clock.schedule import Cron, Interval, SlotSeries, cron_trigger, time_zone

MOMENTS = st.integers(1_700_000_000_000, 1_900_000_000_000)
SPEEDS = st.integers(1, 3600)
INTERVALS = st.builds(Interval, every_ms=st.integers(1, 10**9), speed=SPEEDS)
CRONS = st.builds(
    Cron,
    expression=st.sampled_from(["* * * * *", "*/5 * * * *", "0 3 * * *", "30 8-18 * * mon-fri", "0 0 29 2 *"]),
    since_ms=MOMENTS,
    speed=SPEEDS,
)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@settings(deadline=None)
@given(series=INTERVALS | CRONS, moment=MOMENTS)
def test_the_next_slot_is_later_and_nothing_lies_between(series: SlotSeries, moment: int) -> None:
    slot = series.next_after(moment)

    if slot is not None:
        assert slot > moment
        assert series.next_after(slot - 1) == slot
        assert series.latest(moment, slot - 1) is None
        assert series.latest(moment, slot) == slot


@settings(deadline=None)
@given(series=INTERVALS | CRONS, moment=MOMENTS, slots=st.integers(1, 20))
def test_the_latest_of_many_slots_is_found_from_any_earlier_moment(series: SlotSeries, moment: int, slots: int) -> None:
    passed = [moment]
    while len(passed) <= slots and (following := series.next_after(passed[-1])) is not None:
        passed.append(following)

    if len(passed) > 1:
        assert series.latest(moment, passed[-1]) == passed[-1]
        assert series.latest(passed[-2], passed[-1]) == passed[-1]


@settings(deadline=None)
@given(every=st.integers(1, 10**9), speed=SPEEDS, moment=MOMENTS)
def test_a_factor_brings_intervals_closer_together(every: int, speed: int, moment: int) -> None:
    series = Interval(every, speed)

    slots = [series.next_after(moment)]
    for _ in range(speed):
        slots.append(series.next_after(slots[-1]))

    if every >= speed:  # else the milliseconds are too coarse to count
        assert slots[-1] - slots[0] == every


def test_cron_counts_in_utc() -> None:
    series = Cron("30 8 * * mon-fri", since_ms=at("2026-11-20T12:00"))

    assert series.next_after(at("2026-11-20T12:00")) == at("2026-11-23T08:30")


@pytest.mark.parametrize(
    ("zone", "day", "slots"),
    [
        ("Europe/Berlin", (2026, 10, 25), 100),
        ("Europe/Berlin", (2026, 3, 29), 92),
        ("Europe/Berlin", (2026, 6, 1), 96),
        ("America/New_York", (2026, 11, 1), 100),
        ("Australia/Lord_Howe", (2026, 4, 5), 98),
        ("Asia/Kolkata", (2026, 10, 25), 96),
    ],
)
def test_a_day_has_as_many_quarter_hours_as_its_clocks_show(zone: str, day: tuple[int, int, int], slots: int) -> None:
    midnight = datetime(*day, tzinfo=ZoneInfo(zone))
    first, end = (round(each.timestamp() * 1000) for each in (midnight, midnight + timedelta(days=1)))
    series = Cron("*/15 * * * *", since_ms=first, zone=zone)
    named = [first]
    while (slot := series.next_after(named[-1])) is not None and slot < end:
        named.append(slot)
    assert named == list(range(first, end, 900_000))
    assert len(named) == slots


def test_cron_counts_by_the_clocks_of_its_time_zone() -> None:
    series = Cron("30 8 * * *", since_ms=at("2026-06-20T12:00"), zone="Europe/Berlin")
    assert series.next_after(at("2026-06-20T12:00")) == at("2026-06-21T06:30")
    assert series.next_after(at("2026-12-20T12:00")) == at("2026-12-21T07:30")


@pytest.mark.parametrize("name", ["", "Berlin", "../etc", "Europe/Berlin/Mitte", "local"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        time_zone(name)


def test_a_sped_up_cron_runs_through_a_calendar_that_starts_at_midnight() -> None:
    series = Cron("0 * * * *", since_ms=at("2026-11-23T20:08"), speed=60)

    slot = series.next_after(at("2026-11-23T20:08"))

    assert slot == at("2026-11-23T20:09"), "an hour passes in a minute"


def test_a_sped_up_calendar_comes_to_its_end_without_a_fault() -> None:
    series = Cron("0 * * * *", since_ms=at("2026-11-23T20:08"), speed=3600)

    assert series.next_after(at("2030-01-01T00:00")) is None


def test_a_slot_is_named_in_utc_to_the_millisecond() -> None:
    assert iso_time(at("2026-11-23T20:08") + 7) == "2026-11-23T20:08:00.007Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1000),
        ("5m", 300_000),
        ("2h", 7_200_000),
        ("366d", 31_622_400_000),
        ("PT15M", 900_000),
        ("P1D", 86_400_000),
    ],
)
def test_durations_are_read(text: str, expected: int) -> None:
    assert duration_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "5", "0m", "-5m", "1.5h", "5 m", "m", "5w", "367d", "9999999d", "1\u0665m", "P15M", "PT", "PT1D", "pt5m"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        duration_ms(text)


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "61 * * * *", "* * * * 0", "* * * * 1-5", "a b c d e", "* * * * */9", "0 0 30 2 *"],
)
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must have|must name|is no cron|never comes"):
        cron_trigger(text)
