"""`energy-market demo` with a day's scenario: real processes, simulated time, and totals that equal the table's."""

import csv
from collections import defaultdict
from decimal import Decimal
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


def test_the_hours_around_noon_are_settled_as_the_table_says(start_demo: Any, pids_with: Any, tmp_path: Path) -> None:
    (tmp_path / "noon.yaml").write_text(HALF_DAY.format(profiles=SCENARIOS / "houses.csv"))
    demo = start_demo("--scenario", str(tmp_path / "noon.yaml"))
    result = result_of(demo)

    check(result, metered("2026-06-23T10:00:00Z", "2026-06-23T12:45:00Z"))
    assert len(result["slots"]) == 12
    assert sum(slot["traded_kwh"] for slot in result["slots"]) > 1
    assert pids_with(str(demo.home)) == [], "the demo left processes behind"


def test_a_whole_day_of_four_houses_is_settled_as_the_table_says(start_demo: Any) -> None:
    result = result_of(start_demo("--scenario", "day"))

    check(result, metered("2026", "2027"))
    assert len(result["slots"]) == 96
    tradable = [slot for slot in result["slots"] if slot["traded_kwh"]]
    assert 0 < len(tradable) <= 43
    assert 4 < sum(slot["traded_kwh"] for slot in tradable) <= Decimal("7.8714")
