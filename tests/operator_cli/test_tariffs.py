"""``energy-market tariffs set`` asks back where cents were probably meant."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("kind", ["line", "csv", "json"])
def test_a_price_that_looks_like_cents_is_questioned(
    energy_market: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    words = ["--retail", "28.69", "--feed-in", "0.1231"]
    if kind != "line":
        file = tmp_path / f"tariffs.{kind}"
        texts = {
            "csv": "from,retail,feedIn\n2027-01-01T00:00+01:00,28.69,0.1231\n",
            "json": '[{"from": "2027-01-01T00:00+01:00", "retail": 28.69, "feedIn": 0.1231}]',
        }
        file.write_text(texts[kind])
        words = [str(file)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    ended = energy_market("tariffs", "set", *words)
    assert ended.code == 1
    assert "28.69 for a kWh is unusual; was 0.2869 meant?" in ended.said


@pytest.mark.parametrize("words", [("--yes", "--retail", "28.69"), ("--retail", "0.2869")])
def test_a_usual_price_or_a_confirmed_one_is_entered_without_a_question(
    energy_market: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ended = energy_market("tariffs", "set", *words, "--feed-in", "0.1231")
    assert "unusual" not in ended.said
    assert "KEY_FILE_MISSING" in ended.said, "it came as far as signing"


def test_a_line_that_cannot_be_is_named(energy_market: Any, tmp_path: Path) -> None:
    file = tmp_path / "tariffs.csv"
    file.write_text("from,retail,feedIn\n2027-01-01T00:00Z,0.3,0.1\n2027-01-01T00:00,0.3,0.1\n")
    ended = energy_market("tariffs", "set", str(file))
    assert ended.code == 2
    assert "tariffs.1.from" in ended.said
    assert "local time without an offset" in ended.said
