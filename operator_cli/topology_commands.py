"""``energy-market topology``: the network on which hops are counted."""

import csv
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar

import typer

from energy_market_chaincode import Topic
from market_files import read_text
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, show_by_default, voice
from prosumer_client import MarketClient

LARGEST_FILE_BYTES = 10 << 20
"""Several times what fits into a command, whose edges have no line ends but brackets and quotes."""
COLUMNS = ["one", "other"]

app = typer.Typer(help="The network on which hops are counted.")

Edges = list[list[str]]
One = Annotated[str, typer.Argument(help="A prosumer, or a node that is nobody's, as a feeder.")]
Other = Annotated[str, typer.Argument(help="Another one.")]


class NoGraph(Exception):
    """The ledger has no graph: no topology at all, or a table of hop distances alone."""

    code: ClassVar[str] = "NO_GRAPH"

    def __init__(self) -> None:
        super().__init__("the ledger has no graph that could be changed; energy-market topology set FILE enters one")


class NoSuchEdge(Exception):
    """No cable leads from one to the other."""

    code: ClassVar[str] = "NO_SUCH_EDGE"


@app.command()
def show(json: AsJson = False) -> None:
    """Show the graph: its edges, of one hop each."""
    found = OperatorSettings.read().ask(lambda market: market.topology())
    if found.edges is None and not voice.as_json:
        voice.progress("the ledger has no graph: no topology at all, or a table of hop distances alone")
        return
    voice.rows([dict(zip(COLUMNS, edge, strict=True)) for edge in found.edges or []], COLUMNS, whole=found)


show_by_default(app, show)


@app.command("set")
def set_topology(
    file: Annotated[str, typer.Argument(help="The whole graph: CSV with one, other; - reads standard input.")],
    json: AsJson = False,
) -> None:
    """Replace the network by the graph of a file, of which every line is a cable of one hop."""
    edges = read_edges(read_text(file, LARGEST_FILE_BYTES))

    async def changed(market: MarketClient) -> Edges:
        return edges

    _submit(changed)


@app.command()
def connect(one: One, other: Other, json: AsJson = False) -> None:
    """Add a cable to the graph, and with it whoever is new."""

    async def changed(market: MarketClient) -> Edges:
        edges = await _edges(market)
        return edges if _place_of(edges, one, other) is not None else [*edges, [one, other]]

    _submit(changed)


@app.command()
def disconnect(one: One, other: Other, json: AsJson = False) -> None:
    """Take a cable out of the graph, and with it whoever had no other one."""

    async def changed(market: MarketClient) -> Edges:
        edges = await _edges(market)
        place = _place_of(edges, one, other)
        if place is None:
            raise NoSuchEdge(f"there is no edge between {one} and {other}; energy-market topology shows all")
        return [*edges[:place], *edges[place + 1 :]]

    _submit(changed)


def read_edges(text: str) -> Edges:
    """Read a graph from CSV with the titles ``one`` and ``other``; raises typer.BadParameter, with the line."""
    rows = csv.reader(text.removeprefix("\ufeff").splitlines())
    if [title.strip() for title in next(rows, [])] != COLUMNS:
        raise typer.BadParameter(f"the first line has to be {','.join(COLUMNS)}", param_hint="FILE")
    edges: Edges = []
    for number, row in enumerate(rows, start=2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(COLUMNS) or not all(cells):
            said = f"line {number} has not the two ends of a cable: {','.join(row)[:100]}"
            raise typer.BadParameter(said, param_hint="FILE")
        edges.append(cells)
    return edges


async def _edges(market: MarketClient) -> Edges:
    found = await market.topology()
    if found.edges is None:
        raise NoGraph
    return found.edges


def _place_of(edges: Edges, one: str, other: str) -> int | None:
    """Return where an edge stands, in either direction."""
    return next((place for place, edge in enumerate(edges) if set(edge) == {one, other}), None)


def _submit(changed: Callable[[MarketClient], Awaitable[Edges]]) -> None:
    async def submit(market: MarketClient) -> dict[str, Any]:
        return await market.submit(Topic.SET_TOPOLOGY, {"edges": await changed(market)})

    result = OperatorSettings.read().order(submit)
    voice.done(result, f"nodes in the network: {result['nodes']}")
