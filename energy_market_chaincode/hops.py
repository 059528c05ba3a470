"""Hop distances: from a graph of the network, one hop per edge, or as stated in a table."""

from collections.abc import Iterable, Mapping, Sequence

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
    frontier, distance = [start], 0
    while frontier:
        distance += 1
        reached = []
        for node in frontier:
            for neighbour in graph[node]:
                if neighbour not in hops:
                    hops[neighbour] = distance
                    reached.append(neighbour)
        frontier = reached
    return hops


class Distances:
    """Hops between nodes of a graph.

    Who has one neighbour only is a hop farther from everybody else than that one: homes behind one node share a search.
    """

    def __init__(self, graph: Neighbours) -> None:
        self._graph = graph
        self._from: dict[str, dict[str, int]] = {}

    def row(self, start: str, ends: Sequence[str]) -> list[int]:
        """Return the hops from a node to others; raises KeyError if one of them cannot be reached."""
        around = set(self._graph[start])
        anchor, more = (around.pop(), 1) if len(around) == 1 else (start, 0)
        if anchor not in self._from:
            self._from[anchor] = hops_from(anchor, self._graph)
        hops = self._from[anchor]
        return [0 if end == start else hops[end] + more for end in ends]

    def table(self, rows: Sequence[str], columns: Sequence[str]) -> list[list[int]]:
        """Return the hops from each of some nodes to each of others, searched from the fewer; raises KeyError."""
        if len(columns) < len(rows):
            return [list(row) for row in zip(*(self.row(column, rows) for column in columns), strict=True)]
        return [self.row(row, columns) for row in rows]


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
