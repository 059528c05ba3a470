"""The best response in arrays: what a buyer should bid, the others' bids given, to the precision of floats.

Its costs and water-filling are those of :mod:`market_solver.bid`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_market_chaincode import game as rules
from market_solver.bid import ENERGIES_PER_KWH, PRICES_PER_CURRENCY
from market_solver.water_filling import Filling, Floats, fill


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
