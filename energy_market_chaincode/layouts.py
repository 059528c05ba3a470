"""Layouts: the graphs that the hops of large games follow from.

The hops of ten thousand prosumers are 21 million. Such a game names the graph that was in force when its gate closed,
and whoever needs its hops counts them. The graph is kept under its digest: who replaces the topology changes no game.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from energy_market_chaincode import hops
from energy_market_chaincode.canonical import exact_json
from energy_market_chaincode.records import Arena, Record

STORED_PAIRS = 250_000
"""Up to so many pairs of a buyer and a seller a game's hops are stored with it: those of any 1,000 prosumers."""
FILLED = 2
"""Of so many large games the hops are kept in memory: some 20 MB for each."""


class KeptLayout(Record, prefix="layout", reset=True):
    """The edges of a graph that games name: ``layout/{digest}``."""

    edges: list[tuple[str, str]]


def digest_of(edges: Sequence[tuple[str, str]]) -> str:
    """Return the SHA-256 of the exact JSON of a graph's edges, in their order."""
    return hashlib.sha256(exact_json([list(edge) for edge in edges])).hexdigest()


@lru_cache(maxsize=FILLED)
def filled(arena: bytes, layout: bytes) -> Arena:
    """Return an arena with the hops that follow from its layout, both as they are stored; it is not to be changed."""
    found = Arena.from_bytes(arena)
    graph = hops.neighbours(KeptLayout.from_bytes(layout).edges)
    buyers, sellers = [each.buyer for each in found.buyers], [each.seller for each in found.sellers]
    return found.but(hops=hops.hop_rows(graph, buyers, sellers))
