"""Sequential best response: buyers take turns, each answers the others' present bids, until nobody gains."""

from collections.abc import Iterator
from dataclasses import dataclass

from optimization_api.arrays import Floats
from optimization_api.game import Game


@dataclass(frozen=True, slots=True)
class Round:
    """The bids after a round, and the largest share of its cost that a buyer saved in it (1 in the first round)."""

    number: int
    amounts: Floats
    largest_saving: float


def rounds(game: Game) -> Iterator[Round]:
    """Play round after round without end.

    Every best response lowers the game's potential by what the buyer saves, so the savings go to zero and the bids to
    an equilibrium. Where a capacity is full, which one depends on the order of the buyers.

    Parameters
    ----------
    game
        With demands that together fit the capacities.
    """
    amounts = game.nothing()
    load = amounts.sum(axis=0)
    number = 1
    while True:
        largest_saving = 0.0
        for buyer, demand in enumerate(game.demand):
            supplies = game.supplies(buyer, load - amounts[buyer])
            best = supplies.best_response(demand).amounts
            cost = supplies.cost(amounts[buyer])
            saving = (cost - supplies.cost(best)) / cost if number > 1 else 1.0
            largest_saving = max(largest_saving, saving)
            load = load - amounts[buyer] + best
            amounts[buyer] = best
        load = amounts.sum(axis=0)  # afresh, so that rounding errors do not pile up
        yield Round(number, amounts.copy(), largest_saving)
        number += 1
