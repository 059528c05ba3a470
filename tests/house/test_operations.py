"""What README and the docs tell an operator to type, set and look for is there."""

import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from energy_market_chaincode.errors import Rejection
from ledger.settings import LedgerSettings
from market_clock.settings import ClockSettings
from operator_cli.main import app
from operator_cli.settings import OperatorSettings
from optimization_api import OptimizerSettings
from tx_queue.settings import QueueSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for part in ("tutorial", "how-to", "reference") for page in (ROOT / "docs" / part).glob("*.md"))
OPERATIONS = "\n".join(page.read_text() for page in PAGES)
BOTH = (ROOT / "README.md").read_text() + OPERATIONS
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
ROOMS = sorted(door.parent for door in ROOT.glob("*/__init__.py") if door.parent.name not in ("tests", "benchmarks"))
SOURCE = "\n".join(file.read_text() for room in ROOMS for file in sorted(room.rglob("*.py")))
SETTINGS = (ClockSettings, LedgerSettings, OperatorSettings, OptimizerSettings, QueueSettings)
PREFIX = "ENERGY_MARKET_"
CLI_IN_A_CONTAINER = ("docker", "compose", "run", "--rm", "cli")
VERBS_WITH_SERVICES = {"build", "logs", "restart", "run", "start", "stop", "up"}


def fenced(text: str) -> list[str]:
    """Return the fenced blocks, a line that goes on after a backslash as one."""
    return [block.replace("\\\n", " ") for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)]


def spans(text: str) -> list[str]:
    """Return what stands in backticks, outside of fenced blocks."""
    return re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def typed(text: str) -> Iterator[tuple[str, ...]]:
    """Return what is to be typed, in words, without settings before a command and comments after it."""
    lines = [line for block in fenced(text) for line in block.splitlines()] + spans(text)
    for line in lines:
        if "energy-market" in line or "docker compose" in line:
            words = dropwhile(lambda word: re.match(r"[A-Z_]+=", word), shlex.split(line, comments=True))
            yield tuple(word for word in words if word != "...")


def operator_commands() -> set[tuple[str, ...]]:
    """Return the arguments of every ``energy-market``, wherever it is to run."""
    commands = set(typed(BOTH))
    here = {words[1:] for words in commands if words[:1] == ("energy-market",)}
    return here | {words[5:] for words in commands if words[:5] == CLI_IN_A_CONTAINER}


def compose_words() -> set[str]:
    """Return what ``docker compose`` is told to start, stop and so on; placeholders have capitals."""
    lines = (words[2:] for words in typed(re.sub(r"--entrypoint \w+", "", BOTH)) if words[:2] == ("docker", "compose"))
    commands = (words for words in lines if words)
    named: set[str] = set()
    for verb, *words in commands:
        services = [word for word in words if not word.startswith("-") and not word.isupper()]
        if verb in VERBS_WITH_SERVICES:
            named.update(services[:1] if verb == "run" else services)
    return named


def first_cells(heading: str) -> Iterable[str]:
    """Return what stands in backticks in the first column of the tables of a section."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", OPERATIONS, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    return sorted({span for row in rows for span in spans(row)})


def known_settings() -> set[str]:
    fields = {name.upper() for settings in SETTINGS for name in settings.model_fields}
    of_prosumers = set(re.findall(r'setting\(\s*"([A-Z_]+)"', SOURCE))
    elsewhere = SOURCE + (ROOT / "docker-compose.yml").read_text()
    return {PREFIX + name for name in fields | of_prosumers} | set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", elsewhere))


@pytest.mark.parametrize("words", sorted(operator_commands()), ids=" ".join)
def test_every_command_of_the_operator_is_understood(words: tuple[str, ...]) -> None:
    command, rest = typer.main.get_command(app), list(words)
    while rest and isinstance(command, typer.core.TyperGroup) and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no energy-market {' '.join(words)}"
        command = command.commands[rest.pop(0)]
    if rest or not isinstance(command, typer.core.TyperGroup):
        with suppress(typer.Exit):  # --help; what is not understood raises a UsageError
            command.make_context(str(command.name), rest)


@pytest.mark.parametrize("service", sorted(compose_words()))
def test_every_service_of_compose_that_is_named_exists(service: str) -> None:
    assert service in COMPOSE["services"]


def volumes() -> set[str]:
    """Return what stands as a single word in the column of volumes of the table of where things are."""
    (table,) = re.findall(r"\| what \| on this machine \| volume of compose \|\n(.*?)\n\n", OPERATIONS, re.DOTALL)
    named = {span for row in table.splitlines()[1:] for span in spans(row.split("|")[3])}
    return {name for name in named if re.fullmatch(r"[a-z-]+", name) and name not in COMPOSE["services"]}


@pytest.mark.parametrize("volume", sorted(volumes()))
def test_every_volume_that_is_named_exists(volume: str) -> None:
    assert volume in COMPOSE["volumes"]


@pytest.mark.parametrize("setting", sorted(set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", BOTH))))
def test_every_setting_that_is_named_exists(setting: str) -> None:
    assert setting in known_settings()


@pytest.mark.parametrize("words", first_cells("When things go wrong"))
def test_every_message_that_is_explained_is_one_of_ours(words: str) -> None:
    codes = {kind.code for kind in Rejection.__subclasses__()}
    assert words in SOURCE or words in codes


@pytest.mark.parametrize("metric", first_cells("Monitoring"))
def test_every_metric_that_is_explained_is_counted(metric: str) -> None:
    assert f'"{metric.removesuffix("_total")}"' in SOURCE


def test_the_page_names_what_its_checks_look_for() -> None:
    assert ("prosumers", "replace-key", "operator") in operator_commands()
    assert {"tx_queue", "utility-peer1", "cli"} <= compose_words()
    assert {"keys", "queue", "network", "cooperative-client"} <= volumes()
