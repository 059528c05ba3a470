"""The topology as it stands on the ledger, and the hop distances a game takes from it."""

from collections.abc import Sequence

from energy_market_chaincode import hops
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import NotInTopology, TopologyMissing
from energy_market_chaincode.records import HopsColumn, HopsRow, Layout, NetworkNode


async def require_place(context: Context, role: str, in_table: type[HopsRow | HopsColumn]) -> None:
    """Make sure that the hop distances of whoever signed are known.

    Raises
    ------
    NotInTopology
    """
    if not (await context.exists(NetworkNode, context.signer) or await context.exists(in_table, context.signer)):
        raise NotInTopology(prosumer=context.signer, role=role)


async def hop_distances(context: Context, buyers: Sequence[str], sellers: Sequence[str]) -> list[list[int]]:
    """Return the hops from each buyer (row) to each seller (column).

    Raises
    ------
    TopologyMissing, NotInTopology
        If the topology was replaced since they registered and one of them is no longer in it.
    """
    layout = await context.find(Layout)
    if layout is None:
        raise TopologyMissing()
    if layout.edges is not None:
        graph = hops.neighbours(layout.edges)
        for name, role in [(b, "buyer") for b in buyers] + [(s, "seller") for s in sellers]:
            if name not in graph:
                raise NotInTopology(prosumer=name, role=role)
        return hops.Distances(graph).table(buyers, sellers)  # setTopology takes no graph in parts
    rows = await context.find_each(HopsRow, names=buyers)
    distances = [row.root if row is not None else {} for row in rows]
    return [[_hops(row, buyer, seller) for seller in sellers] for buyer, row in zip(buyers, distances, strict=True)]


def _hops(row: dict[str, int], buyer: str, seller: str) -> int:
    if not row:
        raise NotInTopology(prosumer=buyer, role="buyer")
    if seller not in row:
        raise NotInTopology(prosumer=seller, role="seller")
    return row[seller]
