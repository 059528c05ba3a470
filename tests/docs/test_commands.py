"""What the documentation tells its readers to type exists: every program, every option, every address."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from shutil import which
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from energy_market_chaincode import COMMANDS
from operator_cli.main import app
from tests.docs.pages import PAGES, ROOT, Block, all_blocks, blocks, name_of, spans
from tests.docs.shell import Words, commands

COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
LANGUAGES = {"json", "python", "sh", "text", "yaml"}
CLI_IN_A_CONTAINER = ("docker", "compose", "run", "--rm", "cli")
VERBS_WITH_SERVICES = {"build", "logs", "restart", "run", "start", "stop", "up"}
OF_A_SHELL = {"cd", "exit", "export", "jobs", "kill", "printf", "until"}
OF_THE_SYSTEM = {"cat", "cp", "find", "git", "grep", "mkdir", "openssl", "sed", "sh", "sleep", "tar", "uuidgen"}
BY_OTHER_TESTS = {
    "curl": "test_blocks.py asks the services for the address",
    "docker": "checked here and in tests/compose",
}


def typed() -> Iterator[tuple[str, Words]]:
    """Yield every command of ours and where it stands, in a block or in a sentence."""
    for block in all_blocks("sh"):
        for words in commands(block.text):
            yield str(block), words
    for page in PAGES:
        for span in spans(page.read_text()):
            if re.match(r"(energy-market|docker compose|make|python -m) \S", span):
                for words in commands(span):
                    yield name_of(page), words


TYPED = sorted(set(typed()))


def of(program: str) -> list[Words]:
    return sorted({tuple(w for w in words[1:] if w != "...") for _, words in TYPED if words[0] == program})


def operator_commands() -> list[Words]:
    """Return the arguments of every ``energy-market``, wherever it is to run."""
    in_containers = {
        tuple(word for word in words[5:] if word != "...") for _, words in TYPED if words[:5] == CLI_IN_A_CONTAINER
    }
    return sorted({*of("energy-market"), *in_containers})


def compose_services() -> list[str]:
    """Return what ``docker compose`` is told to start, stop and so on."""
    named: set[str] = set()
    for words in of("docker"):
        verb, *rest = words[1:] if words[:1] == ("compose",) and len(words) > 1 else ("",)
        if "--entrypoint" in rest:
            del rest[rest.index("--entrypoint") : rest.index("--entrypoint") + 2]
        services = [word for word in rest if not word.startswith("-") and not word.isupper()]
        if verb in VERBS_WITH_SERVICES:
            named.update(services[:1] if verb == "run" else services)
    return sorted(named)


@cache
def help_of(module: str) -> str:
    said = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return said.stdout


def test_every_block_says_what_language_it_is_in() -> None:
    assert [str(block) for page in PAGES for block in blocks(page) if block.language not in LANGUAGES] == []
    for page in PAGES:
        assert page.read_text().count("\n```") == 2 * len(blocks(page)), f"{page} has a fence that is not understood"


@pytest.mark.parametrize("block", all_blocks("sh"), ids=str)
def test_every_block_for_a_shell_is_one(block: Block) -> None:
    read = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize(
    ("place", "words"), TYPED, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_every_program_is_known(place: str, words: Words) -> None:
    program = words[0]
    if program in {"energy-market", "make", "python", "pip", ".venv/bin/python"} | OF_A_SHELL | set(BY_OTHER_TESTS):
        return
    if "/" in program:
        assert program.startswith(".venv/bin/")
        assert which(program.removeprefix(".venv/bin/"), path=str(ROOT / ".venv" / "bin"))
        return
    assert program in OF_THE_SYSTEM, place


@pytest.mark.parametrize("words", operator_commands(), ids=" ".join)
def test_every_command_of_the_operator_is_understood(words: Words) -> None:
    command, rest = typer.main.get_command(app), list(words)
    while rest and isinstance(command, typer.core.TyperGroup) and not rest[0].startswith("-"):
        _, found, rest = command.resolve_command(typer.Context(command), rest)
        assert found is not None
        command = found
    if rest or not isinstance(command, typer.core.TyperGroup):
        with suppress(typer.Exit):  # --help; what is not understood raises a UsageError
            command.make_context(str(command.name), rest)


@pytest.mark.parametrize(
    "words",
    [words for words in operator_commands() if words[:1] == ("sign",) and words[1:2] != ("TOPIC",)],
    ids=" ".join,
)
def test_what_is_to_be_signed_is_a_command(words: Words) -> None:
    data = words[words.index("--data") + 1]
    COMMANDS[words[1]].model_validate(json.loads(data))


@pytest.mark.parametrize("words", of("make"), ids=" ".join)
def test_every_target_of_make_exists(words: Words) -> None:
    assert {word for word in words if "=" not in word} <= TARGETS


@pytest.mark.parametrize("words", sorted({*of("python"), *of(".venv/bin/python")}), ids=" ".join)
def test_every_module_and_its_options_exist(words: Words) -> None:
    match words:
        case ("-m", "pytest", *rest):
            assert all((ROOT / word).exists() for word in rest if word.startswith("tests/"))
        case ("-m", module, *rest):
            assert all(word in help_of(module) for word in rest if word.startswith("--"))
        case (script, *_):
            name = script.removeprefix("$PROJECT/")
            assert script == "-" or (ROOT / name).exists() or name in {block.title for block in all_blocks("python")}


def options(command: Any) -> set[str]:
    """Return all options of a command and of those in it."""
    found = {option for parameter in command.params for option in parameter.opts}
    if isinstance(command, typer.core.TyperGroup):
        for name in command.list_commands(typer.Context(command)):
            found |= options(command.resolve_command(typer.Context(command), [name])[1])
    return found


def test_every_option_that_a_decision_names_exists() -> None:
    known = options(typer.main.get_command(app)) | set(re.findall(r"--[\w-]+", help_of("market_clock")))
    decisions = [page for page in PAGES if page.parent.name == "decisions"]
    named = {(name_of(page), option) for page in decisions for option in re.findall(r"--[a-z][\w-]+", page.read_text())}
    assert named
    assert {(page, option) for page, option in named if option not in known} == set()


@pytest.mark.parametrize("service", compose_services())
def test_every_service_of_compose_that_is_named_exists(service: str) -> None:
    assert service in COMPOSE["services"]


def test_the_checks_find_what_they_look_for() -> None:
    assert ("prosumers", "replace-key", "operator") in operator_commands()
    assert {"tx_queue", "utility-peer1", "cli"} <= set(compose_services())
    assert ("demo",) in of("make")
    assert any(words[:2] == ("-m", "prosumer_client") for words in of("python"))
