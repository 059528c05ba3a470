"""A game in the ledger's integers, as requests state it and answers show it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy_market_chaincode import game as rules
from energy_market_chaincode.units import Energy, Price
from optimization_api.arrays import ENERGIES_PER_KWH, PRICES_PER_CURRENCY
from optimization_api.game import Game


@dataclass(frozen=True, slots=True)
class ExactGame:
    """A game.

    Attributes
    ----------
    buyers, demands
        Names in turn order and what they want, 0.1 Wh.
    sellers, capacities, prices
        Names, what they offer in 0.1 Wh and the base prices.
    fees
        ``fees[buyer][seller]``: the transmission fee per kWh over the hops.
    """

    buyers: Sequence[str]
    demands: Sequence[Energy]
    sellers: Sequence[str]
    capacities: Sequence[Energy]
    prices: Sequence[Price]
    fees: Sequence[Sequence[Price]]

    def in_kwh(self) -> Game:
        """Return the same game as floats, in kWh and currency per kWh."""
        return Game(
            np.array(self.demands, dtype=np.float64) / ENERGIES_PER_KWH,
            np.array(self.capacities, dtype=np.float64) / ENERGIES_PER_KWH,
            np.array(self.prices, dtype=np.float64) / PRICES_PER_CURRENCY,
            np.array(self.fees, dtype=np.float64) / PRICES_PER_CURRENCY,
        )

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
