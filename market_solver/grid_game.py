"""A slot with the grid in the game, as large as a town: its variational equilibrium, by prices alone.

The grid is a seller of slope 0 at the retail tariff, without fee and without limit. So every game is feasible, and no
buyer pays more at the margin than the tariff.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from energy_market_chaincode import PRICE_DECIMALS
from energy_market_chaincode import hops as ways
from market_solver.congestion import Congestion, DualPoint, ascent
from market_solver.water_filling import Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SCARCITY_DECIMALS = 13


@dataclass(frozen=True, slots=True)
class GridGame:
    """The sellers and buyers of a slot with the grid in the game; B buyers, S sellers, K places of buyers.

    Attributes
    ----------
    demand, capacity
        d (B,) and C (S,), kWh.
    price
        p (S,), currency per kWh, > 0.
    hops
        (K, S) numbers, best small integers: from a place to each seller. Buyers of one place share a row, so that no
        matrix of all pairs is needed where many prosumers are behind one node.
    place
        Which row is a buyer's, (B,).
    fee_per_hop, retail_tariff
        Currency per kWh.
    """

    demand: Floats
    capacity: Floats
    price: Floats
    hops: NDArray[Any]
    place: NDArray[np.intp]
    fee_per_hop: float
    retail_tariff: float

    def programme(self) -> Congestion:
        """Return the convex programme whose minimum is the variational equilibrium: the game's potential."""
        return Congestion(
            demand=self.demand,
            capacity=self.capacity,
            price=self.price,
            hops=self.hops,
            row=self.place,
            fee_per_hop=self.fee_per_hop,
            slope=self.price / self.capacity,
            tariff=self.retail_tariff,
        )


@dataclass(frozen=True, slots=True)
class GridEquilibrium:
    """A variational equilibrium with the grid in the game, and what certifies it.

    Attributes
    ----------
    scarcity
        pi (S,), currency per kWh: what a seller's energy is worth above its base price. These prices alone certify.
    levels
        lambda (B,), currency per kWh: what a little more demand would cost each buyer.
    rows
        What each buyer takes from each seller, sparse (B, S), kWh; within the capacities.
    from_grid
        What each buyer takes from the grid, (B,), kWh.
    total_cost
        What all buyers pay, the grid's energy included, currency.
    potential, lower_bound
        Phi of these rows and what no rows can go below, currency.
    largest_excess
        By how much what buyers would take and what sellers would give disagree at most, kWh.
    """

    scarcity: Floats
    levels: Floats
    rows: "csr_array"
    from_grid: Floats
    total_cost: float
    potential: float
    lower_bound: float
    largest_excess: float

    @property
    def relative_gap(self) -> float:
        """Return the share of the potential by which it may be above its minimum."""
        return max(0.0, self.potential - self.lower_bound) / max(abs(self.potential), 1e-300)

    @property
    def exact_scarcity(self) -> list[int]:
        """Return pi in the ledger's unit of prices, to 13 decimals: what certifies the equilibrium on the ledger."""
        return [
            round(each * 10**SCARCITY_DECIMALS) * 10 ** (PRICE_DECIMALS - SCARCITY_DECIMALS)
            for each in self.scarcity.tolist()
        ]

    @property
    def loads(self) -> Floats:
        """Return what all take from each seller, (S,), kWh."""
        return np.asarray(self.rows.T @ np.ones(self.rows.shape[0]))


def equilibrium_with_grid(game: GridGame) -> Iterator[DualPoint]:
    """Come closer to the variational equilibrium, step by step; the last point is the best that round-off allows.

    Its duality gap is some 1e-12 of the potential. A thousand prosumers take 5 to 40 ms, ten thousand
    0.4 to 1.2 s: longest where many ways are long and nearly all offers are sold out.

    Raises
    ------
    TooManyPairs
        If nearly everybody is as near as everybody else, so that more pairs come into use than fit into memory.

    Examples
    --------
    >>> game = GridGame(
    ...     demand=np.array([4.0, 6.0]),
    ...     capacity=np.array([8.0]),
    ...     price=np.array([0.1]),
    ...     hops=np.array([[1]], dtype=np.uint8),
    ...     place=np.array([0, 0]),
    ...     fee_per_hop=0.02,
    ...     retail_tariff=0.2,
    ... )
    >>> *_, point = equilibrium_with_grid(game)
    >>> found = certified(game, point)
    >>> found.loads.round(6).tolist(), found.from_grid.round(6).tolist(), found.relative_gap < 1e-12
    ([4.266667], [1.866667, 3.866667], True)
    """
    yield from ascent(game.programme())


