"""The network as the world sees it."""

from typing import Annotated

from pydantic import Field

from energy_market_chaincode.view import View


class TopologyView(View):
    """The network on which hops are counted.

    Attributes
    ----------
    edges
        Of its graph, one hop each; null where there is no topology, or only a table of hop distances.
    """

    edges: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | None


class GraphLaid(View):
    """Of setTopology with edges: how many nodes there are."""

    nodes: int


class TableLaid(View):
    """Of setTopology with hops: how many rows and columns there are."""

    buyers: int
    sellers: int
