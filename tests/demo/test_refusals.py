"""A game that nobody can play is given up at once, with the reasons."""

import json
from pathlib import Path

import pytest

from demo.scenario import Scenario
from demo.scenario_file import load_scenario
from demo.stage import NobodyTakenIn, Refusals


def refusal(prosumer: str, reason: str) -> str:
    told = {"event": "Not taken into the game", "level": "warning", "prosumer": prosumer}
    return json.dumps(told | {"code": "INSUFFICIENT_FUNDS", "reason": reason})


@pytest.fixture
def scenario(scenarios: Path) -> Scenario:
    return load_scenario(scenarios / "original.yaml")


def test_once_all_buyers_are_refused_the_game_is_given_up_with_their_reasons(scenario: Scenario) -> None:
    failures: list[Exception] = []
    refusals = Refusals(scenario, failures.append)
    for number, buyer in enumerate(scenario.buyers):
        assert failures == []
        refusals.hear("group-1", refusal(buyer, "too poor" if number else "far too poor"))
    (failure,) = failures
    assert isinstance(failure, NobodyTakenIn)
    assert "refused all buyers" in str(failure)
    assert str(failure).count("too poor") == 2
    assert all(buyer in str(failure) for buyer in scenario.buyers)


def test_as_long_as_one_of_each_is_left_the_game_goes_on(scenario: Scenario) -> None:
    failures: list[Exception] = []
    refusals = Refusals(scenario, failures.append)
    for name in [*list(scenario.buyers)[1:], *list(scenario.sellers)[1:]]:
        refusals.hear(name, refusal(name, "too poor"))
        refusals.hear(name, "no line of a log")
    assert failures == []
