"""The convex programme behind the variational equilibrium and the social optimum, solved by its dual.

    minimise   sum_ij c_ij x_ij + r sum_i g_i + sum_j (k a_j / 2 L_j^2 + m a_j / 2 sum_i x_ij^2)
    subject to sum_j x_ij + g_i = d_i,  x_ij, g_i >= 0,  L_j = sum_i x_ij <= C_j

c_ij is p_j and the fee for the hops; g_i comes from the grid at the tariff r, if there is one. With a price pi_j on
L_j = sum_i x_ij everything falls apart: each buyer fills up by itself, x_ij = (lambda_i - c_ij - pi_j)_+ / (m a_j) with
lambda_i <= r, and each load is clip(pi_j / (k a_j), 0, C_j). The dual

    D(pi) = sum_i (lambda_i d_i - sum_j m a_j / 2 x_ij^2) - sum_j W_j,  W_j the most that pi_j L - k a_j / 2 L^2 can be

is concave, its gradient is the excess of what buyers take over the loads, and piecewise linear, so a semismooth Newton
method ends in a few steps once it is near (L. Qi and J. Sun, "A nonsmooth version of Newton's method", 1993). Far away
it is kept short as Levenberg and Marquardt do, by a multiple of the identity, since all prices are of one kind: in
proportion to the excess (J. Fan and Y. Yuan, "On the quadratic convergence of the Levenberg-Marquardt method without
nonsingularity assumption", 2005), and to what the step before gained of what was expected. Its equations are solved by
conjugate gradients with Jacobi's preconditioner. Of many pairs only those are looked at that can come into use near
the present prices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_solver.water_filling import Floats, fill

MAX_STEPS = 200
MAX_FILLING_STEPS = 100
FILLING_PRECISION = 1e-12
SMALLEST_DAMPING = 1e-12
"""As a share of the diagonal, so that there is a solution without any curvature."""
SUFFICIENT_GAIN, POOR_GAIN, GOOD_GAIN = 1e-4, 0.25, 0.9
"""What share of the expected rise of the dual makes a step one that is taken, calls for caution, and for less of it."""
FIRST_CAUTION, LARGEST_CAUTION = 1.0, 1e12
MORE_CAUTION, LESS_CAUTION = 4.0, 0.1
SMALLEST_EXCESS = 1e-12
"""Of the demand: nearer to the optimum round-off does not let us come."""
FEW_SELLERS = 40
"""Up to so many a dense solution of Newton's equations is faster than conjugate gradients."""
CG_TOLERANCE, MAX_CG_STEPS = 1e-4, 300
FEW_PAIRS = 40_000
"""Up to so many all pairs are looked at."""
MAX_PAIRS = 5_000_000
"""The most pairs that may come into use; each takes some 60 bytes."""
SAMPLED_SELLERS = 32
SMALLEST_FEE = 1e-30
"""Instead of none, where it is divided by."""
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
    point = screen.widened(screen.first_point(is_mean_field=prices is None))
    good_enough = SMALLEST_EXCESS * float(problem.demand.sum())
    newton, caution = _Newton(problem, point), FIRST_CAUTION
    for _ in range(MAX_STEPS):
        yield point
        if point.largest_excess <= good_enough or caution > LARGEST_CAUTION:
            return
        step = newton.step(caution * _usual_damping(point))
        candidate = DualPoint.at(problem, point.pairs, point.prices + step, newton.expected_levels(step))
        if candidate.value >= _round_off_below(point.value):
            # with fewer pairs than come into use there the dual looks larger than it is
            candidate = screen.widened(candidate)
        expected, gain = newton.expected_rise(step), candidate.value - point.value
        caution *= MORE_CAUTION if gain < POOR_GAIN * expected else LESS_CAUTION if gain > GOOD_GAIN * expected else 1.0
        if gain > SUFFICIENT_GAIN * expected or _is_nearer(candidate, point):
            point, newton = candidate, _Newton(problem, candidate)
    yield point


def _usual_damping(point: DualPoint) -> float:
    """Return the damping, kWh per unit of price, with which no step changes prices by much more than they are."""
    highest = max(float(np.abs(point.levels).max()), SMALLEST_FEE)
    return float(np.linalg.norm(point.excess)) / (highest * float(np.sqrt(len(point.excess))))


def _round_off_below(value: float) -> float:
    return value - 1e-12 * abs(value)


