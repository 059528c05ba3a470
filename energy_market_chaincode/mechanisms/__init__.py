"""The mechanisms by which games find their allocation, a module each: rules for its own commands, and how it begins."""

from collections.abc import Awaitable, Callable

from energy_market_chaincode.context import Context
from energy_market_chaincode.mechanisms import certified, sequential_best_response
from energy_market_chaincode.records import Game

MECHANISMS: dict[str, Callable[[Context, Game], Awaitable[None]]] = {
    sequential_best_response.NAME: sequential_best_response.begin,
    certified.NAME: certified.begin,
}
"""What each mechanism does, by its name, once a game's registration has stopped."""
