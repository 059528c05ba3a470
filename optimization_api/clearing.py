"""How a whole game can be cleared, and when a solution is good enough."""

from collections.abc import Callable
from dataclasses import dataclass

from optimization_api.allocation import Allocation
from optimization_api.arrays import Floats
from optimization_api.exact_game import ExactGame
from optimization_api.gate import Deadline
from optimization_api.sequential import rounds
from optimization_api.social_optimum import improvements
from optimization_api.variational import Priced, variational_equilibrium

RELATIVE_GAP = 1e-8
"""A priced allocation is good enough when it is at most this share away from the lower bound."""
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
    for played in deadline.watch(rounds(game.in_kwh())):
        converged = played.largest_saving <= tolerance
        if converged or played.number == round_limit:
            break
    return Clearing(Allocation.from_amounts(game, played.amounts), converged, rounds=played.number)


def clear_by_variational_equilibrium(game: ExactGame) -> Clearing:
    """Minimise the potential: the equilibrium that does not depend on the buyers' order."""
    in_kwh = game.in_kwh()
    return _certified(game, variational_equilibrium(in_kwh), in_kwh.potential)


def clear_by_social_optimum(game: ExactGame, deadline: Deadline) -> Clearing:
    """Minimise what all buyers pay together."""
    in_kwh = game.in_kwh()
    for number, found in enumerate(deadline.watch(improvements(in_kwh)), 1):
        if _is_good_enough(found, in_kwh.total_cost) or number == MAX_IMPROVEMENTS:
            break
    return _certified(game, found, in_kwh.total_cost)


def _certified(game: ExactGame, found: Priced, objective: Callable[[Floats], float]) -> Clearing:
    allocation = Allocation.from_amounts(game, found.amounts)
    gap = max(0.0, objective(allocation.amounts) - found.lower_bound)
    return Clearing(allocation, _is_good_enough(found, objective), seller_prices=found.seller_prices, duality_gap=gap)


def _is_good_enough(found: Priced, objective: Callable[[Floats], float]) -> bool:
    value = objective(found.amounts)
    return found.largest_excess <= LARGEST_EXCESS_KWH and abs(value - found.lower_bound) <= RELATIVE_GAP * value
