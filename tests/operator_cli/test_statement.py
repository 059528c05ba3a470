"""``energy-market statement``: a month is one of where somebody lives."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy_market_chaincode import iso
from operator_cli.statement_command import month_of, shown_time

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_month_begins_and_ends_at_local_midnight() -> None:
    begins, ends = month_of("2026-11", BERLIN)
    assert (iso(begins), iso(ends)) == ("2026-10-31T23:00:00.000Z", "2026-11-30T23:00:00.000Z")
    begins, ends = month_of("2026-12", BERLIN)
    assert (iso(begins), iso(ends)) == ("2026-11-30T23:00:00.000Z", "2026-12-31T23:00:00.000Z")


@pytest.mark.parametrize(("month", "quarter_hours"), [("2026-03", 2972), ("2026-10", 2980), ("2026-11", 2880)])
def test_a_month_in_which_clocks_change_has_all_its_quarter_hours(month: str, quarter_hours: int) -> None:
    begins, ends = (each.astimezone(ZoneInfo("UTC")) for each in month_of(month, BERLIN))
    assert ends - begins == quarter_hours * timedelta(minutes=15)


@pytest.mark.parametrize(
    "words",
    [
        ("--month", "2026-13"),
        ("--month", "November"),
        ("--month", "2026-11", "--from", "2026-11-01T00:00Z"),
        ("--from", "2026-11-01T00:00"),
        ("--to", "tomorrow"),
        ("--month", "2026-11", "--zone", "Berlin"),
    ],
)
def test_a_time_that_is_none_is_refused_before_anybody_is_asked(energy_market: Any, words: tuple[str, ...]) -> None:
    ended = energy_market("statement", "P100", *words)
    assert ended.code == 2
    assert words[-2] in ended.said or words[0] in ended.said


def test_slots_that_are_shorter_than_a_minute_are_told_apart() -> None:
    starts = [datetime(2026, 11, 30, 16, 29, second, tzinfo=UTC) for second in (0, 15)]
    assert [shown_time(each, BERLIN) for each in starts] == ["2026-11-30T17:29+01:00", "2026-11-30T17:29:15+01:00"]
