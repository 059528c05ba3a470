"""The sellers as one buyer sees them, the others' bids given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_market_chaincode import game as rules
from optimization_api.arrays import ENERGIES_PER_KWH, PRICES_PER_CURRENCY, Floats
from optimization_api.water_filling import Filling, fill


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

    def best_response(self, demand: float) -> Filling:
        """Return the bid that meets a demand (kWh) at the least cost.

        The cost of taking x from a seller is x (p (1 + (u + x) / C) + tau h), so its marginal cost starts at the
        first price and rises by 2 a per kWh: a water-filling whose level is the buyer's marginal price.
        """
        return fill(demand, self.first_price, 2.0 * self.slope, self.room)
