"""The convex programme behind the variational equilibrium and the social optimum, solved by its dual.

    minimise   sum_ij c_ij x_ij + r sum_i g_i + sum_j (k a_j / 2 L_j^2 + m a_j / 2 sum_i x_ij^2)
    subject to sum_j x_ij + g_i = d_i,  x_ij, g_i >= 0,  L_j = sum_i x_ij <= C_j

c_ij is p_j and the fee for the hops; g_i comes from the grid at the tariff r, if there is one. With a price pi_j on
L_j = sum_i x_ij everything falls apart: each buyer fills up by itself, x_ij = (lambda_i - c_ij - pi_j)_+ / (m a_j) with
lambda_i <= r, and each load is clip(pi_j / (k a_j), 0, C_j). The dual

    D(pi) = sum_i (lambda_i d_i - sum_j m a_j / 2 x_ij^2) - sum_j W_j,  W_j the most that pi_j L - k a_j / 2 L^2 can be

is concave, its gradient is the excess of what buyers take over the loads, and piecewise linear, so a semismooth Newton
method ends in a few steps (L. Qi and J. Sun, "A nonsmooth version of Newton's method", 1993). Its equations are solved
by conjugate gradients with Jacobi's preconditioner; a step that does not raise the dual is shortened, or damped as
Levenberg and Marquardt do. Of many pairs only those are looked at that can come into use near the present prices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_solver.water_filling import Floats, fill

MAX_STEPS = 200
MAX_SHORTENINGS = 4
MAX_FILLING_STEPS = 100
FILLING_PRECISION = 1e-12
SMALLEST_DAMPING, LARGEST_DAMPING = 1e-12, 1e6
SUFFICIENT_INCREASE = 1e-4
SMALLEST_EXCESS = 1e-12
"""Of the demand: nearer to the optimum round-off does not let us come."""
FEW_SELLERS = 40
"""Up to so many a dense solution of Newton's equations is faster than conjugate gradients."""
MAX_DENSE_SELLERS = 1_000
CG_TOLERANCE, MAX_CG_STEPS = 1e-4, 300
FEW_PAIRS = 40_000
"""Up to so many all pairs are looked at."""
MAX_PAIRS = 5_000_000
"""The most pairs that may come into use; each takes some 60 bytes."""
SAMPLED_SELLERS = 128
MARGIN_HOPS, MARGIN_SHARE = 0.3, 0.02
"""How much dearer than its buyer's marginal price a pair may be to be looked at: hops, or a share of that price."""


class TooManyPairs(ValueError):
    """More pairs come into use than fit into memory: nearly everybody is as near as everybody else."""


@dataclass(frozen=True, slots=True)
class Congestion:
    """The programme's data; B buyers, S sellers, K different rows of hops.

    Attributes
    ----------
    demand, capacity
        d (B,) and C (S,), kWh.
    price
        p (S,), currency per kWh: what does not depend on loads or hops.
    hops, row
        (K, S) numbers of any kind, and which row is a buyer's, (B,).
    fee_per_hop
        Currency per kWh; c_ij = price_j + fee_per_hop hops[row_i, j].
    slope
        a (S,), currency per kWh^2, > 0.
    load_weight, pair_weight
        k and m, > 0.
    tariff
        r, currency per kWh; infinite if there is no grid.
    """

    demand: Floats
    capacity: Floats
    price: Floats
    hops: NDArray[Any]
    row: NDArray[np.intp]
    fee_per_hop: float
    slope: Floats
    load_weight: float = 1.0
    pair_weight: float = 1.0
    tariff: float = float("inf")

    @property
    def load_slope(self) -> Floats:
        """Return k a, (S,)."""
        return self.load_weight * self.slope

    def loads(self, prices: Floats) -> Floats:
        """Return the loads (S,) that sellers would choose at prices pi (S,), kWh."""
        return np.minimum(np.maximum(prices / self.load_slope, 0.0), self.capacity)

    def loads_worth(self, prices: Floats) -> float:
        """Return the sellers' part of the dual: the least of sum_j k a_j / 2 L_j^2 - pi_j L_j."""
        loads = self.loads(prices)
        return float(loads @ (self.load_slope * loads / 2 - prices))


