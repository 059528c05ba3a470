"""Meters' files: units, registers, time zones, gaps; and nothing is left out silently."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosumer_client.meter_file import (
    FileLayout,
    MeterSeries,
    Stamp,
    Trouble,
    Unit,
    UnusableMeterFile,
    Values,
    read_meter_file,
)

BERLIN = ZoneInfo("Europe/Berlin")
PLAIN = FileLayout(time_column="start", in_column="in", out_column="out")
NOON = datetime(2026, 6, 23, 12, tzinfo=UTC)
LOGGER = FileLayout(
    time_column="Zeit",
    in_column="Bezug Wh",
    out_column="Einspeisung Wh",
    delimiter=";",
    decimal_comma=True,
    unit=Unit.WH,
    values=Values.REGISTERS,
    time_zone=BERLIN,
    time_format="%d.%m.%Y %H:%M",
)


def read(text: str, layout: FileLayout = PLAIN) -> MeterSeries:
    [series] = read_meter_file(text.splitlines(), layout)
    return series


def troubles(series: MeterSeries) -> list[tuple[int, Trouble]]:
    return [(finding.row, finding.trouble) for finding in series.findings]


def test_the_registers_of_a_day_of_25_hours() -> None:
    first = datetime(2026, 10, 25, tzinfo=BERLIN).astimezone(UTC)
    times = [(first + number * timedelta(minutes=15)).astimezone(BERLIN) for number in range(101)]
    rows = [
        f"{time:%d.%m.%Y %H:%M};{12_345_678 + 124 * number},0;{2_345_000 + 76 * number},0"
        for number, time in enumerate(times)
    ]
    series = read("\n".join(["Zeit;Bezug Wh;Einspeisung Wh", *rows]), LOGGER)
    assert series.findings == []
    assert [reading.start for reading in series.readings] == [first + n * timedelta(minutes=15) for n in range(100)]
    assert (series.in_kwh, series.out_kwh) == (Decimal("12.4"), Decimal("7.6"))


def test_the_hour_that_does_not_exist_is_named() -> None:
    layout = replace(PLAIN, out_column=None, time_zone=BERLIN)
    series = read("start,in\n2026-03-29T01:45,1\n2026-03-29T02:15,1\n2026-03-29T03:00,1", layout)
    assert troubles(series) == [(3, Trouble.NO_SUCH_TIME)]
    assert [reading.start for reading in series.readings] == [
        datetime(2026, 3, 29, 0, 45, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("unit", "number", "kwh"),
    [(Unit.WH, "250", "0.25"), (Unit.KWH, "0.25", "0.25"), (Unit.MWH, "0.00025", "0.25"), (Unit.KW, "1", "0.25")],
)
def test_units(unit: Unit, number: str, kwh: str) -> None:
    series = read(f"start,in,out\n2026-06-23T12:00:00Z,{number},0", replace(PLAIN, unit=unit))
    assert [(each.start, each.in_kwh, each.out_kwh) for each in series.readings] == [(NOON, Decimal(kwh), Decimal(0))]


def test_a_row_may_be_dated_by_its_slots_end() -> None:
    series = read("start,in,out\n2026-06-23T14:15:00+02:00,1,0", replace(PLAIN, stamp=Stamp.END))
    assert [reading.start for reading in series.readings] == [NOON]


def test_a_gap_is_no_zero() -> None:
    rows = [
        "start,in,out",
        "2026-06-23T12:00Z,0,0",
        "2026-06-23T12:15Z,,",
        "2026-06-23T12:30Z,1,0",
        "2026-06-23T13:30Z,1,0",
    ]
    series = read("\n".join(rows))
    assert [(reading.row, reading.in_kwh) for reading in series.readings] == [
        (2, Decimal(0)),
        (4, Decimal(1)),
        (5, Decimal(1)),
    ]
    assert troubles(series) == [(3, Trouble.NO_VALUE), (5, Trouble.GAP)]
    assert "3 slots from 2026-06-23T12:45Z on" in series.findings[1].text


def test_what_lies_between_distant_registers_is_said_and_not_sent() -> None:
    layout = replace(PLAIN, values=Values.REGISTERS)
    rows = ["start,in,out", "2026-06-23T12:00Z,10,5", "2026-06-23T12:45Z,13,5", "2026-06-23T13:00Z,13.5,5"]
    series = read("\n".join(rows), layout)
    assert [(reading.start, reading.in_kwh) for reading in series.readings] == [
        (NOON + timedelta(minutes=45), Decimal("0.5"))
    ]
    assert troubles(series) == [(3, Trouble.GAP)]
    assert "3 slots from 2026-06-23T12:00Z on" in series.findings[0].text
    assert "3 and fed in 0 kWh" in series.findings[0].text


def test_a_register_that_falls_has_rolled_over_only_if_that_is_plausible() -> None:
    registers = ["12:00Z,999999,5", "12:15Z,0.5,5", "12:30Z,0.2,5", "12:45Z,1,5"]
    text = "\n".join(["start,in,out", *(f"2026-06-23T{row}" for row in registers)])
    layout = replace(PLAIN, values=Values.REGISTERS)
    assert troubles(read(text, layout)) == [(3, Trouble.REGISTER_FELL), (4, Trouble.REGISTER_FELL)]
    knowing = replace(layout, modulus_kwh=Decimal(1_000_000), power_kw=Decimal(10))
    series = read(text, knowing)
    assert [reading.in_kwh for reading in series.readings] == [Decimal("1.5"), Decimal("0.8")]
    assert troubles(series) == [(4, Trouble.REGISTER_FELL)]


def test_what_the_connection_cannot_have_taken_is_implausible() -> None:
    series = read(
        "start,in,out\n2026-06-23T12:00Z,2.5,0\n2026-06-23T12:15Z,2.5001,0", replace(PLAIN, power_kw=Decimal(10))
    )
    assert [reading.in_kwh for reading in series.readings] == [Decimal("2.5")]
    assert troubles(series) == [(3, Trouble.IMPLAUSIBLE)]


@pytest.mark.parametrize(
    ("row", "trouble"),
    [
        ("tomorrow,1,0", Trouble.UNREADABLE_TIME),
        ("2026-06-23T12:00Z,1", Trouble.SHORT_ROW),
        ("2026-06-23T11:45Z,1,0", Trouble.OUT_OF_ORDER),
        ("2026-06-23T11:30Z,1,0", Trouble.OUT_OF_ORDER),
        ("2026-06-23T12:01Z,1,0", Trouble.OFF_STEP),
        ('2026-06-23T12:00Z,"1,5",0', Trouble.UNREADABLE_NUMBER),
        ("2026-06-23T12:00Z,1_000,0", Trouble.UNREADABLE_NUMBER),
        ("2026-06-23T12:00Z,inf,0", Trouble.UNREADABLE_NUMBER),
        ("2026-06-23T12:00Z,1,-1", Trouble.NEGATIVE),
    ],
)
def test_every_row_gives_a_reading_or_a_finding(row: str, trouble: Trouble) -> None:
    series = read(f"start,in,out\n2026-06-23T11:45Z,1,0\n{row}\n2026-06-23T12:15Z,1,0")
    assert (3, trouble) in troubles(series)
    assert [reading.row for reading in series.readings] == [2, 4]


def test_prosumers_are_told_apart() -> None:
    layout = replace(PLAIN, prosumer_column="who")
    rows = ["start,who,in,out", "2026-06-23T12:00Z,A,1,0", "2026-06-23T12:00Z,B,2,0", "2026-06-23T12:15Z,A,3,0"]
    series = read_meter_file(rows, layout)
    assert [(each.prosumer, each.in_kwh) for each in series] == [("A", Decimal(4)), ("B", Decimal(2))]


@pytest.mark.parametrize(
    ("text", "layout", "said"),
    [
        ("", PLAIN, "is empty"),
        ("start;in;out\n", PLAIN, "no column 'start'; with delimiter ','"),
        ("start,in,out\n2026-06-23T12:00,1,0", PLAIN, "which time zone"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, layout: FileLayout, said: str) -> None:
    with pytest.raises(UnusableMeterFile, match=said):
        read_meter_file(text.splitlines(), layout)


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert read("\ufeffstart,in,out\n2026-06-23T12:00Z,1,0").in_kwh == 1


@given(st.lists(st.decimals(min_value=0, max_value=5, places=7), min_size=1, max_size=40))
def test_rounding_loses_no_energy(numbers: list[Decimal]) -> None:
    rows = [f"{(NOON + n * timedelta(minutes=15)).isoformat()},{number:f},0" for n, number in enumerate(numbers)]
    series = read("\n".join(["start,in,out", *rows]))
    assert series.findings == []
    assert abs(series.in_kwh - sum(numbers)) <= Decimal("0.00005")
    for reading, number in zip(series.readings, numbers, strict=True):
        assert reading.in_kwh >= 0
        assert abs(reading.in_kwh - number) <= Decimal("0.0001")
