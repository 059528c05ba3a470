"""The page of scenarios names every field that the reader takes, and every one that a result has."""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from demo import day_run, run, stage
from demo.day_scenario import DayScenario, DaySlots, Devices, GridTariffs
from demo.result import Accounts, DayRun, Run
from demo.scenario import Generator, Scenario, ScenarioBuyer, ScenarioSeller, ScenarioSettings
from demo.scenario_file import SAID_ELSEWHERE, SCENARIOS, GeneratedScenario, StatedDay, load_playable, load_scenario
from energy_market_chaincode import GameView, PublishGame, market_views, views
from prosumer_client import Battery, ShiftableLoad
from tests.docs.pages import ROOT, section, spans, tables

PAGE = (ROOT / "docs" / "reference" / "scenarios.md").read_text()
STATED: Mapping[str, Sequence[type[Any]]] = {
    "## Every scenario": [ScenarioSettings],
    "## A game": [Scenario, ScenarioSeller, ScenarioBuyer],
    "## A random game": [GeneratedScenario, Generator],
    "## A day of households": [StatedDay, DaySlots, GridTariffs, Devices, Battery, ShiftableLoad],
    "## The game's parameters": [PublishGame],
}
"""What the tables of a section describe, in their order."""
NEEDED = "needed"
V = TypeVar("V", bound=BaseModel)
PLAYED: Mapping[str, Any] = {
    "ledger": "embedded",
    "before": Accounts({"grid-operator": {"balance": Decimal(0), "frozen": Decimal(0)}}),
    "after": Accounts({}),
    "timings": {},
}


def defaults_of(kind: type[Any]) -> dict[str, str | None]:
    """Return the fields of a part of a scenario with their defaults: NEEDED without one, None where it is no value."""
    if not issubclass(kind, BaseModel):
        fields = dataclasses.fields(kind)
        return {each.name: shown(each.default, each.default is dataclasses.MISSING) for each in fields}
    values = PublishGame().model_dump(mode="json") if kind is PublishGame else {}
    everywhere = ScenarioSettings.model_fields.keys() if kind in (Scenario, GeneratedScenario, StatedDay) else set()
    return {
        name: shown(values.get(name, field.default), field.is_required())
        for name, field in kind.model_fields.items()
        if name not in everywhere
    }


def shown(default: Any, is_needed: bool) -> str | None:
    if is_needed:
        return NEEDED
    return str(default) if isinstance(default, int | str | Decimal) else None


def told(table: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return what the last cell says of each field of a table."""
    return {field: row[-1] for row in table for field in spans(row[0])}


def blank(kind: type[V], **known: Any) -> V:
    """Return a view that says nothing but what is known."""
    return kind.model_construct(**{**dict.fromkeys(kind.model_fields), **known})


def game_document() -> dict[str, Any]:
    parameters, stop = blank(views.GameParameters), blank(views.StopView)
    game = blank(GameView, parameters=parameters, stop=stop, sellers=[])
    scenario = load_scenario(SCENARIOS / "imbalance.yaml")
    return Run(scenario=scenario, game=game, bids=[], transfers=[], **PLAYED).document()


def day_document() -> dict[str, Any]:
    day = load_playable(SCENARIOS / "day.yaml")
    assert isinstance(day, DayScenario)
    statement = blank(market_views.Statement, lines=[], sums=market_views.StatementSums.of([], []))
    return DayRun(scenario=day, games=[blank(GameView)], statements={"I-1": statement}, **PLAYED).document()


GAME, DAY = game_document(), day_document()
TOLD_OF_A_GAME = told(tables(section(PAGE, "### Of a game"))[0])
TOLD_OF_A_DAY, TOLD_OF_A_SLOT, TOLD_OF_A_HOUSEHOLD = map(told, tables(section(PAGE, "### Of a day")))


@pytest.mark.parametrize("heading", STATED)
def test_every_field_that_may_be_stated_is_told_with_its_default(heading: str) -> None:
    for kind, table in zip(STATED[heading], tables(section(PAGE, heading)), strict=True):
        defaults = defaults_of(kind)
        said = {spans(row[0])[0]: row[2] for row in table}
        assert said.keys() == defaults.keys(), kind
        assert {field: said[field] if default is None else default for field, default in defaults.items()} == said
        assert all((said[field] == NEEDED) == (default == NEEDED) for field, default in defaults.items())


def test_what_a_day_says_elsewhere_is_told() -> None:
    (table,) = tables(section(PAGE, "## The game's parameters"))
    assert {spans(row[0])[0]: spans(row[4])[0] for row in table if row[4]} == SAID_ELSEWHERE


def test_every_scenario_of_ours_is_named() -> None:
    assert {file.stem for file in SCENARIOS.glob("*.yaml")} <= set(spans(PAGE))


def test_every_field_of_a_games_result_is_told() -> None:
    assert TOLD_OF_A_GAME.keys() == GAME.keys()
    played = {*GAME["scenario"], *GAME["scenario"]["sellers"]["S001"], *GAME["scenario"]["buyers"]["P001"], "graph"}
    assert set(spans(TOLD_OF_A_GAME["scenario"])) == played
    for field, kind in (("transfers", views.TransferView), ("settlement", views.SettlementTotals)):
        assert set(spans(TOLD_OF_A_GAME[field])) == {each.alias for each in kind.model_fields.values()}
    assert {"before", "after", "balance", "frozen"} <= set(spans(TOLD_OF_A_GAME["accounts"]))


def test_every_field_of_a_days_result_is_told() -> None:
    assert TOLD_OF_A_DAY.keys() == DAY.keys()
    played = {*DAY["scenario"], *DAY["scenario"]["slots"], *DAY["scenario"]["tariffs"][0]}
    assert set(spans(TOLD_OF_A_DAY["scenario"])) == played
    assert TOLD_OF_A_SLOT.keys() == DAY["slots"][0].keys()
    assert TOLD_OF_A_HOUSEHOLD.keys() == DAY["households"]["I-1"].keys()


def test_every_timing_is_told() -> None:
    steps = r'timed\([\w.]+, "(\w+)"\)|timings\["(\w+)"\]'
    source = "".join(map(inspect.getsource, (run, day_run, stage)))
    measured = {name for found in re.findall(steps, source) for name in found if name}
    parts = set(re.findall(r'"(slot(?:_\w+)?)"', inspect.getsource(run)))
    assert {*spans(TOLD_OF_A_GAME["timings"]), *spans(TOLD_OF_A_DAY["timings"])} == measured | parts
