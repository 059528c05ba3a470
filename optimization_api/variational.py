"""The variational equilibrium: the one equilibrium that does not depend on the buyers' order."""

from dataclasses import dataclass

from optimization_api.arrays import Floats
from optimization_api.congestion import Congestion, solve
from optimization_api.game import Game


@dataclass(frozen=True, slots=True)
class Priced:
    """An allocation with its certificate.

    Attributes
    ----------
    amounts
        (B, S), kWh.
    seller_prices
        (S,), currency per kWh: what a seller's energy is worth at its present load.
    lower_bound
        What no allocation can go below (the dual's value), currency.
    largest_excess
        By how much the amounts fail to fit a capacity, kWh; round-off if all went well.
    """

    amounts: Floats
    seller_prices: Floats
    lower_bound: float
    largest_excess: float


def variational_equilibrium(game: Game) -> Priced:
    """Return the minimum of the game's potential over all feasible allocations.

    The potential is strictly convex, so there is one minimum; no buyer can lower its cost there, because that would
    lower the potential by as much. It is called variational (F. Facchinei and C. Kanzow, "Generalized Nash equilibrium
    problems", 2007), since all buyers share one price of a full seller's capacity.

    The potential of a feasible allocation minus the lower bound, the duality gap, bounds how far it is from the
    equilibrium: sum_j a_j ((L_j - L*_j)^2 + sum_i (x_ij - x*_ij)^2) / 2 <= gap.
    """
    problem = Congestion(
        game.demand, game.capacity, game.price + game.fee, game.slope, load_weight=1.0, pair_weight=1.0
    )
    point = solve(problem)
    return Priced(point.amounts, game.price + point.prices, point.value, point.largest_excess)
