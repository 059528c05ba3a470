"""Which rule decides a topic's commands."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_type_hints

from energy_market_chaincode.commands import CommandData
from energy_market_chaincode.context import Context
from energy_market_chaincode.views import View

D = TypeVar("D", bound=CommandData)
V = TypeVar("V", bound=View)

Rule = Callable[[Context, Any], Awaitable[View]]
"""Returns what the command came to; raises a Rejection, and then nothing of it counts."""

RULES: dict[type[CommandData], Rule] = {}
"""The rule of each topic's model."""


def rule(decide: Callable[[Context, D], Awaitable[V]]) -> Callable[[Context, D], Awaitable[V]]:
    """Make a function the rule of the commands that it takes, by the annotation of its second parameter."""
    _, commands, _ = get_type_hints(decide).values()
    RULES[commands] = decide
    return decide
