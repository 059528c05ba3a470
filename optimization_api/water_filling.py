"""Water-filling: where several sources that get dearer the more is taken have one common level."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from optimization_api.arrays import Floats


class Filling(NamedTuple):
    """How much each source gives and the level, the marginal cost of all that give and could give more."""

    amounts: Floats
    level: float


def fill(demand: float, start: Floats, rise: Floats, room: Floats) -> Filling:
    """Meet a demand at the least cost.

    Minimises sum_j start_j x_j + rise_j x_j^2 / 2 over sum_j x_j = demand, 0 <= x_j <= room_j. At the optimum x_j =
    clip((level - start_j) / rise_j, 0, room_j). The sum of these rises with the level in straight lines that bend
    where a source begins to give and where it is exhausted; between two of these 2 S sorted levels the exact one
    follows by interpolation. O(S log S).

    Parameters
    ----------
    demand
        At most the sum of ``room``.
    start, rise, room
        (S,): marginal cost of the first kWh, its increase per kWh (> 0), and what a source has (>= 0).
    """

    def given(level: float) -> Floats:
        return np.minimum(np.maximum((level - start) / rise, 0.0), room)

    levels = np.sort(np.concatenate((start, start + rise * room)))
    first_enough = bisect_left(levels, demand, key=lambda level: float(given(level).sum()))
    if first_enough == 0:
        return Filling(given(levels[0]), float(levels[0]))
    if first_enough == len(levels):  # everything is taken, and a rounding error is missing
        return Filling(room.copy(), float(levels[-1]))
    low, high = levels[first_enough - 1], levels[first_enough]
    at_low, at_high = given(low).sum(), given(high).sum()
    level = low + (high - low) * (demand - at_low) / (at_high - at_low)
    return Filling(given(level), float(level))


def fill_unbounded(demands: Floats, starts: Floats, rises: Floats) -> Floats:
    """Meet several demands, each for itself, from sources without a bound.

    Minimises sum_j starts_ij x_ij + rises_j x_ij^2 / 2 for each i over sum_j x_ij = demands_i, x_ij >= 0. O(B S log S).

    Parameters
    ----------
    demands
        (B,)
    starts
        (B, S)
    rises
        (S,), > 0

    Returns
    -------
    (B, S) amounts.
    """
    order = np.argsort(starts, axis=1, kind="stable")
    sorted_starts = np.take_along_axis(starts, order, axis=1)
    weights = (1.0 / rises)[order]
    # the level if exactly the k cheapest sources gave, for every k; the right k is the largest whose level is above
    # its start
    levels = (demands[:, None] + np.cumsum(sorted_starts * weights, axis=1)) / np.cumsum(weights, axis=1)
    last = np.maximum((levels > sorted_starts).sum(axis=1) - 1, 0)
    level = np.take_along_axis(levels, last[:, None], axis=1)
    return np.asarray(np.maximum(level - starts, 0.0) / rises)
