"""A whole game: its buyers, sellers and hops, and what an allocation of amounts is worth in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimization_api.arrays import Floats
from optimization_api.rounding import UnitCosts
from optimization_api.supplies import Supplies


@dataclass(frozen=True, slots=True)
class Objective:
    """What an allocation is to make small: its value (currency), and by how much a little more raises it."""

    value: Callable[[Floats], float]
    costs: UnitCosts


@dataclass(frozen=True, slots=True)
class Game:
    """Demands (B,) in kWh in turn order, capacities (S,) in kWh, base prices (S,) and fees (B, S) in currency per kWh.

    An allocation is an array (B, S) of amounts in kWh.
    """

    demand: Floats
    capacity: Floats
    price: Floats
    fee: Floats

    @property
    def slope(self) -> Floats:
        """Return a = p / C, (S,)."""
        return self.price / self.capacity

    def supplies(self, buyer: int, others_load: Floats) -> Supplies:
        """Return the sellers as a buyer sees them while the others take ``others_load`` (S,)."""
        return Supplies(self.capacity, self.price, others_load, self.fee[buyer])

    def total_cost(self, amounts: Floats) -> float:
        """Return what all buyers pay, currency."""
        load = amounts.sum(axis=0)
        return float(load @ (self.price + self.slope * load) + (self.fee * amounts).sum())

    def potential(self, amounts: Floats) -> float:
        """Return the game's exact potential.

        Phi = sum_ij (p_j + tau h_ij) x_ij + sum_j a_j / 2 (L_j^2 + sum_i x_ij^2): if a buyer changes its bid, Phi
        changes by what its cost does (D. Monderer and L. S. Shapley, "Potential games", 1996, define such games).
        """
        load = amounts.sum(axis=0)
        linear = ((self.price + self.fee) * amounts).sum()
        return float(linear + self.slope @ (load**2 + (amounts**2).sum(axis=0)) / 2)

    def selfish(self, scarcity: Floats | None = None) -> Objective:
        """Return what an equilibrium makes small: the potential, which rises by what the buyer pays that takes more.

        Parameters
        ----------
        scarcity
            See :class:`~optimization_api.rounding.UnitCosts`.
        """

        def first(buyer: int, bid: Floats, load: Floats) -> Floats:
            return np.asarray(self.price + self.slope * (load + bid) + self.fee[buyer])

        return Objective(
            self.potential,
            UnitCosts(first, 2.0 * self.slope, np.zeros_like(self.price) if scarcity is None else scarcity),
        )

    def social(self, scarcity: Floats | None = None) -> Objective:
        """Return what the social optimum makes small: the total cost; see :meth:`selfish`."""

        def first(buyer: int, _: Floats, load: Floats) -> Floats:
            return np.asarray(self.price + 2.0 * self.slope * load + self.fee[buyer])

        return Objective(
            self.total_cost,
            UnitCosts(first, 2.0 * self.slope, np.zeros_like(self.price) if scarcity is None else scarcity),
        )

    def nothing(self) -> Floats:
        """Return the allocation before the first bid."""
        return np.zeros_like(self.fee)
