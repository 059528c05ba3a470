"""From kWh to the ledger's units of 0.1 Wh: sums stay exact and bounds hold."""

from collections.abc import Sequence

import numpy as np

from optimization_api.arrays import ENERGIES_PER_KWH, Energies, Floats


def rounded(amounts: Floats, demands: Sequence[int], capacities: Sequence[int]) -> Energies:
    """Round an allocation so that every demand is met exactly and no capacity is exceeded.

    Everything is rounded down. What a buyer then misses it gets in units of 0.1 Wh from those of its sellers that lost
    most, by it and by the buyers before it, as far as there is room; so full sellers stay full. Of equals the earlier
    seller gives first.

    Parameters
    ----------
    amounts
        (B, S), kWh; meets demands and capacities but for rounding errors.
    demands, capacities
        (B,) and (S,), 0.1 Wh; the demands together fit the capacities.
    """
    units = amounts * ENERGIES_PER_KWH
    energies = np.floor(units).astype(np.int64)
    for column, capacity in zip(energies.T, capacities, strict=True):
        _take(column, int(column.sum()) - capacity)
    for row, demand in zip(energies, demands, strict=True):
        _take(row, int(row.sum()) - demand)
    room = np.array(capacities, dtype=np.int64) - energies.sum(axis=0)
    lost = np.zeros_like(units[0])
    for row, demand, exact in zip(energies, demands, units, strict=True):
        lost += exact - row
        before = row.copy()
        _give(row, demand - int(row.sum()), np.where(exact > 0, lost, -np.inf), room)
        lost -= row - before
    return energies


def _take(energies: Energies, excess: int) -> None:
    """Take an excess away, from the largest amounts first; in place."""
    if excess <= 0:
        return
    for index in np.argsort(-energies, kind="stable"):
        taken = min(excess, int(energies[index]))
        energies[index] -= taken
        excess -= taken


def _give(bid: Energies, missing: int, preference: Floats, room: Energies) -> None:
    """Give a buyer what it misses: a unit from each preferred seller with room, then the rest in bulk; in place."""
    order = np.argsort(-preference, kind="stable")
    chosen = order[room[order] > 0][:missing]
    bid[chosen] += 1
    room[chosen] -= 1
    missing -= len(chosen)
    if missing == 0:
        return
    for seller in order:
        given = min(missing, int(room[seller]))
        bid[seller] += given
        room[seller] -= given
        missing -= given
