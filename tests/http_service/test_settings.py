"""Settings come from the environment, and flags override them."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import Field, model_validator

from http_service import ServiceSettings, parse_arguments


class QueueSettings(ServiceSettings):
    """A service's settings."""

    port: int = 8080
    queue_url: str = Field("http://127.0.0.1:1", description="where the queue is")
    max_depth: int = Field(5, gt=0)


def parse(*argv: str) -> QueueSettings:
    return parse_arguments(QueueSettings, "A queue.", argv)


def test_without_flags_and_environment_the_defaults_hold() -> None:
    settings = parse()
    assert (settings.host, settings.port, settings.announce) == ("127.0.0.1", 8080, None)
    assert settings.home == Path(".energy-market")


def test_a_flag_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_MARKET_QUEUE_URL", "http://environment")
    monkeypatch.setenv("ENERGY_MARKET_MAX_DEPTH", "6")
    assert parse("--queue-url", "http://flag").queue_url == "http://flag"
    assert parse("--queue-url", "http://flag").max_depth == 6


def test_every_field_is_a_flag_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "A queue." in shown
    assert "--queue-url" in shown
    assert "where the queue is" in shown


@pytest.mark.parametrize("argv", [["--max-depth", "0"], ["--port", "x"], ["--nonsense", "1"]])
def test_a_wrong_flag_ends_the_program_with_a_sentence_that_names_it(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(*argv)
    assert end.value.code == 2
    assert argv[0] in capsys.readouterr().err


def test_a_wrong_variable_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_MAX_DEPTH", "many")
    with pytest.raises(SystemExit):
        parse()
    assert "ENERGY_MARKET_MAX_DEPTH" in capsys.readouterr().err


class TwoSpeeds(ServiceSettings):
    """Settings of which two must fit together."""

    slow: int = 1
    fast: int = 2

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.slow > self.fast:
            raise ValueError("slow must not be faster than fast")
        return self


def test_settings_that_do_not_fit_together_end_the_program_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse_arguments(TwoSpeeds, "Two speeds.", ["--slow", "3"])
    assert end.value.code == 2
    assert "slow must not be faster than fast" in capsys.readouterr().err
