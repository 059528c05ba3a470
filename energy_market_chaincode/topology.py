"""The topology as it stands on the ledger, and the hop distances a game takes from it."""

from collections.abc import Sequence

from energy_market_chaincode import hops, layouts
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import NotInTopology, TopologyMissing
from energy_market_chaincode.records import (
    Arena,
    HopsColumn,
    HopsRow,
    Layout,
    NetworkNode,
    StandingDemand,
    StandingOffer,
)


async def require_place(context: Context, role: str, in_table: type[HopsRow | HopsColumn]) -> None:
    """Make sure that the hop distances of whoever signed are known.

    Raises
    ------
    NotInTopology
    """
    if not (await context.exists(NetworkNode, context.signer) or await context.exists(in_table, context.signer)):
        raise NotInTopology(prosumer=context.signer, role=role)


async def fixed_arena(context: Context, sellers: list[StandingOffer], buyers: list[StandingDemand]) -> Arena:
    """Fix who is how far from whom: by hops, or in a large game by the graph that is in force, which is kept.

    A table of very many hops does not fit in a command, so only graphs are kept.

    Raises
    ------
    TopologyMissing, NotInTopology
        If the topology was replaced since they registered and one of them is no longer in it.
    """
    layout = await context.find(Layout)
    if layout is None:
        raise TopologyMissing()
    if layout.edges is None:
        return Arena(sellers=sellers, buyers=buyers, hops=await _hops_of_table(context, sellers, buyers))
    graph = hops.neighbours(layout.edges)
    names, others = [demand.buyer for demand in buyers], [offer.seller for offer in sellers]
    for name, role in [(b, "buyer") for b in names] + [(s, "seller") for s in others]:
        if name not in graph:
            raise NotInTopology(prosumer=name, role=role)
    if len(names) * len(others) <= layouts.STORED_PAIRS:
        return Arena(sellers=sellers, buyers=buyers, hops=[list(row) for row in hops.hop_rows(graph, names, others)])
    digest = layouts.digest_of(layout.edges)
    if not await context.exists(layouts.KeptLayout, digest):
        context.save(layouts.KeptLayout(edges=layout.edges), digest)
    return Arena(sellers=sellers, buyers=buyers, hops=[], layout=digest)


async def _hops_of_table(
    context: Context, sellers: Sequence[StandingOffer], buyers: Sequence[StandingDemand]
) -> list[list[int] | bytes]:
    rows = await context.find_each(HopsRow, names=[demand.buyer for demand in buyers])
    distances = [row.root if row is not None else {} for row in rows]
    return [
        [_hops(row, demand.buyer, offer.seller) for offer in sellers]
        for demand, row in zip(buyers, distances, strict=True)
    ]


def _hops(row: dict[str, int], buyer: str, seller: str) -> int:
    if not row:
        raise NotInTopology(prosumer=buyer, role="buyer")
    if seller not in row:
        raise NotInTopology(prosumer=seller, role="seller")
    return row[seller]
