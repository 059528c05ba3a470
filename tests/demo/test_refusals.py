"""A game, or a day, that nobody can play is given up at once, with the reasons."""

import json
from pathlib import Path
from typing import Any

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
    refusals = Refusals(scenario.needed_groups(), failures.append)
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
    refusals = Refusals(scenario.needed_groups(), failures.append)
    for name in [*list(scenario.buyers)[1:], *list(scenario.sellers)[1:]]:
        refusals.hear(name, refusal(name, "too poor"))
        refusals.hear(name, "no line of a log")
    assert failures == []


def told(prosumer: str, event: str, **facts: Any) -> str:
    return json.dumps({"event": event, "level": "warning", "prosumer": prosumer, "code": "X", **facts})


@pytest.fixture
def failures() -> list[Exception]:
    return []


@pytest.fixture
def of_households(failures: list[Exception]) -> Refusals:
    """Of two households, which want to be in three games and in one."""
    return Refusals({"households": {"A": 3, "B": 1, "away": 0}}, failures.append)


def test_a_day_is_given_up_once_every_household_is_refused_in_all_its_games(
    of_households: Refusals, failures: list[Exception]
) -> None:
    of_households.hear("A", told("A", "Not taken into games", games=["G2", "G3"], reason="needs 3"))
    of_households.hear("B", told("B", "Not taken into games", games=["G1"], reason="needs 1"))
    of_households.hear("A", told("A", "Not taken into games", games=["G3"], reason="needs 1"))
    assert failures == []
    of_households.hear("A", told("A", "Not taken into games", games=["G1"], reason="needs 1"))
    assert [str(failure) for failure in failures] == [
        "the market refused all households, so there is no game:\n    X: needs 3 (A)\n    X: needs 1 (B)"
    ]


def test_whom_the_market_sends_away_is_in_no_game(of_households: Refusals, failures: list[Exception]) -> None:
    of_households.hear("B", told("B", "Not taken into games", games=["G1"], reason="needs 1"))
    of_households.hear("A", told("A", "Leaving the market, which refuses us", reason="unknown"))
    assert [type(failure) for failure in failures] == [NobodyTakenIn]
