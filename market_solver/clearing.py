"""How a whole game can be cleared, what that costs by the ledger's rules, and when a solution is good enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np

from energy_market_chaincode import Energy, Money, Price, certificate
from market_solver.bid import ENERGIES_PER_KWH, MONEY_PER_CURRENCY, PRICES_PER_CURRENCY, best_bid
from market_solver.equilibrium import Priced, improvements, variational_equilibrium
from market_solver.game import ExactGame, GameInKwh, Objective
from market_solver.grid_game import GridGame, certified, equilibrium_with_grid
from market_solver.rounding import Energies, UnitCosts, rounded
from market_solver.water_filling import Floats

RELATIVE_GAP = 1e-8
"""A priced allocation is good enough when it is at most this share away from the lower bound. Once rounded it may be
further away by what the grid of 0.1 Wh takes, and by the smallest unit of money for each buyer."""
LARGEST_EXCESS_KWH = 1e-4
"""By how much a load may exceed a capacity before rounding."""
ROUND_OFF_KWH = 1e-9
"""What floats make of amounts that are just on the grid."""
MAX_IMPROVEMENTS = 60
SMALLEST_COST = 1e-300
"""Of a buyer that pays nothing; what it saves is then no share of it."""

OnStep: TypeAlias = Callable[[], None]
"""Called between two steps of a calculation; what it raises ends it."""


def _go_on() -> None:
    pass


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
        best = best_bid(demand, self.game.supplies(buyer, others_load), self.game.retail_tariff)
        cost = self.game.bill(buyer, bid, others_load)
        return cost, Money(max(0, cost - self.game.bill(buyer, best, others_load)))


@dataclass(frozen=True, slots=True)
class Clearing:
    """An allocation and how it was found.

    Attributes
    ----------
    converged
        Whether it met its tolerance before it met a limit.
    rounds
        Of sequential best response.
    seller_prices, duality_gap
        The certificate of the others: prices (S,) in currency per kWh, and how far the rounded allocation may be from
        the optimum, currency.
    """

    allocation: Allocation
    converged: bool
    rounds: int | None = None
    seller_prices: Floats | None = None
    duality_gap: float | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """The bids after a round, and the largest share of its cost that a buyer saved in it (1 in the first round)."""

    number: int
    amounts: Floats
    largest_saving: float


def rounds(game: GameInKwh) -> Iterator[Round]:
    """Play round after round without end.

    Every best response lowers the game's potential by what the buyer saves, so the savings go to zero and the bids to
    an equilibrium. Where a capacity is full, which one depends on the order of the buyers.

    Parameters
    ----------
    game
        With demands that together fit the capacities, or a retail tariff.
    """
    amounts, tariff = game.nothing(), game.retail_tariff or 0.0
    load = amounts.sum(axis=0)
    number = 1
    while True:
        largest_saving = 0.0
        for buyer, demand in enumerate(game.demand):
            supplies = game.supplies(buyer, load - amounts[buyer])
            best = supplies.best_response(demand, game.retail_tariff).amounts
            cost = supplies.cost(amounts[buyer]) + tariff * (demand - amounts[buyer].sum())
            saving = cost - supplies.cost(best) - tariff * (demand - best.sum())
            saving = saving / max(abs(cost), SMALLEST_COST) if number > 1 else 1.0
            largest_saving = max(largest_saving, saving)
            load = load - amounts[buyer] + best
            amounts[buyer] = best
        load = amounts.sum(axis=0)  # afresh, so that rounding errors do not pile up
        yield Round(number, amounts.copy(), largest_saving)
        number += 1


def clear_by_best_response(game: ExactGame, tolerance: float, round_limit: int, on_step: OnStep = _go_on) -> Clearing:
    """Play sequential best response until no buyer saved more than a share ``tolerance`` of its cost in a round."""
    in_kwh = game.in_kwh()
    for played in rounds(in_kwh):
        converged = played.largest_saving <= tolerance
        if converged or played.number == round_limit:
            break
        on_step()
    if game.retail_tariff is None:
        allocation = Allocation.from_amounts(game, played.amounts, in_kwh.selfish().costs)
    else:
        allocation = _answered(game, played.amounts)
    return Clearing(
        allocation, converged and _leaves_little(allocation, tolerance, played.amounts), rounds=played.number
    )


def _answered(game: ExactGame, amounts: Floats) -> Allocation:
    """Round amounts (B, S) in kWh down, and let everybody answer best once more, in the ledger's integers."""
    energies = np.floor(amounts * ENERGIES_PER_KWH).astype(np.int64)
    load = energies.sum(axis=0)
    for buyer, demand in enumerate(game.demands):
        load -= energies[buyer]
        energies[buyer] = best_bid(demand, game.supplies(buyer, load.tolist()), game.retail_tariff)
        load += energies[buyer]
    return Allocation(game, energies)


