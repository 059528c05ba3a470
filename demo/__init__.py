"""The many-process demo and the scenarios it plays.

>>> scenario = scenario_named("original")
>>> run = await play(processes, Plan(scenario, "embedded", home), log)

Modules are imported when they are first asked for: a scenario can be read without what plays it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo.result import Run, print_report
    from demo.run import GameFailed, Plan, play
    from demo.scenario import Scenario
    from demo.scenario_file import load_scenario, scenario_named
    from demo.scenario_generator import random_scenario

__all__ = [
    "GameFailed",
    "Plan",
    "Run",
    "Scenario",
    "load_scenario",
    "play",
    "print_report",
    "random_scenario",
    "scenario_named",
]

_MODULES = {
    "GameFailed": "run",
    "Plan": "run",
    "Run": "result",
    "Scenario": "scenario",
    "load_scenario": "scenario_file",
    "play": "run",
    "print_report": "result",
    "random_scenario": "scenario_generator",
    "scenario_named": "scenario_file",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
