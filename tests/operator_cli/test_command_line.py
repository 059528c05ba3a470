"""The command line as a whole: what it imports, how it lists its commands, --json everywhere, and exit codes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import typer

from energy_market_chaincode import block_views
from operator_cli.main import COMMANDS, app, main
from operator_cli.settings import OperatorSettings
from prosumer_client import MarketClient, Patience, create_key

HEAVY = {"cryptography", "fastapi", "grpc", "httpx", "numpy", "pydantic", "pydantic_settings", "scipy", "uvicorn"}
LOADED = "import sys; from operator_cli.main import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"


def imported(*words: str) -> set[str]:
    """Return what of the heavy packages a command imports in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=False, timeout=60
    )
    return HEAVY & {name.partition(".")[0] for name in done.stderr.split()}


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return every command with the words it is called by, imported."""
    for name in group.commands:
        _, command, _ = group.resolve_command(typer.Context(group), [name])
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", [("--help",), ("--version",)], ids=" ".join)
def test_what_needs_no_command_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported(*words) == set()


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"network"}))
def test_no_command_imports_what_only_services_need(command: str) -> None:
    assert imported(command, "--help") & {"fastapi", "grpc", "numpy", "scipy", "uvicorn"} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_as_it_describes_itself(name: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    _, command, _ = group.resolve_command(typer.Context(group), [name])
    assert command is not None
    assert str(command.help).partition("\n")[0] == COMMANDS[name][1]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_answers_with_json_if_asked(words: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in ALL[words].params)


def test_with_json_an_error_is_one_document_on_standard_error(energy_market: Any) -> None:
    ended = energy_market("network", "status", "--json")
    assert ended.code == 1
    assert json.loads(ended.err)["code"] == "NETWORK_MISSING"
    assert ended.out == ""


def test_an_error_is_one_line_with_its_code(energy_market: Any) -> None:
    ended = energy_market("network", "down")
    assert ended.err.startswith("error NETWORK_MISSING: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [("--version", 0), ("network status", 1), ("games --nonsense", 2), ("games list", 3)],
)
def test_exit_codes_are_those_of_the_documentation(
    energy_market: Any, monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_QUEUE_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("operator_cli.settings.PATIENCE", Patience(total_s=0.1))
    assert energy_market(*words.split()).code == code


@pytest.mark.parametrize(
    ("words", "asked"),
    [((), (None, 20)), (("--limit", "1000"), (None, 1000)), (("--from", "7", "--limit", "3"), (7, 3))],
)
def test_blocks_are_the_newest_unless_told_otherwise(
    energy_market: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], asked: tuple[int | None, int]
) -> None:
    market = AsyncMock(spec=MarketClient)
    market.blocks.return_value = block_views.Blocks(height=0, blocks=[])
    monkeypatch.setattr(OperatorSettings, "ask", lambda _, question: asyncio.run(question(market)))
    assert energy_market("ledger", "blocks", "--json", *words).code == 0
    market.blocks.assert_awaited_once_with(*asked)


def test_who_cannot_reach_the_clock_is_told_which_setting_says_where_it_is(
    energy_market: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_key(home / "keys" / "operator.pem")
    monkeypatch.setenv("ENERGY_MARKET_LEDGER_ID", "a-ledger")
    monkeypatch.setenv("ENERGY_MARKET_CLOCK_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("operator_cli.clock_commands.PATIENCE", Patience(total_s=0.1))
    ended = energy_market("clock", "pause")
    assert ended.code == 3
    assert "http://127.0.0.1:1 " in ended.said
    assert "ENERGY_MARKET_CLOCK_URL" in ended.said


def test_ctrl_c_while_it_is_imported_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-m", "operator_cli", "games"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_an_output_cannot_show_is_escaped_and_no_error(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "meter.csv").write_text("start,who,in\n2026-06-23T06:00:00Z,Łódź,1\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    columns = ("--columns", "time=start,in=in,prosumer=who")
    words = [sys.executable, "-m", "operator_cli", "meters", "import", "meter.csv", "--dry-run", *columns]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Łódź".encode(encoding, "backslashreplace") in done.stdout


def test_only_half_characters_are_called_no_text(energy_market: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: UnicodeEncodeError) -> None:
        raise error

    half = UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")
    monkeypatch.setattr("operator_cli.main.app", lambda: fail(half))
    assert "is no Unicode text" in energy_market().err
    other = UnicodeEncodeError("latin-1", "Łódź", 0, 1, "ordinal not in range(256)")
    monkeypatch.setattr("operator_cli.main.app", lambda: fail(other))
    with pytest.raises(UnicodeEncodeError):
        main()