class Pairs:
    """The pairs of buyer and seller that may come into use, ordered by buyer.

    Attributes
    ----------
    seller
        (P,)
    prices, limit
        Pairs that are left out cost at prices pi (S,) no less than their buyer's limit, (B,).
    cost, give
        (P,): c_ij, and 1 / (m a_j): by how much the pair gives more per unit of the buyer's level.
    """

    def __init__(
        self,
        problem: Congestion,
        counts: NDArray[np.intp],
        seller: NDArray[np.int32],
        hops: Floats,
        prices: Floats,
        limit: Floats,
    ) -> None:
        self.prices, self.limit = prices, limit
        self.shape = len(problem.demand), len(problem.capacity)
        self.seller = seller
        self.cost = hops
        self.cost *= problem.fee_per_hop
        self.cost += problem.price[seller]
        self.give = (1.0 / (problem.pair_weight * problem.slope))[seller]
        self._counts = counts
        self._ends = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        self._some = np.flatnonzero(counts)

    def each(self, of_buyers: Floats) -> Floats:
        """Return a figure of buyers (B,) for each pair."""
        return np.repeat(of_buyers, self._counts)

    def buyers_sums(self, values: Floats) -> Floats:
        """Add up values (P,) for each buyer, (B,)."""
        return self._reduced(np.add, values, 0.0)

    def buyers_least(self, values: Floats) -> Floats:
        """Return the least of values (P,) for each buyer, (B,); infinite without any."""
        return self._reduced(np.minimum, values, np.inf)

    def sellers_sums(self, values: Floats) -> Floats:
        """Add up values (P,) for each seller, (S,)."""
        return np.bincount(self.seller, values, self.shape[1]).astype(np.float64)

    def matrix(self, values: Floats) -> Any:
        """Return values (P,) as a sparse matrix (B, S)."""
        from scipy.sparse import csr_array  # loading it takes a seventh of a service's start

        return csr_array((values, self.seller, self._ends), shape=self.shape)

    def _reduced(self, how: np.ufunc, values: Floats, without: float) -> Floats:
        result = np.full(self.shape[0], without)
        if len(self._some):
            result[self._some] = how.reduceat(values, self._ends[self._some])
        return result


@dataclass(frozen=True, slots=True)
class DualPoint:
    """A point of the dual, and what buyers take there.

    Attributes
    ----------
    prices
        pi (S,), currency per kWh.
    pairs, amounts
        The pairs that may be in use, and x (P,) of each, kWh.
    levels
        lambda (B,): the buyers' marginal prices, currency per kWh.
    value
        D, a lower bound of the programme, currency.
    excess
        (S,): its gradient, kWh.
    """

    prices: Floats
    pairs: Pairs
    amounts: Floats
    levels: Floats
    value: float
    excess: Floats

    @classmethod
    def at(cls, problem: Congestion, pairs: Pairs, prices: Floats, levels: Floats) -> "DualPoint":
        """Evaluate the dual at prices; levels are a guess."""
        amounts, levels = _fill(problem, pairs, prices, levels)
        # the buyers' part in its dual form, which forgives a rounding error in the levels
        taken = float((amounts * amounts / pairs.give).sum()) / 2
        value = float(problem.demand @ levels) - taken + problem.loads_worth(prices)
        return cls(prices, pairs, amounts, levels, value, pairs.sellers_sums(amounts) - problem.loads(prices))

    @property
    def largest_excess(self) -> float:
        """By how much a seller's load and its buyers disagree at most, kWh."""
        return float(np.abs(self.excess).max())

    @property
    def matrix(self) -> Floats:
        """What buyers take, (B, S), kWh; for small games."""
        return np.asarray(self.pairs.matrix(self.amounts).toarray())


