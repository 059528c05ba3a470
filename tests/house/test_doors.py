"""The doors for newcomers stand open and agree with each other: licence, version, hooks, editors, changes."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from ruamel.yaml import YAML

from tests.house.test_house import TOOLS, kept

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text())
HOOKS = [
    hook
    for repo in YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repo["hooks"]
]
CHANGES = (ROOT / "CHANGELOG.md").read_text()
KINDS_OF_CHANGE = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
TEXT = ("*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.cff", "*.css", "*.sh", "Makefile", "Dockerfile", "LICENSE")


def test_the_licence_is_the_same_everywhere_and_goes_into_the_package() -> None:
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == CITATION["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == ["LICENSE"]
    assert "!LICENSE" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_version_is_the_same_everywhere() -> None:
    released = re.findall(r"^## \[(\d[^]]*)\]", CHANGES, re.MULTILINE)
    assert PROJECT["version"] == CITATION["version"] == released[0]


def test_the_changelog_keeps_its_form() -> None:
    assert re.findall(r"^## (.*)$", CHANGES, re.MULTILINE)[0] == "[Unreleased]"
    for heading in re.findall(r"^## (.*)$", CHANGES, re.MULTILINE)[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading)
    assert set(re.findall(r"^### (.*)$", CHANGES, re.MULTILINE)) <= KINDS_OF_CHANGE


def test_the_citation_names_the_papers_that_it_stands_on() -> None:
    assert (CITATION["cff-version"], CITATION["title"]) == ("1.2.0", PROJECT["name"])
    assert [author["family-names"] for author in CITATION["references"][0]["authors"]] == ["Yaagoubi", "Mouftah"]


def test_the_hooks_are_the_checks_of_the_tests_and_come_from_nowhere_else() -> None:
    entries = [hook["entry"] for hook in HOOKS]
    for tool in TOOLS:
        assert f".venv/bin/python -m {' '.join(tool)}" in entries
    assert any(entry.startswith(".venv/bin/python -m pytest -q tests/house") for entry in entries)
    assert {hook["language"] for hook in HOOKS} == {"system"}
    assert "://" not in (ROOT / ".pre-commit-config.yaml").read_text()
    checked = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_text_is_as_the_editors_are_told() -> None:
    for file in kept(*TEXT, "**/Dockerfile"):
        text = file.read_bytes().decode("utf-8")
        name = file.relative_to(ROOT).as_posix()
        assert text.endswith("\n") or not text, f"{name} ends without a line's end"
        assert "\r" not in text, f"{name} has a carriage return"
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), f"{name} has blanks at a line's end"
        assert file.suffix == ".sh" or name == "Makefile" or "\t" not in text, f"{name} has a tab"
