"""The best bid in the ledger's units: adds up to the demand exactly, and no bid on the grid of 0.1 Wh is cheaper."""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace

import numpy as np

from energy_market_chaincode import game as rules
from energy_market_chaincode.units import Energy
from optimization_api.arrays import ENERGIES_PER_KWH
from optimization_api.supplies import Supplies

MAX_GREEDY_UNITS_PER_SELLER = 8


def best_bid(demand: Energy, supplies: Sequence[rules.Supply]) -> list[Energy]:
    """Split a demand at the least cost.

    The continuous best response to a demand smaller by one unit per seller, rounded down, is the start. The units
    that are missing go one by one where they cost least, in the rule book's integers; since a seller's units get
    dearer one after the other, this ends at the cheapest bid of all on the grid. Units that cost the same are taken
    from earlier sellers first.

    Parameters
    ----------
    demand
        At most the sum of the rooms.
    """
    short_demand = max(demand - len(supplies), 0) / ENERGIES_PER_KWH
    start = np.floor(Supplies.from_ledger(supplies).best_response(short_demand).amounts * ENERGIES_PER_KWH)
    bid = [min(int(amount), supply.room) for amount, supply in zip(start, supplies, strict=True)]
    missing = demand - sum(bid)
    if 0 <= missing <= MAX_GREEDY_UNITS_PER_SELLER * len(supplies):
        _add_cheapest_units(missing, bid, supplies)
        if _is_cheapest(bid, supplies):
            return [Energy(amount) for amount in bid]
    # prices or capacities so far apart that floats cannot tell them; the rule book's integers are slower and can
    exact = rules.best_response(demand, supplies)
    if exact is None:
        raise ValueError("the demand is larger than the room")
    return exact


def _add_cheapest_units(missing: int, bid: list[int], supplies: Sequence[rules.Supply]) -> None:
    next_units = [(supply.marginal(bid[j]), j) for j, supply in enumerate(supplies) if bid[j] < supply.room]
    heapify(next_units)
    for _ in range(missing):
        _, j = next_units[0]
        bid[j] += 1
        if bid[j] < supplies[j].room:
            heapreplace(next_units, (supplies[j].marginal(bid[j]), j))
        else:
            heappop(next_units)


def _is_cheapest(bid: Sequence[int], supplies: Sequence[rules.Supply]) -> bool:
    """Tell whether no unit taken comes after one left in the order of marginal cost, then of sellers."""
    sellers = list(enumerate(supplies))
    taken = max(((supply.marginal(bid[j] - 1), j) for j, supply in sellers if bid[j] > 0), default=(0, -1))
    left = min(((supply.marginal(bid[j]), j) for j, supply in sellers if bid[j] < supply.room), default=taken)
    return taken <= left
