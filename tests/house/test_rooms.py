"""Every room has a front door, through which the others come, and names that say what stands behind them."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import ismodule
from itertools import pairwise
from pathlib import Path

import pytest

import energy_market_chaincode

ROOT = Path(__file__).parents[2]
ROOMS = sorted(
    door.parent.name for door in ROOT.glob("*/__init__.py") if door.parent.name not in ("tests", "benchmarks")
)
VISITORS = [*ROOMS, "benchmarks", "examples"]
SAYS_NOTHING = {"course", "crowd", "first", "misc", "pace", "parts", "trouble", "utils"}
LONGEST_FILE = 600
LONGEST_FUNCTION = 40
"""Lines, without the docstring."""


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@cache
def exported(package: Path) -> frozenset[str] | None:
    """Return what a package's ``__all__`` lists; None if it has none."""
    for node in parsed(package / "__init__.py").body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert node.value is not None
            return frozenset(ast.literal_eval(node.value))
    return None


def trespass(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Return the room and what is taken from it, where an import does not come through a front door of that room.

    A folder within a room may have a front door of its own.
    """
    if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
        package = ROOT.joinpath(*node.module.split("."))
        listed = (exported(package) if package.is_dir() else None) or frozenset()
        taken = [(node.module, alias.name) for alias in node.names if alias.name not in listed]
    elif isinstance(node, ast.Import):
        taken = [(alias.name, "") for alias in node.names]
    else:
        return
    for module, name in taken:
        yield module.partition(".")[0], f"{module}.{name}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_at_its_door_what_it_offers(room: str) -> None:
    assert ast.get_docstring(parsed(ROOT / room / "__init__.py"))
    assert exported(ROOT / room) is not None


@pytest.mark.parametrize("visitor", [folder for folder in VISITORS if (ROOT / folder).is_dir()])
def test_a_room_is_entered_by_its_front_door(visitor: str) -> None:
    found = [
        f"{name_of(file)}:{node.lineno} takes {taken}"
        for file in python_files(visitor)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.stmt)
        for room, taken in trespass(node)
        if room in ROOMS and room != visitor
    ]
    assert found == []


def test_services_habits_know_of_the_market_only_how_its_numbers_are_written() -> None:
    taken = {
        alias.name
        for file in python_files("http_service")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.ImportFrom) and node.module == "energy_market_chaincode"
        for alias in node.names
    }
    assert taken == {"exact_json", "read_json"}


@pytest.mark.parametrize("name", energy_market_chaincode.__all__)
def test_the_rule_books_door_opens_for_every_name(name: str) -> None:
    assert getattr(energy_market_chaincode, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_that_it_has_types(room: str) -> None:
    assert (ROOT / room / "py.typed").is_file()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_packaged_checked_and_in_the_images(room: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert f"{room}*" in project["setuptools"]["packages"]["find"]["include"]
    assert room in project["mypy"]["files"]
    assert room in project["importlinter"]["root_packages"]
    assert f"!{room}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_what_a_notebook_calls_leaves_the_loop_that_runs_there_alone() -> None:
    """It uses run_to_end: asyncio.run fails where a loop runs already."""
    found = [
        f"{name_of(file)}:{node.lineno}"
        for file in python_files("operator_cli", "demo")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("asyncio.run", "asyncio.Runner")
    ]
    assert found == []


def test_a_modules_name_says_what_is_in_it() -> None:
    found = {name_of(file) for file in python_files(*ROOMS) if file.stem in SAYS_NOTHING}
    assert found == set()


def test_a_class_has_a_name_of_its_own() -> None:
    homes: dict[str, set[str]] = {}
    for file in python_files(*ROOMS):
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, set()).add(name_of(file).partition("/")[0])
    found = {name: rooms for name, rooms in homes.items() if len(rooms) > 1}
    assert found == {}


def test_a_text_in_the_code_describes_what_it_stands_below() -> None:
    found = [
        f"{name_of(file)}:{text.lineno}"
        for file in python_files(*VISITORS, "tests")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for before, text in pairwise(node.body)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
        if not isinstance(before, ast.Assign | ast.AnnAssign)
    ]
    assert found == []


def test_no_file_is_longer_than_a_reader_bears() -> None:
    found = {name_of(file): len(file.read_text().splitlines()) for file in python_files(*VISITORS, "tests")}
    assert {name: lines for name, lines in found.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_reader_bears() -> None:
    found = {
        f"{name_of(file)}:{node.lineno} {node.name}": lines
        for file in python_files(*VISITORS, "tests")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := lines_of(node)) > LONGEST_FUNCTION
    }
    assert found == {}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_at_a_front_door_has_the_name_of_a_module_that_would_take_its_place(room: str) -> None:
    modules = {file.stem for file in (ROOT / room).glob("*.py")}
    door = import_module(room)
    taken = [name for name in (exported(ROOT / room) or ()) if name in modules and not ismodule(getattr(door, name))]
    assert taken == []
