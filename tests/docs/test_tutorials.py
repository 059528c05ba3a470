"""Every tutorial does what it says, typed in the project's folder as a reader would."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.docs.reader import BOTH_TERMINALS, OTHER_TERMINAL, Reader

TUTORIALS = sorted((ROOT / "docs" / "tutorial").glob("*.md"))

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


def is_set_up(block: Block) -> bool:
    """Tell whether a block sets the project up: tests/fresh_machine does that on a machine that has nothing."""
    return any(line.startswith("make ") for line in block.text.splitlines())


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def follow(reader: Reader, name: str) -> str:
    typed = (block for block in blocks(ROOT / "docs" / "tutorial" / name) if block.language != "text" or block.title)
    page = [block for block in typed if not is_set_up(block)]
    others = [block for block in page if block.title == OTHER_TERMINAL]
    mine = [block for block in page if block.title != OTHER_TERMINAL]
    if not others:
        return reader.types(mine)
    in_both = "".join(block.text for block in page if block.title == BOTH_TERMINALS)
    with reader.first_terminal(in_both + others[0].text):
        return reader.types(mine)


def signed_by_everybody() -> str:
    """What the page says that any program has to come to."""
    (printed,) = [block for block in blocks(ROOT / "docs/tutorial/without-our-library.md") if block.language == "text"]
    return printed.text


def test_a_game_can_be_watched_and_its_bills_read(reader: Reader) -> None:
    said = follow(reader, "watch-a-game.md")
    assert said.count("equilibrium after") == 2
    assert said.count("money conserved: True") == 2


@pytest.mark.day
def test_a_day_of_ones_own_table_can_be_played(reader: Reader) -> None:
    said = follow(reader, "a-day-of-your-own.md")
    assert said.count("would pay") == 3
    assert "money conserved: True" in said


def test_a_market_can_be_opened_played_on_and_checked(reader: Reader) -> None:
    said = follow(reader, "a-market-of-your-own.md")
    assert "equilibrium" in said
    assert "closed" in said


@pytest.mark.day
def test_a_street_with_meters_trades_slots_by_the_clock_on_the_wall(reader: Reader) -> None:
    said = follow(reader, "a-street-with-meters.md")
    assert re.search(r"^ *bought +0\.0*[1-9]", said, re.MULTILINE)
    assert '"isPresumed": true' in said
    assert "corrected by" in said


def test_a_strategy_plays_and_its_regret_is_told(reader: Reader) -> None:
    said = follow(reader, "a-strategy-of-your-own.md")
    assert "I bid" in said
    assert "all-passed" in said


def test_a_client_without_the_library_plays_a_whole_game(reader: Reader) -> None:
    said = follow(reader, "without-our-library.md")
    assert "took 16 kWh" in said
    assert "settled" in said
    assert signed_by_everybody() in said


def test_every_tutorial_is_one_of_these() -> None:
    names = {
        "watch-a-game",
        "a-day-of-your-own",
        "a-market-of-your-own",
        "a-street-with-meters",
        "a-strategy-of-your-own",
        "without-our-library",
    }
    assert {page.stem for page in TUTORIALS} == names
