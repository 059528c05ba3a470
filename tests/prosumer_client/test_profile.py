"""Profiles from files, and what devices make of them, exact to 0.1 Wh."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode import Energy
from prosumer_client import Battery, Profile, ShiftableLoad, UnusableMeterFile, read_profiles
from prosumer_client.profile import Use, flows_of

MIDNIGHT = datetime(2026, 6, 23, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def profile(*uses: tuple[int, int], step: timedelta = QUARTER) -> Profile:
    """Uses (load, pv) from midnight on, 0.1 Wh."""
    return Profile({MIDNIGHT + n * step: Use(Energy(load), Energy(pv)) for n, (load, pv) in enumerate(uses)}, step)


def pairs(of: Profile) -> list[tuple[int, int]]:
    return [(use.load, use.pv) for use in of.uses.values()]


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(("start,prosumer,load_kwh,pv_kwh", *rows)) + "\n")
    return path


def test_a_file_in_the_canonical_form_has_a_profile_for_each_prosumer(tmp_path: Path) -> None:
    rows = ("2026-06-23T00:00:00Z,A,0.08,0", "2026-06-23T00:00:00Z,B,0.1,1.5")
    later = ("2026-06-23T02:15:00+02:00,A,0.07,0.01", "2026-06-23T00:15:00Z,B,0,0")
    read = read_profiles(write(tmp_path / "houses.csv", *rows, *later))
    assert {name: pairs(each) for name, each in read.items()} == {
        "A": [(800, 0), (700, 100)],
        "B": [(1000, 15000), (0, 0)],
    }
    assert Profile.read(tmp_path / "houses.csv", "A") == read["A"]
    with pytest.raises(UnusableMeterFile, match="has no rows of C; it has A, B"):
        Profile.read(tmp_path / "houses.csv", "C")


def test_the_first_two_times_tell_the_step(tmp_path: Path) -> None:
    rows = [f"2026-06-23T0{hour}:00:00Z,{name},1,0" for hour in range(3) for name in ("A", "B")]
    read = read_profiles(write(tmp_path / "hours.csv", *rows))
    assert read["A"].step == timedelta(hours=1)
    assert len(read["A"].uses) == 3


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["2026-06-23T00:00:00Z,A,,0"], "row 2, the row has no value"),
        (["2026-06-23T00:00:00Z,A,1,0", "2026-06-23T00:15:00Z,A,1,0", "2026-06-23T00:45:00Z,A,1,0"], "have no row"),
        (["2026-06-23T00:00:00,A,1,0"], "has no offset from UTC"),
        (["yesterday,A,1,0"], "is no time in ISO 8601"),
        (["2026-06-23T00:00:00Z,A,1,-2"], "is below zero"),
    ],
)
def test_a_file_with_which_nobody_can_plan_is_refused(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(UnusableMeterFile, match=said):
        read_profiles(write(tmp_path / "houses.csv", *rows))


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableMeterFile, match=r"houses\.csv cannot be read: No such file"):
        read_profiles(tmp_path / "houses.csv")


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_what_is_no_file_is_neither_waited_for_nor_read_for_ever(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnusableMeterFile, match="no regular file"):
        read_profiles(tmp_path / place)


def test_a_file_that_a_spreadsheet_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_bytes(
        b"\xef\xbb\xbfstart,prosumer,load_kwh,pv_kwh\r\n2026-06-23T00:00:00Z,A,1,0\r\n"
    )
    assert list(read_profiles(tmp_path / "houses.csv")) == ["A"]
    (tmp_path / "houses.csv").write_bytes("start,prosumer,load_kwh,pv_kwh,note\n…,für".encode("latin-1", "replace"))
    with pytest.raises(UnusableMeterFile, match="not UTF-8"):
        read_profiles(tmp_path / "houses.csv")


def test_a_longer_slot_has_the_sum_of_its_steps_and_a_part_of_one_nothing() -> None:
    day = profile((1, 5), (2, 0), (3, 0))
    assert day.between(MIDNIGHT, MIDNIGHT + 2 * QUARTER) == Use(Energy(3), Energy(5))
    assert day.between(MIDNIGHT, MIDNIGHT + timedelta(minutes=20)) is None
    assert day.between(MIDNIGHT + 2 * QUARTER, MIDNIGHT + 4 * QUARTER) is None
    assert day.between(MIDNIGHT, MIDNIGHT) is None


def test_without_devices_a_household_takes_what_lacks_and_feeds_in_what_is_left() -> None:
    assert pairs(flows_of(profile((800, 0), (100, 300), (5, 5)), None, None)) == [(800, 0), (0, 200), (0, 0)]


def test_a_battery_stores_the_surplus_and_gives_it_back_at_once() -> None:
    battery = Battery(capacity_kwh=Decimal("0.05"), power_kw=Decimal("0.12"), efficiency=Decimal("0.9"))
    day = profile((0, 200), (0, 400), (300, 0), (100, 0), (100, 0))  # 0.03 kWh fit through in a quarter of an hour
    # it holds 0.018 kWh after the first step, and 0.045 after the second: 300 * 0.9
    assert pairs(battery.applied(day)) == [(0, 0), (0, 100), (0, 0), (0, 0), (50, 0)]


def test_a_full_battery_takes_no_more_and_an_empty_one_gives_none() -> None:
    battery = Battery(capacity_kwh=Decimal("0.01"), power_kw=Decimal(10), charge_kwh=Decimal("0.004"))
    assert pairs(battery.applied(profile((50, 0), (0, 150), (0, 10), (200, 0)))) == [
        (10, 0),
        (0, 50),
        (0, 10),
        (100, 0),
    ]


USES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)), min_size=1, max_size=60)
BATTERIES = st.builds(
    Battery,
    capacity_kwh=st.decimals("0.0001", 10, places=4),
    power_kw=st.decimals("0.1", 10, places=2),
    efficiency=st.decimals("0.5", 1, places=2),
)


@given(uses=USES, battery=BATTERIES)
def test_a_battery_makes_no_energy_and_holds_no_more_than_it_can(uses: list[tuple[int, int]], battery: Battery) -> None:
    day = profile(*uses)
    held, most = 0, int(battery.power_kw * 2_500)
    for (load, pv), (taken, fed_in) in zip(uses, pairs(battery.applied(day)), strict=True):
        assert not (taken and fed_in)
        charged = (pv - load) - (fed_in - taken)
        assert abs(charged) <= most
        held += int(charged * battery.efficiency) if charged > 0 else charged
        assert 0 <= held <= battery.capacity_kwh * 10_000
        if taken:
            assert charged <= 0
            assert held == 0 or -charged == most, "greedy: what lacks comes from the battery first"


def test_a_shiftable_load_runs_once_a_day_where_most_sun_is_left() -> None:
    load = ShiftableLoad(Decimal("0.05"), Decimal("0.12"), time(0, 15), time(1, 0))
    assert pairs(load.applied(profile((0, 900), (0, 10), (0, 500), (50, 400)))) == [
        (0, 900),
        (0, 10),
        (300, 500),
        (250, 400),
    ]


def test_a_window_may_lie_over_midnight_and_in_a_time_zone() -> None:
    load = ShiftableLoad(Decimal(1), Decimal(1), time(23, 0), time(1, 0), ZoneInfo("Europe/Berlin"))
    hours = profile(*[(0, 0)] * 48, step=timedelta(hours=1))  # 00:00 in UTC is 02:00 there
    ran = [n for n, (taken, _) in enumerate(pairs(load.applied(hours))) if taken]
    assert ran == [21, 45]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Battery(Decimal(0), Decimal(1)),
        lambda: Battery(Decimal(1), Decimal(1), efficiency=Decimal("1.1")),
        lambda: Battery(Decimal(1), Decimal(1), charge_kwh=Decimal(2)),
        lambda: ShiftableLoad(Decimal(0), Decimal(1), time(1), time(2)),
        lambda: ShiftableLoad(Decimal(3), Decimal(2), time(1), time(2)),
    ],
)
def test_a_device_that_cannot_be_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"battery|load|kW"):
        make()
