"""The many-process demo and the scenarios it plays.

>>> scenario = scenario_named("original")
>>> run = await play(processes, Plan(scenario, "embedded", home), log)

Modules are imported when they are first asked for: a scenario can be read without what plays it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo.day_scenario import DayScenario
    from demo.result import Played
    from demo.run import play
    from demo.scenario import Playable, Scenario
    from demo.scenario_file import load_scenario, scenario_named
    from demo.scenario_generator import random_scenario
    from demo.stage import GameFailed, Plan

__all__ = [
    "DayScenario",
    "GameFailed",
    "Plan",
    "Playable",
    "Played",
    "Scenario",
    "load_scenario",
    "play",
    "random_scenario",
    "scenario_named",
]

_MODULES = {
    "DayScenario": "day_scenario",
    "GameFailed": "stage",
    "Plan": "stage",
    "Playable": "scenario",
    "Played": "result",
    "Scenario": "scenario",
    "load_scenario": "scenario_file",
    "play": "run",
    "random_scenario": "scenario_generator",
    "scenario_named": "scenario_file",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
