"""What README and the docs tell an operator to set and look for is there."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from energy_market_chaincode import Rejection
from ledger import LedgerSettings
from market_clock.settings import ClockSettings
from operator_cli.settings import OperatorSettings
from optimization_api import OptimizerSettings
from tests.docs.pages import spans
from tx_queue import QueueSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for part in ("tutorial", "how-to", "reference") for page in (ROOT / "docs" / part).glob("*.md"))
OPERATIONS = "\n".join(page.read_text() for page in PAGES)
BOTH = (ROOT / "README.md").read_text() + OPERATIONS
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
ROOMS = sorted(door.parent for door in ROOT.glob("*/__init__.py") if door.parent.name not in ("tests", "benchmarks"))
SOURCE = "\n".join(file.read_text() for room in ROOMS for file in sorted(room.rglob("*.py")))
SETTINGS = (ClockSettings, LedgerSettings, OperatorSettings, OptimizerSettings, QueueSettings)
PREFIX = "ENERGY_MARKET_"


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
    assert {"keys", "queue", "network", "cooperative-client"} <= volumes()
