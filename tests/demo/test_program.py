"""``python -m demo``: what it says before it enters anybody."""

import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from rich.console import Console

from demo import __main__ as program
from demo.day_scenario import DayScenario
from demo.scenario import Scenario
from market_host import ProcessLog

POOR = """
name: poor
starting_balance: 0
sellers: {S1: {capacity: 30, price: 0.1}}
buyers: {B1: {demand: 40, total_production: 1, total_consumption: 2}}
graph: [[S1, B1]]
"""


def test_what_is_probably_not_meant_is_said_before_the_people_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entered = []

    async def run(scenario: Scenario | DayScenario, every: str, factor: int | None) -> None:
        entered.append((scenario.name, capsys.readouterr().err.splitlines()))

    (tmp_path / "poor.yaml").write_text(POOR)
    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr(sys, "argv", ["demo", "--scenario", str(tmp_path / "poor.yaml")])
    assert program.main() == 0
    ((name, said),) = entered
    assert name == "poor"
    assert said[0] == "warning: The starting_balance of poor may not cover what these want: S1, B1."
    assert "10 kWh can only come from the grid" in said[1]


def test_what_an_output_cannot_show_is_escaped_and_ends_no_market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: object) -> None:
        ProcessLog(Console(width=200)).say("Łódź is up")

    (tmp_path / "poor.yaml").write_text(POOR)
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr(sys, "argv", ["demo", "--scenario", str(tmp_path / "poor.yaml")])
    assert program.main() == 0
    sys.stdout.flush()
    assert rb"\u0141\xf3d\u017a is up" in written.getvalue()
