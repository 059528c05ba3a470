"""``energy-market meters import``: what is shown of a file, and what is refused before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

ROWS = "Zeit;Bezug Wh\n2026-06-23 12:00;1000,0\n2026-06-23 12:15;1250,5\n2026-06-23 12:30;\n"
WORDS = (
    *("--columns", "time=Zeit,in=Bezug Wh", "--delimiter", ";", "--decimal-comma", "--unit", "Wh", "--registers"),
    *("--zone", "Europe/Berlin"),
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "meter.csv"
    path.write_text(ROWS)
    return str(path)


def test_a_dry_run_shows_every_row_and_needs_no_market(energy_market: Any, file: str) -> None:
    ended = energy_market("meters", "import", file, *WORDS, "--dry-run", "--json")
    assert ended.code == 0
    [series] = json.loads(ended.out)
    assert series["readings"] == [{"row": 3, "slot": "2026-06-23T10:00:00.000Z", "inEnergy": 0.2505, "outEnergy": 0}]
    assert [(each["row"], each["code"]) for each in series["findings"]] == [(4, "NO_VALUE")]
    assert (series["inEnergy"], series["outEnergy"]) == (0.2505, 0)
    shown = energy_market("meters", "import", file, *WORDS, "--dry-run").said
    assert "NO_VALUE" in shown
    assert "1 readings: 0.2505 kWh taken, 0 kWh fed in; 1 remarks" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--columns", "time=Zeit"), 2, "names at least time and in"),
        (("--columns", "time=Uhr,in=Bezug Wh", "--delimiter", ";"), 1, "there is no column 'Uhr'"),
        (("--columns", "time=Zeit,in=Bezug Wh", "--delimiter", ";"), 1, "say which time zone"),
        (("--zone", "Berlin"), 2, "no time zone"),
        (("--power-kw", "much"), 2, "no number above zero"),
        ((*WORDS, "--unit", "kW"), 1, "registers count energy"),
    ],
)
def test_what_was_said_about_a_file_and_cannot_be_is_named(
    energy_market: Any, file: str, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = energy_market("meters", "import", file, *words, "--dry-run")
    assert (ended.code, said in ended.said) == (code, True), ended.said
