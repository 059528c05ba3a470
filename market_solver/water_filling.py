"""Water-filling: where several sources that get dearer the more is taken have one common level.

Source: S. Boyd and L. Vandenberghe, "Convex Optimization", 2004, example 5.2; here with sources of different slopes and
bounds, so that the sum of what they give is piecewise linear in the level.
"""

from bisect import bisect_left
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
"""Amounts, prices and costs: an array of doubles, its shape said where it is used."""


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

    Examples
    --------
    >>> fill(3.0, np.array([1.0, 2.0]), np.ones(2), np.array([1.5, 9.0])).amounts.tolist()
    [1.5, 1.5]
    """

    def given(level: float) -> Floats:
        return np.minimum(np.maximum((level - start) / rise, 0.0), room)

    levels = np.sort(np.concatenate((start, start + rise * room)))
    first_enough = bisect_left(levels, demand, key=lambda level: float(given(level).sum()))
    if first_enough == 0:  # nothing is asked for
        return Filling(np.zeros_like(room), float(levels[0]))
    low = levels[first_enough - 1]
    # beyond the highest level nothing is left but what rounding errors withhold
    high, at_high = (low, room) if first_enough == len(levels) else (levels[first_enough], given(levels[first_enough]))
    at_low = given(low)
    step = float(at_high.sum() - at_low.sum())
    share = min((demand - float(at_low.sum())) / step, 1.0) if step > 0 else 1.0
    return Filling(at_low + share * (at_high - at_low), float(low + share * (high - low)))
