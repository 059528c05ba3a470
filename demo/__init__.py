"""The many-process demo and the scenarios it plays.

>>> scenario = scenario_named("original")
>>> run = await play(processes, Plan(scenario, "embedded", home), log)
"""

from demo.day_scenario import DayScenario
from demo.result import Played
from demo.run import play
from demo.scenario import Playable, Scenario, random_scenario
from demo.scenario_file import load_scenario, scenario_named
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
