"""The two minima of a game: the variational equilibrium minimises its potential, the social optimum its total cost."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from market_solver.congestion import Congestion, ascent
from market_solver.game import GameInKwh
from market_solver.water_filling import Floats

FIRST_PULL, SHRINKING, LAST_PULL = 0.1, 0.3, 1e-5
"""How strongly the social optimum's steps are held near the last allocation, as shares of the sellers' slopes.

Held tightly, a step is well conditioned; held loosely, it goes far. Looser than the last, round-off spoils it.
"""


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


def variational_equilibrium(game: GameInKwh) -> Iterator[Priced]:
    """Come closer to the minimum of the game's potential over all feasible allocations, and end there.

    The potential is strictly convex, so there is one minimum; no buyer can lower its cost there, because that would
    lower the potential by as much. It is called variational (F. Facchinei and C. Kanzow, "Generalized Nash equilibrium
    problems", 2007), since all buyers share one price of a full seller's capacity.

    The potential of a feasible allocation minus the lower bound, the duality gap, bounds how far it is from the
    equilibrium: sum_j a_j ((L_j - L*_j)^2 + sum_i (x_ij - x*_ij)^2) / 2 <= gap.
    """
    problem = _programme(game, game.price + game.fee, load_weight=1.0, pair_weight=1.0)
    for point in ascent(problem):
        yield Priced(point.matrix, game.price + point.prices, point.value, point.largest_excess)


def improvements(game: GameInKwh) -> Iterator[Priced]:
    """Come closer to the social optimum step by step, without end.

    The total cost sum_j p_j L_j + a_j L_j^2 + sum_ij tau h_ij x_ij curves in the loads only, and who takes from
    whom is a transport problem. So each step minimises it plus a distance to the last allocation, which makes it
    strictly convex; on such a problem that ends after finitely many steps (R. T. Rockafellar, "Monotone operators and
    the proximal point algorithm", 1976).

    Yields
    ------
    Priced
        Its lower bound is one of the total cost itself.
    """
    cost = game.price + game.fee
    amounts, prices, pull = game.nothing(), None, FIRST_PULL
    while True:
        problem = _programme(game, cost - pull * game.slope * amounts, load_weight=2.0, pair_weight=pull)
        *_, point = ascent(problem, prices)
        amounts, prices = point.matrix, point.prices
        # without the distance every buyer would take all from the seller that is cheapest for it at these prices
        lower_bound = float(game.demand @ (cost + prices).min(axis=1)) + problem.loads_worth(prices)
        yield Priced(amounts, game.price + prices, lower_bound, point.largest_excess)
        pull = max(pull * SHRINKING, LAST_PULL)


def _programme(game: GameInKwh, unit_cost: Floats, *, load_weight: float, pair_weight: float) -> Congestion:
    """Return the programme of a game whose pairs have costs (B, S) of their own."""
    return Congestion(
        demand=game.demand,
        capacity=game.capacity,
        price=np.zeros_like(game.price),
        hops=unit_cost,
        row=np.arange(len(game.demand)),
        fee_per_hop=1.0,
        slope=game.slope,
        load_weight=load_weight,
        pair_weight=pair_weight,
    )
