"""The example at the room's door does what it says."""

import doctest
from pathlib import Path

import market_files


def test_the_example_works(tmp_path: Path) -> None:
    failed, attempted = doctest.testmod(market_files, extraglobs={"folder": tmp_path})
    assert (failed, attempted > 0) == (0, True)
