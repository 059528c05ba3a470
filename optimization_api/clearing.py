"""How a whole game can be cleared, and when a solution is good enough."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimization_api.allocation import Allocation
from optimization_api.arrays import ENERGIES_PER_KWH, MONEY_PER_CURRENCY, Floats
from optimization_api.exact_game import ExactGame
from optimization_api.game import Objective
from optimization_api.gate import Deadline
from optimization_api.sequential import rounds
from optimization_api.social_optimum import improvements
from optimization_api.variational import Priced, variational_equilibrium

RELATIVE_GAP = 1e-8
"""A priced allocation is good enough when it is at most this share away from the lower bound. Once rounded it may be
further away by what the grid of 0.1 Wh takes, and by the smallest unit of money for each buyer."""
LARGEST_EXCESS_KWH = 1e-4
"""By how much a load may exceed a capacity before rounding."""
MAX_IMPROVEMENTS = 60


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


def clear_by_best_response(game: ExactGame, tolerance: float, round_limit: int, deadline: Deadline) -> Clearing:
    """Play sequential best response until no buyer saved more than a share ``tolerance`` of its cost in a round."""
    in_kwh = game.in_kwh()
    for played in deadline.watch(rounds(in_kwh)):
        converged = played.largest_saving <= tolerance
        if converged or played.number == round_limit:
            break
    allocation = Allocation.from_amounts(game, played.amounts, in_kwh.selfish().costs)
    return Clearing(
        allocation, converged and _leaves_little(allocation, tolerance, played.amounts), rounds=played.number
    )


def clear_by_variational_equilibrium(game: ExactGame) -> Clearing:
    """Minimise the potential: the equilibrium that does not depend on the buyers' order."""
    in_kwh = game.in_kwh()
    found = variational_equilibrium(in_kwh)
    return _certified(game, found, in_kwh.selfish(_scarcity(found, 2.0 * in_kwh.price)))


def clear_by_social_optimum(game: ExactGame, deadline: Deadline) -> Clearing:
    """Minimise what all buyers pay together."""
    in_kwh = game.in_kwh()
    for number, found in enumerate(deadline.watch(improvements(in_kwh)), 1):
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
    converged = _is_good_enough(found, objective.value) and gap <= most
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