def clear_by_variational_equilibrium(game: ExactGame, on_step: OnStep = _go_on) -> Clearing:
    """Minimise the potential: the equilibrium that does not depend on the buyers' order."""
    if game.retail_tariff is not None:
        return _proved(game, game.retail_tariff, on_step)
    in_kwh = game.in_kwh()
    for nearer in variational_equilibrium(in_kwh):
        on_step()
        found = nearer
    return _certified(game, found, in_kwh.selfish(_scarcity(found, 2.0 * in_kwh.price)))


def _proved(game: ExactGame, retail_tariff: Price, on_step: OnStep) -> Clearing:
    """Find the variational equilibrium with the grid in the game, and prove it as the ledger would."""
    in_kwh, buyers = game.in_kwh(), np.arange(len(game.buyers))
    tariff = retail_tariff / PRICES_PER_CURRENCY
    with_grid = GridGame(in_kwh.demand, in_kwh.capacity, in_kwh.price, in_kwh.fee, buyers, 1.0, tariff)
    for nearer in equilibrium_with_grid(with_grid):
        on_step()
        point = nearer
    scarcity = certified(with_grid, point).exact_scarcity
    classes = sorted({fee for row in game.fees for fee in row})
    number = {fee: k for k, fee in enumerate(classes)}
    slot = certificate.SlotGame(
        demands=game.demands,
        capacities=game.capacities,
        prices=game.prices,
        distances=[[number[fee] for fee in row] for row in game.fees],
        fees=classes,
        row=buyers.tolist(),
        retail_tariff=retail_tariff,
    )
    purchases = certificate.purchases_at(slot, scarcity)
    verdict = certificate.verify(slot, scarcity, purchases)
    energies = np.zeros_like(in_kwh.fee, dtype=np.int64)
    for row, bought in zip(energies, purchases.from_sellers, strict=True):
        row[list(bought)] = list(bought.values())
    return Clearing(
        Allocation(game, energies),
        verdict.is_accepted,
        seller_prices=in_kwh.price + np.array(scarcity, dtype=np.float64) / PRICES_PER_CURRENCY,
        duality_gap=max(0, verdict.gap) / (PRICES_PER_CURRENCY * ENERGIES_PER_KWH),
    )


def clear_by_social_optimum(game: ExactGame, on_step: OnStep = _go_on) -> Clearing:
    """Minimise what all buyers pay together."""
    in_kwh = game.in_kwh()
    for number, found in enumerate(improvements(in_kwh), 1):
        on_step()
        is_last = number == MAX_IMPROVEMENTS
        if not is_last and not _is_good_enough(found, in_kwh.total_cost):
            continue
        clearing = _certified(game, found, in_kwh.social(_scarcity(found, 3.0 * in_kwh.price)))
        if is_last or clearing.converged:
            break
    return clearing


def _scarcity(found: Priced, full_price: Floats) -> Floats:
    """Return by how much sellers are worth more than what a unit costs once they are full, (S,)."""
    return np.maximum(found.seller_prices - full_price, 0.0)


def _certified(game: ExactGame, found: Priced, objective: Objective) -> Clearing:
    """Round a solution, and judge what came of it."""
    allocation = Allocation.from_amounts(game, found.amounts, objective.costs)
    value = objective.value(allocation.amounts)
    gap = max(0.0, value - found.lower_bound)
    of_the_grid = float(_of_the_grid(game, found.amounts).sum()) + len(game.buyers) / MONEY_PER_CURRENCY
    most = RELATIVE_GAP * value + of_the_grid
    is_sound = found.largest_excess <= LARGEST_EXCESS_KWH + ROUND_OFF_KWH
    converged = is_sound and max(gap, abs(objective.value(found.amounts) - found.lower_bound)) <= most
    return Clearing(allocation, converged, seller_prices=found.seller_prices, duality_gap=gap)


def _is_good_enough(found: Priced, value_of: Callable[[Floats], float]) -> bool:
    """Tell whether a solution is good enough to be rounded."""
    value = value_of(found.amounts)
    return found.largest_excess <= LARGEST_EXCESS_KWH and abs(value - found.lower_bound) <= RELATIVE_GAP * value


def _leaves_little(allocation: Allocation, tolerance: float, amounts: Floats) -> bool:
    """Tell whether no buyer could save more than its tolerance and what the grid of 0.1 Wh and rounded bills take."""
    spare = _of_the_grid(allocation.game, amounts) * MONEY_PER_CURRENCY + (amounts > 0).sum(axis=1)
    bills = zip(allocation.bills(), spare.tolist(), strict=True)
    return all(regret <= tolerance * cost + unavoidable for (cost, regret), unavoidable in bills)


def _of_the_grid(game: ExactGame, amounts: Floats) -> Floats:
    """Return what whole units of 0.1 Wh may cost each buyer more than amounts (B, S) in kWh, (B,), currency.

    At an optimum all its sellers are equally dear at the margin, so a unit too much or too little of a seller costs
    only what the price rises by meanwhile: about a_j unit^2. Whom it takes nothing from does not count.
    """
    return np.asarray(((amounts > 0) * game.in_kwh().slope).sum(axis=1) / ENERGIES_PER_KWH**2)
