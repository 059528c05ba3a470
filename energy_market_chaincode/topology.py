"""The topology as it stands on the ledger, and the hop distances a game takes from it.

The hops of ten thousand prosumers are 21 million. Such a game names the graph that was in force when its gate closed,
its layout, and whoever needs its hops counts them. The graph is kept under its digest: who replaces the topology
changes no game.
"""

import hashlib
from collections.abc import Collection, Sequence

from energy_market_chaincode import errors, hops
from energy_market_chaincode.canonical import exact_json
from energy_market_chaincode.context import Context, KeptLayout
from energy_market_chaincode.records import (
    Arena,
    Game,
    HopsColumn,
    HopsRow,
    Layout,
    NetworkNode,
    StandingDemand,
    StandingOffer,
)
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.vocabulary import Phase

STORED_PAIRS = 250_000
"""Up to so many pairs of a buyer and a seller a game's hops are stored with it: those of any 1,000 prosumers."""


async def require_place(context: Context, role: str, in_table: type[HopsRow | HopsColumn]) -> None:
    """Make sure that the hop distances of whoever signed are known.

    Raises
    ------
    NotInTopology
    """
    if not (await context.exists(NetworkNode, context.signer) or await context.exists(in_table, context.signer)):
        raise errors.NotInTopology(prosumer=context.signer, role=role)


async def require_places_kept(context: Context, buyers: Collection[str], sellers: Collection[str]) -> None:
    """Make sure that a new topology has a place for everybody who ordered in a game whose gate is open.

    Without one the gate could not close, and the slot would never be settled.

    Parameters
    ----------
    buyers, sellers
        Who will stand in it as what.

    Raises
    ------
    TopologyInUse
    """
    for game in await context.load_all(Game):
        if game.phase is not Phase.REGISTRATION:
            continue
        demands, offers = (
            await context.load_all(StandingDemand, game.id),
            await context.load_all(StandingOffer, game.id),
        )
        left_out = {demand.buyer for demand in demands}.difference(buyers)
        left_out |= {offer.seller for offer in offers}.difference(sellers)
        if left_out:
            named = ", ".join(sorted(left_out)[:5])
            raise errors.TopologyInUse(game=game.id, prosumers=named, closes=iso_time(game.registration_ends_ms))


async def fixed_arena(context: Context, sellers: list[StandingOffer], buyers: list[StandingDemand]) -> Arena:
    """Fix who is how far from whom: by hops, or in a large game by the graph that is in force, which is kept.

    A table of very many hops does not fit in a command, so only graphs are kept.

    Raises
    ------
    TopologyMissing
    NotInTopology
        Where an earlier version of this contract took a topology that leaves one of them out.
    """
    layout = await context.find(Layout)
    if layout is None:
        raise errors.TopologyMissing()
    if layout.edges is None:
        return Arena(sellers=sellers, buyers=buyers, hops=await _hops_of_table(context, sellers, buyers))
    graph = hops.neighbours(layout.edges)
    names, others = [demand.buyer for demand in buyers], [offer.seller for offer in sellers]
    for name, role in [(b, "buyer") for b in names] + [(s, "seller") for s in others]:
        if name not in graph:
            raise errors.NotInTopology(prosumer=name, role=role)
    if len(names) * len(others) <= STORED_PAIRS:
        return Arena(sellers=sellers, buyers=buyers, hops=[list(row) for row in hops.hop_rows(graph, names, others)])
    digest = digest_of(layout.edges)
    if not await context.exists(KeptLayout, digest):
        context.save(KeptLayout(edges=layout.edges), digest)
    return Arena(sellers=sellers, buyers=buyers, hops=[], layout=digest)


def digest_of(edges: Sequence[tuple[str, str]]) -> str:
    """Return the SHA-256 of the exact JSON of a graph's edges, in their order."""
    return hashlib.sha256(exact_json([list(edge) for edge in edges])).hexdigest()


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
        raise errors.NotInTopology(prosumer=buyer, role="buyer")
    if seller not in row:
        raise errors.NotInTopology(prosumer=seller, role="seller")
    return row[seller]
