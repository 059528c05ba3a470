"""Keys that are made for a command: they go with what was never sent, and whoever keeps one says so."""

from pathlib import Path
from typing import Any

import pytest

from operator_cli.settings import OperatorSettings
from prosumer_client import create_key


@pytest.fixture
def ended_by(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the market known, and what is ordered from it end in an error."""
    create_key(home / "keys" / "operator.pem")

    def end(error: BaseException) -> None:
        def order(*_: object) -> None:
            raise error

        monkeypatch.setattr(OperatorSettings, "ask", lambda *_: "a ledger")
        monkeypatch.setattr(OperatorSettings, "order", order)

    return end


@pytest.mark.parametrize("words", [("prosumers", "add", "Q1"), ("meters", "add", "Q1", "P1", "--power", "5")])
def test_ctrl_c_keeps_the_key_and_says_where(
    energy_market: Any, ended_by: Any, home: Path, words: tuple[str, ...]
) -> None:
    ended_by(KeyboardInterrupt())
    ended = energy_market(*words)
    assert ended.code == 130
    assert f"its key is kept in {home / 'keys' / 'Q1.pem'}" in ended.err
    assert (home / "keys" / "Q1.pem").exists()
