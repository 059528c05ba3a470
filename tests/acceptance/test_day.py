"""`energy-market demo` with a day's scenario: real processes, simulated time, and totals that equal the table's."""

import csv
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import simplejson

from demo.scenario_file import SCENARIOS

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

HALF_DAY = """
name: noon
profiles: {profiles}
slots: {{start: 2026-06-23T10:00:00Z, step: 15m, count: 12}}
tariffs: {{retail: 0.2869, feed_in: 0.1231}}
graph: [[I-1, feeder], [I-2, feeder], [I-3, feeder], [I-4, feeder]]
"""
SUMS = ("traded_kwh", "from_grid_kwh", "to_grid_kwh")


def metered(first: str, last: str) -> dict[str, tuple[Decimal, Decimal]]:
    """What the meters of the houses count by the table, from one slot to another: taken and fed in."""
    counted: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    with (SCENARIOS / "houses.csv").open() as file:
        for row in csv.DictReader(file):
            lacks = Decimal(row["load_kwh"]) - Decimal(row["pv_kwh"])
            if first <= row["start"] <= last:
                counted[row["prosumer"]][lacks < 0] += abs(lacks)
    return {name: (taken, fed_in) for name, (taken, fed_in) in counted.items()}


def result_of(demo: Any) -> dict[str, Any]:
    output, _ = demo.process.communicate(timeout=300)
    assert demo.process.returncode == 0, output
    assert "conserved to the last unit" in output
    return dict(simplejson.loads(demo.result_file.read_text(), use_decimal=True))


def check(result: dict[str, Any], right: dict[str, tuple[Decimal, Decimal]]) -> None:
    households, slots = result["households"], result["slots"]
    assert {name: (one["in_kwh"], one["out_kwh"]) for name, one in households.items()} == right
    assert {slot["phase"] for slot in slots} <= {"closed", "final"}
    traded, from_grid, to_grid = (sum(slot[name] for slot in slots) for name in SUMS)
    assert traded == sum(one["bought_kwh"] for one in households.values())
    assert traded == sum(one["sold_kwh"] for one in households.values())
    assert traded + from_grid == sum(taken for taken, _ in right.values())
    assert traded + to_grid == sum(fed_in for _, fed_in in right.values())
    before, after = result["accounts"]["before"], result["accounts"]["after"]
    for name, one in households.items():
        assert after[name]["balance"] - before[name]["balance"] == one["received"] - one["paid"]
    assert result["money_conserved"] is True
    assert all(purse["frozen"] == 0 for purse in after.values())


@pytest.mark.day
def test_the_hours_around_noon_are_settled_as_the_table_says(start_demo: Any, pids_with: Any, tmp_path: Path) -> None:
    (tmp_path / "noon.yaml").write_text(HALF_DAY.format(profiles=SCENARIOS / "houses.csv"))
    demo = start_demo("--scenario", str(tmp_path / "noon.yaml"))
    result = result_of(demo)

    check(result, metered("2026-06-23T10:00:00Z", "2026-06-23T12:45:00Z"))
    assert len(result["slots"]) == 12
    assert sum(slot["traded_kwh"] for slot in result["slots"]) > 1
    assert pids_with(str(demo.home)) == [], "the demo left processes behind"


@pytest.mark.day
def test_a_whole_day_of_four_houses_is_settled_as_the_table_says(start_demo: Any) -> None:
    result = result_of(start_demo("--scenario", "day"))

    check(result, metered("2026", "2027"))
    assert len(result["slots"]) == 96
    tradable = [slot for slot in result["slots"] if slot["traded_kwh"]]
    assert 0 < len(tradable) <= 43
    assert 4 < sum(slot["traded_kwh"] for slot in tradable) <= Decimal("7.8714")


TWO_SLOTS = """
name: pair
profiles: pair.csv
slots: {start: 2026-06-23T12:00Z, step: 15m, count: 2}
tariffs: {retail: 0.3, feed_in: 0.1}
graph: [[A, B]]
"""
PAIR = """start,prosumer,load_kwh,pv_kwh
2026-06-23T12:00Z,A,0,1
2026-06-23T12:00Z,B,0.5,0
2026-06-23T12:15Z,A,0.2,0
2026-06-23T12:15Z,B,0.5,0
"""


def test_days_are_played_one_after_the_other_on_a_market_that_is_up(start: Any, tmp_path: Path) -> None:
    (tmp_path / "pair.yaml").write_text(TWO_SLOTS)
    (tmp_path / "pair.csv").write_text(PAIR)
    ports = [word for service in ("queue", "optimizer", "clock", "dashboard") for word in (f"--{service}-port", "0")]
    market = start("operator_cli.main", "up", *ports)
    addresses: dict[str, str] = {}
    for line in market.stdout:
        found = dict(re.findall(r"(queue|optimizer|clock) (http://[\d.:]+)", line))
        addresses |= {f"ENERGY_MARKET_{name.upper()}_URL": url for name, url in found.items()}
        if len(addresses) == 3:
            break
    days = start("demo", "--scenario", str(tmp_path / "pair.yaml"), "--factor", "3600", **addresses)
    told = list(islice((line for line in days.stdout if "slots are settled" in line), 2))

    assert "2026-06-23: 2 of 2 slots are settled" in told[0]
    assert "2026-06-24: 2 of 2 slots are settled" in told[1]
    assert all("kWh were traded" in line and "; 0 kWh were traded" not in line for line in told)
    days.terminate()
    days.communicate(timeout=60)
    assert days.returncode == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Start a module of ours on a home of its own; what still runs at the end is told to end."""
    started: list[subprocess.Popen[str]] = []

    def begin(module: str, *words: str, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=tmp_path,
            env={**os.environ, "ENERGY_MARKET_HOME": str(tmp_path / "home"), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in reversed(started):
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)
