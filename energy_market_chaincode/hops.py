"""Hop distances: from a graph of the network, one hop per edge, or as stated in a table."""

from collections import deque
from collections.abc import Iterable, Mapping

Edges = Iterable[tuple[str, str]]
Neighbours = dict[str, list[str]]


def neighbours(edges: Edges) -> Neighbours:
    """Return each node's neighbours, in the order of the edges."""
    result: Neighbours = {}
    for one, other in edges:
        result.setdefault(one, []).append(other)
        result.setdefault(other, []).append(one)
    return result


def hops_from(start: str, graph: Neighbours) -> dict[str, int]:
    """Return the least number of edges from a node to every node it reaches (breadth-first search)."""
    hops = {start: 0}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for neighbour in graph[node]:
            if neighbour not in hops:
                hops[neighbour] = hops[node] + 1
                waiting.append(neighbour)
    return hops


def graph_problem(edges: Edges) -> str | None:
    """Tell what keeps a graph from being a network: parts that are not connected."""
    graph = neighbours(edges)
    reached = hops_from(next(iter(graph)), graph)
    unreached = sorted(set(graph) - set(reached))
    return f"{', '.join(unreached[:5])} cannot be reached from {next(iter(graph))}" if unreached else None


def table_problem(table: Mapping[str, Mapping[str, int]]) -> str | None:
    """Tell what keeps a table from being full: a buyer's row that lacks a seller another row has."""
    sellers = sorted({seller for row in table.values() for seller in row})
    if not sellers:
        return "no row names a seller"
    for buyer in sorted(table):
        missing = [seller for seller in sellers if seller not in table[buyer]]
        if missing:
            return f"the row of {buyer} lacks {', '.join(missing[:5])}"
    return None
