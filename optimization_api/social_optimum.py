"""The social optimum: the least that all buyers together can pay."""

from collections.abc import Iterator

from optimization_api.arrays import Floats
from optimization_api.congestion import Congestion, solve
from optimization_api.game import Game
from optimization_api.variational import Priced

PROXIMITY = 0.1
"""How strongly a step is held near the last allocation; from 0.001 to 1 it works, and here it takes few steps."""


def improvements(game: Game) -> Iterator[Priced]:
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
    pull = PROXIMITY * game.slope
    problem = Congestion(game.demand, game.capacity, cost, game.slope, load_weight=2.0, pair_weight=PROXIMITY)
    amounts, prices = game.nothing(), None
    while True:
        point = solve(problem.with_unit_cost(cost - pull * amounts), prices)
        amounts, prices = point.amounts, point.prices
        yield Priced(amounts, game.price + prices, _lower_bound(problem, prices), point.largest_excess)


def _lower_bound(problem: Congestion, prices: Floats) -> float:
    """Return the dual's value without the distance: at given prices every buyer takes all from its cheapest seller."""
    cheapest = (problem.unit_cost + prices).min(axis=1)
    return float(problem.demand @ cheapest) + problem.loads_worth(prices)
