"""From kWh to the ledger's units of 0.1 Wh: sums stay exact, bounds hold, and leftovers go where they are cheap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from market_solver.bid import ENERGIES_PER_KWH, add_cheapest_units
from market_solver.water_filling import Floats, fill

Energies: TypeAlias = NDArray[np.int64]

MAX_SINGLE_UNITS_PER_SELLER = 8
SCARCITY_SHARE = 0.999
MARGIN_TOLERANCE = 0.01
"""By what share the sellers of a solution may differ at the margin; it is for gross errors only."""


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What a little more costs.

    Attributes
    ----------
    first
        ``first(buyer, bid, load)``: currency per kWh from each seller, (S,), for a buyer that has ``bid`` (S,) while
        all together have ``load`` (S,), kWh.
    rise
        (S,), > 0: by how much that rises per kWh that the buyer takes.
    scarcity
        (S,): what a seller that the solution exhausts is worth beyond its cost, currency per kWh; 0 of others.
    """

    first: Callable[[int, Floats, Floats], Floats]
    rise: Floats
    scarcity: Floats


def nearness(amounts: Floats) -> UnitCosts:
    """Return the costs by which rounding stays as near to amounts (B, S) as it can, whatever they cost."""
    return UnitCosts(lambda buyer, bid, _: bid - amounts[buyer], np.ones_like(amounts[0]), np.zeros_like(amounts[0]))


def rounded(amounts: Floats, demands: Sequence[int], capacities: Sequence[int], costs: UnitCosts) -> Energies:
    """Round an allocation so that every demand is met exactly and no capacity is exceeded, whatever the amounts are.

    Everything is rounded down, and what is too much taken away. What a buyer then misses it gets in units of 0.1 Wh
    from those of its sellers that lost most, by it and by the buyers before it, so full sellers stay full; of equals
    the earlier seller gives. At an optimum all these are equally dear. A seller that is dearer in spite of being one of
    them, by an error of the solution, is passed over; what is missing even so, or in bulk, comes from where it costs
    least at the loads there are by then. What is then still unsold of a seller that the solution exhausts, one of its
    buyers takes instead of a unit of another seller.

    Parameters
    ----------
    amounts
        (B, S), kWh; of a solution they meet demands and capacities but for rounding errors.
    demands, capacities
        (B,) and (S,), 0.1 Wh; the demands together fit the capacities.
    """
    most = np.minimum.outer(np.array(demands, dtype=np.float64), np.array(capacities, dtype=np.float64))
    exact = np.clip(np.nan_to_num(amounts * ENERGIES_PER_KWH), 0.0, most)
    energies = _within(np.floor(exact).astype(np.int64), demands, capacities, costs)
    room = np.array(capacities, dtype=np.int64) - energies.sum(axis=0)
    lost, exact_load = np.zeros_like(exact[0]), exact.sum(axis=0)
    for buyer, (row, demand) in enumerate(zip(energies, demands, strict=True)):
        lost += exact[buyer] - row
        missing = demand - int(row.sum())
        own = _own_sellers(exact[buyer], _first(costs, buyer, exact[buyer], exact_load), costs.rise)
        gift = _one_each(missing, np.where(own, lost, -np.inf), room)
        missing -= int(gift.sum())
        if missing > 0:
            first = _first(costs, buyer, row + gift, capacities - room + gift)
            gift += _cheapest(missing, first, costs.rise, room - gift)
        row += gift
        room -= gift
        lost -= gift
    # more room than rounding down can have left is none of its making
    for seller in np.flatnonzero((room > 0) & (room <= len(demands)) & (costs.scarcity > 0)):
        _exhaust(int(seller), energies, exact, int(room[seller]), costs)
    return energies


def _exhaust(seller: int, energies: Energies, exact: Floats, room: int, costs: UnitCosts) -> None:
    """Move units of its buyers to a seller with room, while that saves something; in place."""
    buyers = np.flatnonzero(exact[:, seller] > 0).tolist()
    for _ in range(min(room, MAX_SINGLE_UNITS_PER_SELLER)):
        load = energies.sum(axis=0) / ENERGIES_PER_KWH
        moves = [(*_move(buyer, seller, energies[buyer] / ENERGIES_PER_KWH, load, costs), buyer) for buyer in buyers]
        saving, source, buyer = max(moves, default=(0.0, seller, -1))
        if saving <= 0:
            return
        energies[buyer, source] -= 1
        energies[buyer, seller] += 1