def _is_nearer(candidate: DualPoint, point: DualPoint) -> bool:
    """Tell whether a point is better although the values are the same in float, as close to the end they are."""
    same_value = candidate.value >= _round_off_below(point.value)
    return same_value and candidate.largest_excess < 0.9 * point.largest_excess


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
        problem, start = self._problem, (self._problem.price + prices).astype(np.float32)
        fee = np.float32(max(problem.fee_per_hop, SMALLEST_FEE))
        counts, sellers, hops, found = [], [], [], 0
        stride = max(1, 65_536 // len(start))
        for first in range(0, len(problem.demand), stride):
            block = problem.hops[problem.row[first : first + stride]]
            room = (limits[first : first + stride] * (1 + 1e-6)).astype(np.float32)[:, np.newaxis] - start
            room /= fee
            near = np.flatnonzero(block < room)
            counts.append(np.bincount(near // len(start), minlength=len(block)))
            sellers.append((near % len(start)).astype(np.int32))
            hops.append(block.ravel()[near])
            found += len(near)
            if found > MAX_PAIRS:
                raise TooManyPairs(f"more than {MAX_PAIRS:,} pairs of buyer and seller come into use")
        chosen = np.concatenate(counts), np.concatenate(sellers), np.concatenate(hops).astype(np.float64)
        return Pairs(problem, *chosen, prices, limits)


class _Newton:
    """Newton's equations at a point, with an element of the dual's generalised negative Hessian.

    That is diag(N_j / (m a_j) + [seller j not full] / (k a_j)) - M' diag(1 / sigma_i) M with M_ij = 1 / (m a_j) where
    buyer i takes from seller j and sigma_i their sum; buyers who also take from the grid have no part in the latter.
    """

    def __init__(self, problem: Congestion, point: DualPoint) -> None:
        pairs = point.pairs
        gives = np.where(point.amounts > 0.0, pairs.give, 0.0)
        width = pairs.buyers_sums(gives)
        inside = (width > 0.0) & (point.levels < problem.tariff)
        self._excess, self._levels = point.excess, point.levels
        self._matrix = pairs.matrix(gives)
        self._share = np.divide(1.0, width, out=np.zeros_like(width), where=inside)
        by_seller, of_loads = pairs.sellers_sums(gives), 1.0 / problem.load_slope
        not_full = point.prices < problem.load_slope * problem.capacity
        self._diagonal = by_seller + not_full * of_loads
        self._least = SMALLEST_DAMPING * (by_seller + of_loads)
        self._own = pairs.sellers_sums(gives * gives * pairs.each(self._share))

    def step(self, damping: float) -> Floats:
        """Solve the equations with ``damping`` added to the diagonal, (S,)."""
        diagonal = self._diagonal + self._least + damping
        if len(diagonal) > FEW_SELLERS:
            return self._conjugate_gradients(diagonal)
        dense = self._matrix.toarray()
        curvature = np.diag(diagonal) - dense.T @ (self._share[:, np.newaxis] * dense)
        return np.asarray(np.linalg.solve(curvature, self._excess))

    def expected_rise(self, step: Floats) -> float:
        """Return by how much a step would raise the dual if its Hessian did not change."""
        taken = self._matrix @ step
        return float(self._excess @ step - (self._diagonal @ (step * step) - self._share @ (taken * taken)) / 2)

    def expected_levels(self, step: Floats) -> Floats:
        """Return the buyers' levels (B,) after a step if they keep to their sellers; they are never higher."""
        return np.asarray(self._levels + self._share * (self._matrix @ step))

    def _conjugate_gradients(self, diagonal: Floats) -> Floats:
        """Solve the equations nearly; every approximation is a direction in which the dual rises.

        The preconditioner is the matrix's diagonal (M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for
        solving linear systems", 1952).
        """
        matrix, transposed, share = self._matrix, self._matrix.T, self._share
        inverse = 1.0 / np.maximum(diagonal - self._own, 1e-3 * diagonal)
        step, residual = np.zeros_like(diagonal), self._excess.copy()
        direction = scaled = inverse * residual
        product, good_enough = float(residual @ scaled), CG_TOLERANCE * float(np.linalg.norm(residual))
        for _ in range(MAX_CG_STEPS):
            image = diagonal * direction - transposed @ (share * (matrix @ direction))
            length = product / float(direction @ image)
            step += length * direction
            residual -= length * image
            if np.linalg.norm(residual) <= good_enough:
                break
            scaled = inverse * residual
            product, last = float(residual @ scaled), product
            direction = scaled + product / last * direction
        return step
