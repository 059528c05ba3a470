"""The convex programme behind the variational equilibrium and the social optimum, solved by its dual.

    minimise   sum_ij c_ij x_ij + sum_j (k r_j / 2 L_j^2 + m r_j / 2 sum_i x_ij^2)
    subject to sum_j x_ij = d_i,  x_ij >= 0,  L_j = sum_i x_ij <= C_j

With a price pi_j on L_j = sum_i x_ij everything falls apart: each buyer fills up by itself, each load is clip(pi_j /
(k r_j), 0, C_j). The dual is concave, its gradient is the excess of what buyers take over the loads, piecewise
linear, so a semismooth Newton method ends in a few steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from market_solver.game import GameInKwh
from market_solver.water_filling import Floats, fill, fill_unbounded

MAX_STEPS = 200
SMALLEST_DAMPING = 1e-12
LARGEST_DAMPING = 1e6
SUFFICIENT_INCREASE = 1e-4


@dataclass(frozen=True, slots=True)
class Congestion:
    """The programme's data.

    Attributes
    ----------
    demand, capacity
        d (B,) and C (S,), kWh.
    unit_cost
        c (B, S), currency per kWh; of what a seller asks only the part that does not depend on its load.
    rise
        r (S,), currency per kWh^2, > 0.
    load_weight, pair_weight
        k and m, > 0.
    """

    demand: Floats
    capacity: Floats
    unit_cost: Floats
    rise: Floats
    load_weight: float
    pair_weight: float

    @property
    def load_rise(self) -> Floats:
        """Return k r, (S,)."""
        return self.load_weight * self.rise

    def loads(self, prices: Floats) -> Floats:
        """Return the loads (S,) that sellers would choose at prices pi (S,), kWh."""
        return np.minimum(np.maximum(prices / self.load_rise, 0.0), self.capacity)

    def loads_worth(self, prices: Floats) -> float:
        """Return the sellers' part of the dual: the least of sum_j k r_j / 2 L_j^2 - pi_j L_j."""
        loads = self.loads(prices)
        return float(loads @ (self.load_rise * loads / 2 - prices))


@dataclass(frozen=True, slots=True)
class DualPoint:
    """Prices pi (S,), what buyers take at them (B, S), the dual's value (a lower bound) and gradient (S,)."""

    prices: Floats
    amounts: Floats
    value: float
    excess: Floats

    @classmethod
    def at(cls, problem: Congestion, prices: Floats) -> "DualPoint":
        """Evaluate the dual."""
        starts = problem.unit_cost + prices
        rises = problem.pair_weight * problem.rise
        amounts, levels = fill_unbounded(problem.demand, starts, rises)
        # the buyers' part in its dual form, which forgives a rounding error in the levels
        value = float(problem.demand @ levels - (rises * amounts**2).sum() / 2) + problem.loads_worth(prices)
        return cls(prices, amounts, value, amounts.sum(axis=0) - problem.loads(prices))

    @property
    def largest_excess(self) -> float:
        """By how much a seller's load and its buyers disagree at most, kWh."""
        return float(np.abs(self.excess).max())


def ascent(problem: Congestion, prices: Floats | None = None) -> Iterator[DualPoint]:
    """Climb the dual, and yield after every step the best point so far; the last is the best that round-off allows.

    Levenberg-Marquardt: a Newton step is taken if it raises the dual enough, otherwise it is damped more.

    Parameters
    ----------
    problem
        With demands that together fit the capacities.
    prices
        Where to start; default: the prices if distances did not matter.
    """
    point = DualPoint.at(problem, _mean_field_prices(problem) if prices is None else prices)
    good_enough = 1e-12 * float(problem.demand.sum())
    damping = SMALLEST_DAMPING
    for _ in range(MAX_STEPS):
        yield point
        if point.largest_excess <= good_enough:
            return
        curvature, scale = _negative_hessian(problem, point)
        step: Floats = np.linalg.solve(curvature + np.diag(damping * scale), point.excess).astype(np.float64)
        candidate = DualPoint.at(problem, point.prices + step)
        if _is_better(candidate, point, step):
            point = candidate
            damping = max(damping / 10, SMALLEST_DAMPING)
        else:
            damping *= 10
            if damping > LARGEST_DAMPING:
                return
    yield point


def _mean_field_prices(problem: Congestion) -> Floats:
    """Return the prices at which sellers meet the demand, all buyers being as far from a seller as the nearest one."""
    start = problem.unit_cost.min(axis=0)
    level = fill(float(problem.demand.sum()), start, problem.load_rise, problem.capacity).level
    return np.asarray(np.maximum(level - start, 0.0))


def _negative_hessian(problem: Congestion, point: DualPoint) -> tuple[Floats, Floats]:
    """Return an element of the dual's generalised negative Hessian (S, S), and a positive diagonal (S,) of its size."""
    active = (point.amounts > 0) / (problem.pair_weight * problem.rise)
    load_slope = 1.0 / problem.load_rise
    not_full = point.prices < problem.load_rise * problem.capacity
    diagonal = active.sum(axis=0)
    coupling = active.T @ (active / active.sum(axis=1, keepdims=True))
    return np.diag(diagonal + not_full * load_slope) - coupling, diagonal + load_slope


def _is_better(candidate: DualPoint, point: DualPoint, step: Floats) -> bool:
    enough = SUFFICIENT_INCREASE * float(point.excess @ step)
    if candidate.value > point.value and candidate.value >= point.value + enough:
        return True
    # close to the end the value no longer changes in float; the excess still does
    same_value = candidate.value >= point.value - 1e-12 * abs(point.value)
    return same_value and candidate.largest_excess < 0.9 * point.largest_excess


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
    problem = Congestion(
        game.demand, game.capacity, game.price + game.fee, game.slope, load_weight=1.0, pair_weight=1.0
    )
    for point in ascent(problem):
        yield Priced(point.amounts, game.price + point.prices, point.value, point.largest_excess)


FIRST_PULL, SHRINKING, LAST_PULL = 0.1, 0.3, 1e-5
"""How strongly the steps are held near the last allocation, as shares of the sellers' slopes.

Held tightly, a step is well conditioned; held loosely, it goes far. Looser than the last, round-off spoils it.
"""


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
        problem = Congestion(
            game.demand,
            game.capacity,
            cost - pull * game.slope * amounts,
            game.slope,
            load_weight=2.0,
            pair_weight=pull,
        )
        *_, point = ascent(problem, prices)
        amounts, prices = point.amounts, point.prices
        # without the distance every buyer would take all from the seller that is cheapest for it at these prices
        lower_bound = float(game.demand @ (cost + prices).min(axis=1)) + problem.loads_worth(prices)
        yield Priced(amounts, game.price + prices, lower_bound, point.largest_excess)
        pull = max(pull * SHRINKING, LAST_PULL)
