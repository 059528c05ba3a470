"""The README says what is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
STRATEGIES = (ROOT / "docs" / "how-to" / "write-a-strategy.md").read_text()
TEN_LINES = 10


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_its_strategy_is_the_one_that_is_played_in_a_test_and_has_ten_lines_at_most() -> None:
    (strategy,) = python_blocks(README)
    assert strategy == python_blocks(STRATEGIES)[0], "tests/prosumer_client/test_strategies.py plays that one"
    assert len([line for line in strategy.splitlines() if line.strip()]) <= TEN_LINES


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make ([a-z-]+)`?", README))))
def test_its_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("room", sorted(set(re.findall(r"^\| `([a-z_]+)/`", README, re.MULTILINE))))
def test_its_rooms_exist(room: str) -> None:
    assert (ROOT / room).is_dir()
