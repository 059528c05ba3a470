"""The grid between the prosumers: hop distances, from a graph or as a table, and what can be wrong with them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from energy_market_chaincode import hops as hop_counts

Graph = Sequence[tuple[str, str]]
"""Edges of one hop each, between buses and prosumers."""

HopTable = Mapping[str, Mapping[str, int]]
"""{buyer: {seller: hops}}."""

FieldPath = tuple[str | int, ...]
"""Where a field stands in a scenario, from the outside in."""


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """Something that does not fit together; ``sentence`` goes on after the name of the field at ``path``."""

    path: FieldPath
    sentence: str


def hop_table(graph: Graph, buyers: Collection[str], sellers: Collection[str]) -> dict[str, dict[str, int]]:
    """Count the edges on the shortest path between every buyer and every seller.

    Raises
    ------
    KeyError
        If a buyer and a seller are not connected; :func:`graph_inconsistencies` says so in words.
    """
    rows = hop_counts.hop_rows(hop_counts.neighbours(graph), list(buyers), list(sellers))
    return {buyer: dict(zip(sellers, row, strict=True)) for buyer, row in zip(buyers, rows, strict=True)}


def graph_inconsistencies(graph: Graph, buyers: Collection[str], sellers: Collection[str]) -> Iterator[Inconsistency]:
    """Yield why a graph cannot serve these buyers and sellers; nothing if it can."""
    for index, (one, other) in enumerate(graph):
        if one == other:
            yield Inconsistency(("graph", index), f"joins {one} with itself")
    neighbours = hop_counts.neighbours(graph)
    for prosumer in (*sellers, *buyers):
        if prosumer not in neighbours:
            yield Inconsistency(("graph",), f"has no edge to {prosumer}")
    if neighbours:
        start = next(iter(neighbours))
        apart = sorted(neighbours.keys() - hop_counts.hops_from(start, neighbours).keys())
        if apart:
            yield Inconsistency(("graph",), f"is not connected: no path from {start} to {', '.join(apart)}")


def table_inconsistencies(hops: HopTable, buyers: Collection[str], sellers: Collection[str]) -> Iterator[Inconsistency]:
    """Yield why a hop table cannot serve these buyers and sellers; nothing if it can."""
    for buyer, row in hops.items():
        if buyer not in buyers:
            yield Inconsistency(("hops", buyer), "is not a buyer of this scenario")
            continue
        for seller in row:
            if seller not in sellers:
                yield Inconsistency(("hops", buyer, seller), "is not a seller of this scenario")
        missing = [seller for seller in sellers if seller not in row]
        if missing:
            yield Inconsistency(("hops", buyer), f"lacks the hops to {', '.join(missing)}")
    for buyer in buyers:
        if buyer not in hops:
            yield Inconsistency(("hops",), f"lacks a row for {buyer}")
