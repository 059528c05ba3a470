"""The house keeps its order: formatting, types, arrows, sizes, and nothing of anybody's machine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHER_PLATFORM = "linux" if sys.platform == "darwin" else "darwin"
TOOLS = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]]
MYPY_ELSEWHERE = ["mypy", "--platform", OTHER_PLATFORM, "--cache-dir", f".mypy_cache/{OTHER_PLATFORM}"]
"""The checks that the hooks of .pre-commit-config.yaml make, too."""


def kept(*patterns: str) -> Iterator[Path]:
    """Files that git keeps or would keep, found without git: who has a copy of the project need not have that."""
    ignored = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines())]
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not any(fnmatchcase(name, pattern) for pattern in ignored)]
        for file in (Path(folder, name) for name in files):
            if any(fnmatchcase(file.relative_to(ROOT).as_posix(), pattern) for pattern in patterns):
                yield file


@pytest.mark.timeout(600)  # mypy without a cache, on a machine that has other work
@pytest.mark.parametrize(
    "tool",
    [*TOOLS, pytest.param(MYPY_ELSEWHERE, marks=pytest.mark.fresh_machine)],
    ids=["ruff-check", "ruff-format", "mypy-strict", "mypy-strict-on-the-other-platform"],
)
def test_the_tool_finds_nothing(tool: list[str]) -> None:
    found = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_import_arrows_hold() -> None:
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    found = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


def test_lock_files_hold_hashes_and_no_address() -> None:
    for lock in kept("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--index|--extra-index|--find-links", text), lock


def test_no_file_names_a_machine_or_an_index() -> None:
    here = re.compile(r"/(work|farm)/|/root/|index-url|GOPROXY=|/home/[a-z]")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in kept(
            "*.py", "*.md", "*.toml", "*.yml", "*.yaml", "*.json", "*.sh", "Makefile", "Dockerfile*", ".ci/*"
        )
        if path != Path(__file__)
        for line in path.read_text().splitlines()
        if here.search(line) and "--no-emit-index-url" not in line
    ]
    assert found == []


def test_all_that_is_kept_is_text_or_a_picture() -> None:
    # a wheel that somebody had looked at stood beside README once
    found = [path for path in kept("*") if path.suffix != ".webp" and b"\0" in path.read_bytes()]
    assert found == []


def test_a_suppression_has_its_reason_beside_it() -> None:
    bare = re.compile(r"#\s*(type: ignore(\[[\w, -]+\])?|noqa(: [A-Z0-9, ]+)?)\s*$")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in kept("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []
