"""A whole game, in kWh as the solvers calculate and in the ledger's integers as questions state it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from energy_market_chaincode import Energy, Money, Price
from energy_market_chaincode import game as rules
from market_solver.best_response import Supplies
from market_solver.bid import ENERGIES_PER_KWH, PRICES_PER_CURRENCY
from market_solver.rounding import UnitCosts
from market_solver.water_filling import Floats


@dataclass(frozen=True, slots=True)
class Objective:
    """What an allocation is to make small: its value (currency), and by how much a little more raises it."""

    value: Callable[[Floats], float]
    costs: UnitCosts


@dataclass(frozen=True, slots=True)
class GameInKwh:
    """Demands (B,) in kWh in turn order, capacities (S,) in kWh, base prices (S,) and fees (B, S) in currency per kWh.

    An allocation is an array (B, S) of amounts in kWh. With a retail tariff (currency per kWh) the grid gives the rest.
    """

    demand: Floats
    capacity: Floats
    price: Floats
    fee: Floats
    retail_tariff: float | None = None

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
            See :class:`~market_solver.rounding.UnitCosts`.
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


@dataclass(frozen=True, slots=True)
class ExactGame:
    """A game in the ledger's integers.

    Attributes
    ----------
    buyers, demands
        Names in turn order and what they want, 0.1 Wh.
    sellers, capacities, prices
        Names, what they offer in 0.1 Wh and the base prices.
    fees
        ``fees[buyer][seller]``: the transmission fee per kWh over the hops.
    retail_tariff
        What the grid takes for the rest of a demand; None: the sellers are to meet every demand.
    """

    buyers: Sequence[str]
    demands: Sequence[Energy]
    sellers: Sequence[str]
    capacities: Sequence[Energy]
    prices: Sequence[Price]
    fees: Sequence[Sequence[Price]]
    retail_tariff: Price | None = None

    def in_kwh(self) -> GameInKwh:
        """Return the same game as floats, in kWh and currency per kWh."""
        return GameInKwh(
            np.array(self.demands, dtype=np.float64) / ENERGIES_PER_KWH,
            np.array(self.capacities, dtype=np.float64) / ENERGIES_PER_KWH,
            np.array(self.prices, dtype=np.float64) / PRICES_PER_CURRENCY,
            np.array(self.fees, dtype=np.float64) / PRICES_PER_CURRENCY,
            None if self.retail_tariff is None else self.retail_tariff / PRICES_PER_CURRENCY,
        )

    def bill(self, buyer: int, bid: Sequence[int], others_load: Sequence[int]) -> Money:
        """Return what a buyer pays for a bid and for the rest of its demand."""
        tariff = self.retail_tariff or Price(0)  # without one, there is no rest
        return rules.bill(bid, self.demands[buyer], self.supplies(buyer, others_load), tariff)

    @property
    def shortfall(self) -> Energy:
        """By how much the demands together exceed the capacities; 0 if they fit."""
        return Energy(max(0, sum(self.demands) - sum(self.capacities)))

    def supplies(self, buyer: int, others_load: Sequence[int]) -> list[rules.Supply]:
        """Return the sellers as a buyer sees them."""
        return [
            rules.Supply(capacity, price, Energy(load), fee)
            for capacity, price, load, fee in zip(
                self.capacities, self.prices, others_load, self.fees[buyer], strict=True
            )
        ]