def _fill(problem: Congestion, pairs: Pairs, prices: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Let every buyer fill up at prices pi: x (P,) and lambda (B,), by Newton's method on each lambda.

    What a buyer's pairs give is convex in its level, so the method comes down to it from the first step on. Levels are
    reckoned from the buyer's cheapest pair on, so that a rounding error is one of the differences in price.
    """
    above = pairs.cost + prices[pairs.seller]
    cheapest = pairs.buyers_least(above)
    above -= pairs.each(cheapest)
    most = np.maximum(problem.tariff - cheapest, 0.0)
    highest = np.minimum(pairs.buyers_least(above + pairs.each(problem.demand) / pairs.give), most)
    guess = levels - cheapest
    level = np.where((guess > 0.0) & (guess < highest), guess, highest)
    precision = FILLING_PRECISION * problem.demand
    for _ in range(MAX_FILLING_STEPS):
        amounts = pairs.each(level)
        amounts -= above
        gives = np.where(amounts > 0.0, pairs.give, 0.0)
        amounts *= gives
        missing = problem.demand - pairs.buyers_sums(amounts)
        if np.all((np.abs(missing) <= precision) | ((level >= most) & (missing >= 0.0))):
            break
        width = pairs.buyers_sums(gives)
        step = np.divide(missing, width, out=np.zeros_like(missing), where=width > 0.0)
        if np.all(np.abs(step) <= np.spacing(level)):
            amounts = _polished(problem, pairs, above, gives, most)
            break
        level = np.minimum(level + step, most)
    return amounts, np.where(level < most, level + cheapest, problem.tariff)


def _polished(problem: Congestion, pairs: Pairs, above: Floats, gives: Floats, most: Floats) -> Floats:
    """Return amounts (P,) that are more precise than a float as a level can make them.

    Where prices are orders of magnitude apart, a level is the start of the dearest pair in use and a tiny rest.
    """
    last = -pairs.buyers_least(np.where(gives > 0.0, -above, 0.0))
    amounts = pairs.each(last)
    amounts -= above
    rest = (problem.demand - pairs.buyers_sums(amounts * gives)) / np.maximum(pairs.buyers_sums(gives), 1e-300)
    amounts += pairs.each(np.minimum(rest, most - last))
    return np.asarray(np.maximum(amounts, 0.0) * gives)


def ascent(problem: Congestion, prices: Floats | None = None) -> Iterator[DualPoint]:
    """Climb the dual, and yield after every step the best point so far; the last is the best that round-off allows.

    Parameters
    ----------
    problem
        With demands that together fit the capacities, unless there is a grid.
    prices
        Where to start; default: the prices if distances did not matter.

    Raises
    ------
    TooManyPairs
    """
    screen = _Screen(problem, _mean_field_prices(problem) if prices is None else prices)
    point = screen.first_point(is_mean_field=prices is None)
    good_enough = SMALLEST_EXCESS * float(problem.demand.sum())
    damping = SMALLEST_DAMPING
    point = screen.widened(point)
    for _ in range(MAX_STEPS):
        yield point
        if point.largest_excess <= good_enough:
            return
        better = _further(problem, screen, point, _newton_step(problem, point, damping))
        if better is not None:
            point = better
            damping = max(damping / 10, SMALLEST_DAMPING)
        elif damping >= LARGEST_DAMPING:
            return
        else:
            damping *= 10
    yield point


def _mean_field_prices(problem: Congestion) -> Floats:
    """Return the prices at which sellers meet the demand, all buyers being as far from a seller as the nearest one."""
    first = problem.price + problem.fee_per_hop * problem.hops.min(axis=0)
    demand = float(problem.demand.sum())
    level = problem.tariff
    if demand < problem.loads(level - first).sum() if np.isfinite(level) else True:
        level = fill(min(demand, float(problem.capacity.sum())), first, problem.load_slope, problem.capacity).level
    return np.asarray(np.maximum(level - first, 0.0))


class _Screen:
    """Chooses the pairs to look at, and makes sure that no other comes into use."""

    def __init__(self, problem: Congestion, prices: Floats) -> None:
        self._problem = problem
        self._prices = prices

    def first_point(self, *, is_mean_field: bool) -> DualPoint:
        """Return the point to start from."""
        problem, prices = self._problem, self._prices
        levels = np.full(len(problem.demand), problem.tariff)
        limit = np.full(len(problem.demand), np.inf)
        if len(problem.demand) * len(problem.capacity) > FEW_PAIRS:
            levels = self._estimated_levels()
            limit = self._limits(levels)
        pairs = self._pairs(prices, limit)
        if is_mean_field:  # a little cheaper: what a seller's load takes that its buyers share
            load_of_pair = problem.loads(prices) / np.maximum(np.bincount(pairs.seller, minlength=len(prices)), 1)
            prices = np.maximum(prices - problem.pair_weight * problem.slope * load_of_pair, 0.0)
        return DualPoint.at(problem, pairs, prices, levels)

    def widened(self, point: DualPoint) -> DualPoint:
        """Return the same point, with other pairs if one that is not looked at might be in use there."""
        while np.min(point.pairs.limit - point.levels) < np.max(point.pairs.prices - point.prices):
            pairs = self._pairs(point.prices, self._limits(point.levels))
            point = DualPoint.at(self._problem, pairs, point.prices, point.levels)
        return point

    def _limits(self, levels: Floats) -> Floats:
        return levels + max(MARGIN_HOPS * self._problem.fee_per_hop, MARGIN_SHARE * float(levels.max()))

    def _estimated_levels(self) -> Floats:
        """Return about the buyers' levels (B,), as if sellers were many times a few of them."""
        problem = self._problem
        stride = max(1, len(problem.capacity) // SAMPLED_SELLERS)
        sample = slice(None, None, stride)
        hops = problem.hops[problem.row, sample]
        counts = np.full(len(problem.demand), hops.shape[1])
        seller = np.tile(np.arange(0, len(problem.capacity), stride, dtype=np.int32), len(hops))
        levels = np.full(len(problem.demand), np.inf)
        pairs = Pairs(problem, counts, seller, hops.ravel().astype(np.float64), self._prices, levels)
        pairs.give *= len(problem.capacity) / hops.shape[1]
        return _fill(problem, pairs, self._prices, levels)[1]

    def _pairs(self, prices: Floats, limits: Floats) -> Pairs:
        """Return the pairs that are at these prices not dearer than their buyer's limit."""
        problem, start = self._problem, self._problem.price + prices
        counts, sellers, hops, found = [], [], [], 0
        stride = max(1, 65_536 // len(start))
        for first in range(0, len(problem.demand), stride):
            block = problem.hops[problem.row[first : first + stride]]
            limit = limits[first : first + stride, np.newaxis]
            near = np.flatnonzero(block * problem.fee_per_hop + start < limit)
            counts.append(np.bincount(near // len(start), minlength=len(block)))
            sellers.append((near % len(start)).astype(np.int32))
            hops.append(block.ravel()[near])
            found += len(near)
            if found > MAX_PAIRS:
                raise TooManyPairs(f"more than {MAX_PAIRS:,} pairs of buyer and seller come into use")
        chosen = np.concatenate(counts), np.concatenate(sellers), np.concatenate(hops).astype(np.float64)
        return Pairs(problem, *chosen, prices, limits)


def _newton_step(problem: Congestion, point: DualPoint, damping: float) -> Floats:
    """Solve Newton's equations with an element of the dual's generalised negative Hessian, (S,).

    That is diag(N_j / (m a_j) + [seller j not full] / (k a_j)) - M' diag(1 / sigma_i) M with M_ij = 1 / (m a_j) where
    buyer i takes from seller j and sigma_i their sum; buyers who also take from the grid have no part in the latter.
    """
    pairs = point.pairs
    gives = np.where(point.amounts > 0.0, pairs.give, 0.0)
    width = pairs.buyers_sums(gives)
    share = np.divide(1.0, width, out=np.zeros_like(width), where=(width > 0.0) & (point.levels < problem.tariff))
    by_seller, of_loads = pairs.sellers_sums(gives), 1.0 / problem.load_slope
    not_full = point.prices < problem.load_slope * problem.capacity
    diagonal = by_seller + not_full * of_loads + damping * (by_seller + of_loads)
    matrix = pairs.matrix(gives)
    if len(diagonal) > FEW_SELLERS:
        own = pairs.sellers_sums(gives * gives * pairs.each(share))
        step = _conjugate_gradients(matrix, share, diagonal, own, point.excess)
        if step is not None:
            return step
    if len(diagonal) > MAX_DENSE_SELLERS:
        return np.asarray(point.excess / diagonal)
    dense = matrix.toarray()
    curvature = np.diag(diagonal) - dense.T @ (share[:, np.newaxis] * dense)
    return np.asarray(np.linalg.solve(curvature, point.excess))


def _conjugate_gradients(matrix: Any, share: Floats, diagonal: Floats, own: Floats, excess: Floats) -> Floats | None:
    """Solve (diag(diagonal) - M' diag(share) M) step = excess; None if that takes too long.

    The preconditioner is the matrix's diagonal (M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for
    solving linear systems", 1952). ``own`` is what of ``diagonal`` the second term takes away.
    """
    inverse = 1.0 / np.maximum(diagonal - own, 1e-3 * diagonal)
    transposed = matrix.T
    step, residual = np.zeros_like(excess), excess.copy()
    direction = scaled = inverse * residual
    product, good_enough = float(residual @ scaled), CG_TOLERANCE * float(np.linalg.norm(excess))
    for _ in range(MAX_CG_STEPS):
        image = diagonal * direction - transposed @ (share * (matrix @ direction))
        length = product / float(direction @ image)
        step += length * direction
        residual -= length * image
        if np.linalg.norm(residual) <= good_enough:
            return step
        scaled = inverse * residual
        product, last = float(residual @ scaled), product
        direction = scaled + product / last * direction
    return None


def _further(problem: Congestion, screen: _Screen, point: DualPoint, step: Floats) -> DualPoint | None:
    """Return a better point in a direction, as far along it as the dual rises enough (L. Armijo, 1966), if any.

    Candidates are judged with all pairs that come into use there: with fewer the dual looks larger than it is.
    """
    rise, share = float(point.excess @ step), 1.0
    for _ in range(MAX_SHORTENINGS):
        candidate = screen.widened(DualPoint.at(problem, point.pairs, point.prices + share * step, point.levels))
        if _is_better(candidate, point, share * rise):
            return candidate
        # where the slope along the step would vanish if it changed in a straight line
        fall = float(candidate.excess @ step)
        share *= min(max(rise / (rise - fall), 0.1), 0.9) if fall < 0.0 < rise else 0.5
    return None


def _is_better(candidate: DualPoint, point: DualPoint, rise: float) -> bool:
    if candidate.value > point.value and candidate.value >= point.value + SUFFICIENT_INCREASE * rise:
        return True
    # close to the end the value no longer changes in float; the excess still does
    same_value = candidate.value >= point.value - 1e-12 * abs(point.value)
    return same_value and candidate.largest_excess < 0.9 * point.largest_excess
