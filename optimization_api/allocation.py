"""An allocation in the ledger's units, and what it costs by the ledger's rules."""

from dataclasses import dataclass
from typing import Self

from energy_market_chaincode.game import bid_cost
from energy_market_chaincode.units import Energy, Money
from optimization_api.arrays import ENERGIES_PER_KWH, Energies, Floats
from optimization_api.bid import best_bid
from optimization_api.exact_game import ExactGame
from optimization_api.rounding import UnitCosts, rounded


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who buys how much from whom: integers (B, S) of 0.1 Wh."""

    game: ExactGame
    energies: Energies

    @classmethod
    def from_amounts(cls, game: ExactGame, amounts: Floats, costs: UnitCosts) -> Self:
        """Round amounts (B, S) in kWh; what is left over goes where it costs least."""
        return cls(game, rounded(amounts, game.demands, game.capacities, costs))

    @property
    def amounts(self) -> Floats:
        """The allocation in kWh, (B, S)."""
        return self.energies / ENERGIES_PER_KWH

    @property
    def loads(self) -> list[Energy]:
        """What all take from each seller."""
        return [Energy(load) for load in self.energies.sum(axis=0).tolist()]

    def bills(self) -> list[tuple[Money, Money]]:
        """Return each buyer's cost and regret: what it could save by changing its bid alone, as the ledger reckons."""
        return [self._bill(buyer, demand) for buyer, demand in enumerate(self.game.demands)]

    def _bill(self, buyer: int, demand: Energy) -> tuple[Money, Money]:
        bid = self.energies[buyer].tolist()
        others_load = [load - own for load, own in zip(self.loads, bid, strict=True)]
        supplies = self.game.supplies(buyer, others_load)
        cost = bid_cost(bid, supplies)
        return cost, Money(max(0, cost - bid_cost(best_bid(demand, supplies), supplies)))
