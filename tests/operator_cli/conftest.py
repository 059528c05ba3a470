"""The operator's command line in this process, on a home of its own."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from operator_cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything in one line: a complaint may stand in a frame and be broken into lines."""
        return re.sub(r"[\s│╭╮╰╯─]+", " ", self.out + self.err)


Command = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home that commands work in."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ENERGY_MARKET_HOME", str(folder))
    return folder


@pytest.fixture
def energy_market(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``energy-market`` with some words."""

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["energy-market", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Ended(int(ended.value.code or 0), written.out, written.err)

    return run