def _move(buyer: int, seller: int, bid: Floats, load: Floats, costs: UnitCosts) -> tuple[float, int]:
    """Return what a buyer's unit saves that moves to a seller, currency per kWh, and from where it is best taken."""
    first = costs.first(buyer, bid, load)
    last = np.where(bid > 0, first - costs.rise / 2 / ENERGIES_PER_KWH, -np.inf)
    source = int(np.argmax(last))
    return float(last[source] - first[seller] - costs.rise[seller] / 2 / ENERGIES_PER_KWH), source


def _within(energies: Energies, demands: Sequence[int], capacities: Sequence[int], costs: UnitCosts) -> Energies:
    """Take away what exceeds a capacity, then what exceeds a demand; in place."""
    for column, capacity in zip(energies.T, capacities, strict=True):
        _take(column, int(column.sum()) - capacity, column)
    load = energies.sum(axis=0)
    for buyer, (row, demand) in enumerate(zip(energies, demands, strict=True)):
        load -= row
        _take(row, int(row.sum()) - demand, _first(costs, buyer, row, load + row))
        load += row
    return energies


def _own_sellers(bid: Floats, first: Floats, rise: Floats) -> NDArray[np.bool_]:
    """Tell which sellers a buyer takes from without their being dearer than what it pays at the margin on average."""
    margin = float(bid @ first) / max(float(bid.sum()), 1.0)
    return (bid > 0) & (first <= margin + MARGIN_TOLERANCE * abs(margin) + 2.0 * rise / ENERGIES_PER_KWH)


def _one_each(missing: int, preference: Floats, room: Energies) -> Energies:
    """Return what sellers give if each with room that is preferred at all gives a unit, the most preferred first."""
    order = np.argsort(-preference, kind="stable")
    gift = np.zeros_like(room)
    gift[order[(room[order] > 0) & (preference[order] > -np.inf)][:missing]] = 1
    return gift


def _first(costs: UnitCosts, buyer: int, row: Energies | Floats, load: Energies | Floats) -> Floats:
    """Return what a little more costs a buyer. A scarce seller is a little cheaper than others of the same worth."""
    return costs.first(buyer, row / ENERGIES_PER_KWH, load / ENERGIES_PER_KWH) + SCARCITY_SHARE * costs.scarcity


def _take(energies: Energies, excess: int, dearness: Floats | Energies) -> None:
    """Take an excess away, where it is dearest first; in place."""
    if excess <= 0:
        return
    for index in np.argsort(-dearness, kind="stable"):
        taken = min(excess, int(energies[index]))
        energies[index] -= taken
        excess -= taken


def _cheapest(missing: int, first: Floats, rise: Floats, room: Energies) -> Energies:
    """Return how much each seller gives of what is missing, (S,): in bulk as a water-filling, the last units singly."""
    single = MAX_SINGLE_UNITS_PER_SELLER * len(room)
    gift = np.zeros_like(room)
    if missing > single:
        bulk = fill((missing - len(room)) / ENERGIES_PER_KWH, first, rise, room / ENERGIES_PER_KWH).amounts
        gift = np.clip(np.floor(np.nan_to_num(bulk * ENERGIES_PER_KWH)), 0, room).astype(np.int64)
        _take(gift, int(gift.sum()) - missing, first)
        missing -= int(gift.sum())
    if missing > single:  # prices so far apart that floats cannot tell them: one seller after the other
        for seller in np.argsort(first, kind="stable"):
            given = min(missing, int(room[seller] - gift[seller]))
            gift[seller] += given
            missing -= given
    units, steps = gift.tolist(), (rise / ENERGIES_PER_KWH).tolist()
    costs = (first + rise / 2 / ENERGIES_PER_KWH).tolist()
    add_cheapest_units(missing, units, room.tolist(), lambda seller: costs[seller] + steps[seller] * units[seller])
    return np.array(units, dtype=np.int64)
