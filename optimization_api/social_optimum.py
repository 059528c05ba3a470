"""The social optimum: the least that all buyers together can pay."""

from collections.abc import Iterator

from optimization_api.congestion import Congestion, solve
from optimization_api.game import Game
from optimization_api.variational import Priced

FIRST_PULL, SHRINKING, LAST_PULL = 0.1, 0.3, 1e-5
"""How strongly the steps are held near the last allocation, as shares of the sellers' slopes.

Held tightly, a step is well conditioned; held loosely, it goes far. Looser than the last, round-off spoils it.
"""


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
    amounts, prices, pull = game.nothing(), None, FIRST_PULL
    while True:
        problem = Congestion(
            game.demand,
            game.capacity,
            cost - pull * game.slope * amounts,
            game.slope,
            load_weight=2.0,
            pair_weight=pull,
        )
        point = solve(problem, prices)
        amounts, prices = point.amounts, point.prices
        # without the distance every buyer would take all from the seller that is cheapest for it at these prices
        lower_bound = float(game.demand @ (cost + prices).min(axis=1)) + problem.loads_worth(prices)
        yield Priced(amounts, game.price + prices, lower_bound, point.largest_excess)
        pull = max(pull * SHRINKING, LAST_PULL)
