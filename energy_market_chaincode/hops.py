"""Hop distances: from a graph of the network, one hop per edge, or as stated in a table."""

from collections.abc import Iterable, Mapping, Sequence

Edges = Iterable[tuple[str, str]]
Neighbours = dict[str, list[str]]
Row = list[int] | bytes
"""Hops to others, in their order: bytes where none is too far."""

_FAR = 255
"""Beyond so many hops nodes are searched for one by one."""
_NEXT = bytes([*range(1, 256), 0])
_WORTH = [bytes.maketrans(b"01", bytes([0, 1 << digit])) for digit in range(8)]
"""What stands for a binary digit's 0 and 1, the lowest first."""


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


def hop_rows(graph: Neighbours, rows: Sequence[str], columns: Sequence[str]) -> list[Row]:
    """Return the hops from each of some nodes to each of others; equal rows may be one object. Nobody may change them.

    Who has one neighbour only is a hop farther from everybody else than that one: homes behind one node share a row.

    Raises
    ------
    KeyError
        If one of them is no node, or cannot be reached.
    """
    anchors = [_anchor(graph, node) for node in rows]
    at = _rows_at(graph, dict.fromkeys(anchors), columns)
    further: dict[str, Row] = {}
    result: list[Row] = []
    own = {column: j for j, column in enumerate(columns)}
    for node, anchor in zip(rows, anchors, strict=True):
        if node != anchor and anchor not in further:
            further[anchor] = _plus_one(at[anchor])
        row = at[anchor] if node == anchor else further[anchor]
        if node != anchor and node in own:
            row = [0 if column == node else hops for column, hops in zip(columns, row, strict=True)]
        result.append(row)
    return result


def _anchor(graph: Neighbours, node: str) -> str:
    """Return a node's only neighbour, or the node."""
    around = set(graph[node])
    return around.pop() if len(around) == 1 else node


def _plus_one(row: Row) -> Row:
    return row.translate(_NEXT) if isinstance(row, bytes) and max(row, default=0) < _FAR else [hops + 1 for hops in row]


def _rows_at(graph: Neighbours, nodes: Iterable[str], columns: Sequence[str]) -> dict[str, Row]:
    """Return the hops from nodes to others, for each node.

    Breadth-first search from all columns at once: a node's state is a number with a bit for each column, the highest
    for the first, that says whether the search from there came by. Where it takes long it is done one by one.
    """
    counts: dict[str, list[int]] = {node: [0] * _FAR.bit_length() for node in nodes}
    frontier: dict[str, int] = {}
    for j, column in enumerate(reversed(columns)):
        frontier[column] = frontier.get(column, 0) | 1 << j
    seen = dict(frontier)
    distance = 0
    while frontier and distance < _FAR:
        distance += 1
        arriving: dict[str, int] = {}
        for node, bits in frontier.items():
            for neighbour in graph[node]:
                arriving[neighbour] = arriving.get(neighbour, 0) | bits
        frontier = {}
        for node, bits in arriving.items():
            before = seen.get(node, 0)
            new = bits & ~before
            if new:
                frontier[node] = new
                seen[node] = before | new
                if node in counts:
                    _count(counts[node], new, distance)
    if any(seen.get(node, 0).bit_count() < len(columns) for node in counts):
        return {node: _searched(graph, node, columns) for node in counts}
    return {node: _written(count, len(columns)) for node, count in counts.items()}


def _count(binary: list[int], bits: int, distance: int) -> None:
    """Note a distance for some columns: each has a bit in every digit of a binary number."""
    for digit in range(distance.bit_length()):
        if distance >> digit & 1:
            binary[digit] |= bits


def _written(binary: Sequence[int], width: int) -> bytes:
    """Write numbers that lie side by side, digit by digit, as a byte for each."""
    total = 0
    for digit, bits in enumerate(binary):
        if bits:
            total |= int.from_bytes(format(bits, f"0{width}b").encode().translate(_WORTH[digit]))
    return total.to_bytes(width)


def _searched(graph: Neighbours, node: str, columns: Sequence[str]) -> list[int]:
    hops = hops_from(node, graph)
    return [hops[column] for column in columns]


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
