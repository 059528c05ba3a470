"""A buyer's cheapest bid, the others' bids given, in the ledger's integers; for few sellers in plain Python.

The cost of taking x from a seller is x (p (1 + (u + x) / C) + tau h), so its marginal cost starts at p (1 + u / C) +
tau h and rises by 2 p / C per kWh: the best response is a water-filling whose level is the buyer's marginal price.
"""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import TypeVar

from energy_market_chaincode import Energy, units
from energy_market_chaincode import game as rules

ENERGIES_PER_KWH = 10.0**units.ENERGY_DECIMALS
"""How many of the ledger's units of energy make a kWh."""
PRICES_PER_CURRENCY = 10.0**units.PRICE_DECIMALS
MONEY_PER_CURRENCY = 10.0**units.MONEY_DECIMALS

Cost = TypeVar("Cost", int, float)

MAX_GREEDY_UNITS_PER_SELLER = 8
FEW_SOURCES = 40
"""Up to so many plain Python is faster than NumPy, whose calls take some 15 us however short the arrays are."""
LARGEST_MISS = 1e-13
"""By what share of the demand plain Python's sum may miss it before NumPy's, which is more robust, is asked."""


def best_amounts(demand: int, supplies: Sequence[rules.Supply]) -> tuple[list[float], float]:
    """Split a demand (0.1 Wh) at the least cost, to the precision of floats.

    Returns
    -------
    kWh for each seller, and the marginal price, currency per kWh.
    """
    first, rise, room = [], [], []
    for supply in supplies:
        price = supply.price / PRICES_PER_CURRENCY
        first.append(price + price * supply.others_load / supply.capacity + supply.fee / PRICES_PER_CURRENCY)
        rise.append(2.0 * price * ENERGIES_PER_KWH / supply.capacity)
        room.append(supply.room / ENERGIES_PER_KWH)
    return fill_few(demand / ENERGIES_PER_KWH, first, rise, room)


def best_bid(
    demand: Energy, supplies: Sequence[rules.Supply], retail_tariff: units.Price | None = None
) -> list[Energy]:
    """Split a demand at the least cost: no bid on the grid of 0.1 Wh is cheaper.

    With a retail tariff only what is cheaper than that is taken; else the bid adds up to the demand exactly.

    The continuous best response to a demand smaller by one unit per seller, rounded down, is the start. The units
    that are missing go one by one where they cost least, in the rule book's integers; since a seller's units get
    dearer one after the other, this ends at the cheapest bid of all on the grid. Units that cost the same are taken
    from earlier sellers first.

    Parameters
    ----------
    demand
        Without a retail tariff at most the sum of the rooms.

    Examples
    --------
    >>> equal = rules.Supply(Energy(1000), units.Price(10**17), Energy(0), units.Price(0))
    >>> best_bid(Energy(5), [equal, equal, equal])
    [2, 2, 1]
    """
    if retail_tariff is not None:
        demand = rules.local_part(demand, supplies, retail_tariff)
    start, _ = best_amounts(max(demand - len(supplies), 0), supplies)
    bid = [min(int(amount * ENERGIES_PER_KWH), s.room) for amount, s in zip(start, supplies, strict=True)]
    missing = demand - sum(bid)
    if 0 <= missing <= MAX_GREEDY_UNITS_PER_SELLER * len(supplies):
        left = add_cheapest_units(missing, bid, [s.room for s in supplies], lambda j: supplies[j].marginal(bid[j]))
        if left is None or _dearest_unit(bid, supplies) <= left:
            return [Energy(amount) for amount in bid]
    # prices or capacities so far apart that floats cannot tell them; the rule book's integers are slower and can
    exact = rules.best_response(demand, supplies)
    if exact is None:
        raise ValueError("the demand is larger than the room")
    return exact


def add_cheapest_units(
    missing: int, bid: list[int], rooms: Sequence[int], cost_of_next: Callable[[int], Cost]
) -> tuple[Cost, int] | None:
    """Add units one by one where they cost least; in place.

    Parameters
    ----------
    cost_of_next
        What the next unit of a seller costs, by its number; it rises with the bid.

    Returns
    -------
    The cost and the seller of the cheapest unit left, if there is one.
    """
    next_units = [(cost_of_next(j), j) for j, room in enumerate(rooms) if bid[j] < room]
    heapify(next_units)
    for _ in range(missing):
        _, j = next_units[0]
        bid[j] += 1
        if bid[j] < rooms[j]:
            heapreplace(next_units, (cost_of_next(j), j))
        else:
            heappop(next_units)
    return next_units[0] if next_units else None


def _dearest_unit(bid: Sequence[int], supplies: Sequence[rules.Supply]) -> tuple[int, int]:
    """Return the marginal cost and the seller of the last unit taken in the order of costs, then of sellers."""
    taken = ((supply.marginal(bid[j] - 1), j) for j, supply in enumerate(supplies) if bid[j] > 0)
    return max(taken, default=(0, -1))


def fill_few(
    demand: float, start: Sequence[float], rise: Sequence[float], room: Sequence[float]
) -> tuple[list[float], float]:
    """Meet a demand at the least cost: water-filling for lists, in plain Python where they are short.

    From one bend of the sum to the next its slope in the level changes by what the source that begins to give, or is
    exhausted, gives per unit of the level: 1 / rise_j.

    Examples
    --------
    >>> fill_few(3.0, [1.0, 2.0], [1.0, 1.0], [9.0, 9.0])
    ([2.0, 1.0], 3.0)
    """
    if len(start) <= FEW_SOURCES:
        bends = [(first, 1.0 / steep) for first, steep, most in zip(start, rise, room, strict=True) if most > 0.0]
        bends += [(s + r * most, -1.0 / r) for s, r, most in zip(start, rise, room, strict=True) if most > 0.0]
        bends.sort()
        given, slope, level = 0.0, 0.0, bends[0][0] if bends else min(start)
        for bend, change in bends:
            step = slope * (bend - level)
            if given + step >= demand:
                level += (demand - given) / slope if slope > 0.0 else 0.0
                break
            given, slope, level = given + step, slope + change, bend
        amounts = [min(max((level - s) / r, 0.0), most) for s, r, most in zip(start, rise, room, strict=True)]
        if abs(sum(amounts) - demand) <= LARGEST_MISS * demand:
            return amounts, level
    import numpy as np  # a service starts a quarter sooner without it, and need not have it for few sellers

    from market_solver.water_filling import fill

    found = fill(demand, np.array(start), np.array(rise), np.array(room))
    return found.amounts.tolist(), found.level
