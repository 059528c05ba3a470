"""The topology as it stands on the ledger, and the hop distances a game takes from it."""

from collections.abc import Sequence
from typing import ClassVar

from energy_market_chaincode import hops
from energy_market_chaincode.canonical import read_json
from energy_market_chaincode.context import Context
from energy_market_chaincode.entities import Record
from energy_market_chaincode.errors import NotInTopology, TopologyMissing

TOPOLOGY_PREFIX = "topology"


class Layout(Record):
    """How hop distances are known: by the edges of a graph, or (edges None) by rows of a table."""

    KEY: ClassVar[str] = TOPOLOGY_PREFIX
    edges: list[tuple[str, str]] | None


def node_key(node: str) -> str:
    """Return the key that marks a node of the graph."""
    return f"{TOPOLOGY_PREFIX}/node/{node}"


def row_key(buyer: str) -> str:
    """Return the key of a buyer's row of the table."""
    return f"{TOPOLOGY_PREFIX}/row/{buyer}"


def column_key(seller: str) -> str:
    """Return the key that marks a seller's column of the table."""
    return f"{TOPOLOGY_PREFIX}/column/{seller}"


async def require_place(context: Context, prosumer: str, role: str, table_key: str) -> None:
    """Make sure that a participant's hop distances are known.

    Raises
    ------
    NotInTopology
    """
    known = await context.state.get_many([node_key(prosumer), table_key])
    if not any(value is not None for value in known):
        raise NotInTopology(prosumer=prosumer, role=role)


async def hop_distances(context: Context, buyers: Sequence[str], sellers: Sequence[str]) -> list[list[int]]:
    """Return the hops from each buyer (row) to each seller (column).

    Raises
    ------
    TopologyMissing, NotInTopology
        If the topology was replaced since they registered and one of them is no longer in it.
    """
    layout = await context.find(Layout, Layout.KEY)
    if layout is None:
        raise TopologyMissing()
    if layout.edges is not None:
        graph = hops.neighbours(layout.edges)
        for name, role in [(b, "buyer") for b in buyers] + [(s, "seller") for s in sellers]:
            if name not in graph:
                raise NotInTopology(prosumer=name, role=role)
        distances = [hops.hops_from(buyer, graph) for buyer in buyers]
    else:
        rows = await context.state.get_many([row_key(buyer) for buyer in buyers])
        distances = [{} if row is None else read_json(row) for row in rows]
    return [[_hops(row, buyer, seller) for seller in sellers] for buyer, row in zip(buyers, distances, strict=True)]


def _hops(row: dict[str, int], buyer: str, seller: str) -> int:
    if not row:
        raise NotInTopology(prosumer=buyer, role="buyer")
    if seller not in row:
        raise NotInTopology(prosumer=seller, role="seller")
    return row[seller]