def certified(game: GridGame, point: DualPoint) -> GridEquilibrium:
    """Make rows that fit the capacities of what buyers would take, and say how good they are.

    What is too much of a seller is taken from all its buyers in proportion, and comes from the grid instead.
    """
    taken = point.pairs.sellers_sums(point.amounts)
    fitting = np.minimum(1.0, game.capacity / np.maximum(taken, 1e-300))
    amounts = point.amounts * fitting[point.pairs.seller]
    rows = point.pairs.matrix(amounts)
    from_grid = np.maximum(game.demand - point.pairs.buyers_sums(amounts), 0.0)
    load, slope = point.pairs.sellers_sums(amounts), game.price / game.capacity
    linear = float(point.pairs.cost @ amounts) + game.retail_tariff * float(from_grid.sum())
    squares = point.pairs.sellers_sums(amounts * amounts)
    return GridEquilibrium(
        scarcity=np.maximum(point.prices, 0.0),
        levels=point.levels,
        rows=rows,
        from_grid=from_grid,
        total_cost=linear + float(slope @ load**2),
        potential=linear + float(slope @ (load**2 + squares)) / 2,
        lower_bound=point.value,
        largest_excess=point.largest_excess,
    )


def hops_of_table(
    buyers: Sequence[str], sellers: Sequence[str], table: Mapping[str, Mapping[str, int]]
) -> tuple[NDArray[np.uint16], NDArray[np.intp]]:
    """Return the hops (K, S) that a table states between places, and which row is a buyer's, (B,).

    Parameters
    ----------
    buyers, sellers
        The places where they are.

    Raises
    ------
    LookupError
        If the table lacks a place.
    """
    number = {place: index for index, place in enumerate(dict.fromkeys(buyers))}
    hops = np.array([[table[place][seller] for seller in sellers] for place in number], dtype=np.uint16)
    return hops, np.array([number[place] for place in buyers])


def hops_of_graph(
    buyers: Sequence[str], sellers: Sequence[str], edges: Sequence[tuple[str, str]]
) -> tuple[NDArray[np.uint16], NDArray[np.intp]]:
    """Return the hops (K, S) on a graph of the network, one an edge, and which row is a buyer's, (B,).

    Who has one neighbour only is one hop farther from everybody than that; so homes behind one node share a row.

    Raises
    ------
    LookupError
        If one of them is not in the graph, or cannot be reached.
    """
    graph = ways.neighbours(edges)
    places: dict[tuple[str, bool], int] = {}
    row = [places.setdefault(_place(graph, buyer), len(places)) for buyer in buyers]
    try:
        rows = ways.hop_rows(graph, [anchor for anchor, _ in places], sellers)
    except KeyError as error:
        name = error.args[0]
        raise LookupError(f"{name}: cannot be reached from {buyers[0]}" if name in graph else name) from None
    found = np.empty((len(places), len(sellers)), dtype=np.uint16)
    for k, (each, (_, is_leaf)) in enumerate(zip(rows, places, strict=True)):
        found[k] = np.frombuffer(each, dtype=np.uint8) if isinstance(each, bytes) else each
        found[k] += is_leaf
    return found, np.array(row)


def _place(graph: ways.Neighbours, node: str) -> tuple[str, bool]:
    """Return where hops are counted from, and whether that is the only neighbour of a node, not the node."""
    if node not in graph:
        raise LookupError(node)
    around = set(graph[node])
    return (around.pop(), True) if len(around) == 1 else (node, False)
