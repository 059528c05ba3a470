"""What a buyer should bid, the others' bids given: the best response.

The cost of taking x from a seller is x (p (1 + (u + x) / C) + tau h), so its marginal cost starts at p (1 + u / C) +
tau h and rises by 2 p / C per kWh: the best response is a water-filling whose level is the buyer's marginal price.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from typing import Self

import numpy as np

from energy_market_chaincode import Energy, units
from energy_market_chaincode import game as rules
from market_solver.water_filling import Filling, Floats, fill, fill_few

ENERGIES_PER_KWH = 10.0**units.ENERGY_DECIMALS
"""How many of the ledger's units of energy make a kWh."""
PRICES_PER_CURRENCY = 10.0**units.PRICE_DECIMALS
MONEY_PER_CURRENCY = 10.0**units.MONEY_DECIMALS

MAX_GREEDY_UNITS_PER_SELLER = 8


@dataclass(frozen=True, slots=True)
class Supplies:
    """Arrays (S,): capacity C, the others' load u in kWh; base price p, transmission fee tau h in currency per kWh."""

    capacity: Floats
    price: Floats
    others_load: Floats
    fee: Floats

    @classmethod
    def from_ledger(cls, supplies: Sequence[rules.Supply]) -> Self:
        """Read what the rule book calls supplies, in its integers."""
        rows = [(s.capacity, s.price, s.others_load, s.fee) for s in supplies]
        capacity, price, others_load, fee = np.array(rows, dtype=np.float64).T
        return cls(
            capacity / ENERGIES_PER_KWH,
            price / PRICES_PER_CURRENCY,
            others_load / ENERGIES_PER_KWH,
            fee / PRICES_PER_CURRENCY,
        )

    @property
    def room(self) -> Floats:
        """What the others leave, kWh."""
        return np.maximum(self.capacity - self.others_load, 0.0)

    @property
    def slope(self) -> Floats:
        """Return a = p / C: by how much a kWh raises the price, currency per kWh^2."""
        return self.price / self.capacity

    @property
    def first_price(self) -> Floats:
        """Return p (1 + u / C) + tau h: what the first kWh costs."""
        return self.price + self.slope * self.others_load + self.fee

    def cost(self, amounts: Floats) -> float:
        """Return the cost c_i of a bid, currency."""
        return float(amounts @ (self.first_price + self.slope * amounts))

    def marginal_cost(self, amounts: Floats) -> Floats:
        """Return what a little more would cost from each seller, (S,), currency per kWh."""
        return self.first_price + 2.0 * self.slope * amounts

    def best_response(self, demand: float, retail_tariff: float | None = None) -> Filling:
        """Return the bid that meets a demand (kWh) at the least cost, and the buyer's marginal price.

        With a retail tariff (currency per kWh) only as much of it as costs less than from the grid.
        """
        if retail_tariff is not None:
            below = (retail_tariff - self.first_price) / (2.0 * self.slope)
            demand = min(demand, float(np.clip(below, 0.0, self.room).sum()))
        return fill(demand, self.first_price, 2.0 * self.slope, self.room)


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
        left = _add_cheapest_units(missing, bid, supplies)
        if left is None or _dearest_unit(bid, supplies) <= left:
            return [Energy(amount) for amount in bid]
    # prices or capacities so far apart that floats cannot tell them; the rule book's integers are slower and can
    exact = rules.best_response(demand, supplies)
    if exact is None:
        raise ValueError("the demand is larger than the room")
    return exact


def _add_cheapest_units(missing: int, bid: list[int], supplies: Sequence[rules.Supply]) -> tuple[int, int] | None:
    """Add units one by one where they cost least; in place.

    Returns
    -------
    The marginal cost and the seller of the cheapest unit left, if there is one.
    """
    next_units = [(supply.marginal(bid[j]), j) for j, supply in enumerate(supplies) if bid[j] < supply.room]
    heapify(next_units)
    for _ in range(missing):
        _, j = next_units[0]
        bid[j] += 1
        if bid[j] < supplies[j].room:
            heapreplace(next_units, (supplies[j].marginal(bid[j]), j))
        else:
            heappop(next_units)
    return next_units[0] if next_units else None


def _dearest_unit(bid: Sequence[int], supplies: Sequence[rules.Supply]) -> tuple[int, int]:
    """Return the marginal cost and the seller of the last unit taken in the order of costs, then of sellers."""
    taken = ((supply.marginal(bid[j] - 1), j) for j, supply in enumerate(supplies) if bid[j] > 0)
    return max(taken, default=(0, -1))


ORIGINALS_TOLERANCE = 1e-3
LARGEST_MISS_KWH = 0.01
"""By how much the amounts may miss the demand; SLSQP itself is content with its tolerance."""


def original_bid(demand: float, supplies: Supplies) -> Floats | None:
    """Split a demand (kWh) as the original system did: by SciPy's SLSQP, started at zero and stopped early.

    It misses the best response, often by kWh. It is kept for the original's endpoint alone, so that this still gives
    old clients the bids they know from their logs.

    Returns
    -------
    (S,) kWh within the rooms, adding up to the demand but for at most 0.01 kWh; None if SLSQP fails.
    """
    from scipy.optimize import Bounds, LinearConstraint, minimize  # loading it takes longer than the rest of the start

    nothing = np.zeros_like(supplies.capacity)
    found = minimize(
        supplies.cost,
        nothing,
        jac=supplies.marginal_cost,
        bounds=Bounds(0.0, supplies.room),
        constraints=LinearConstraint(np.ones_like(nothing), demand, demand),
        method="SLSQP",
        options={"ftol": ORIGINALS_TOLERANCE},
    )
    amounts: Floats = np.clip(found.x, 0.0, supplies.room)
    if not found.success or abs(amounts.sum() - demand) > LARGEST_MISS_KWH:
        return None
    return amounts
