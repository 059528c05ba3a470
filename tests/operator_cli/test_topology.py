"""``energy-market topology`` shows the graph, replaces it by a file's, and changes one cable of it."""

import asyncio
import json
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from energy_market_chaincode import Topic, market_views
from operator_cli.settings import OperatorSettings
from prosumer_client import MarketClient

EDGES = [["H1", "feeder"], ["H2", "feeder"]]


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    """A market whose graph has two cables."""
    market = AsyncMock(spec=MarketClient)
    market.topology.return_value = market_views.TopologyView(edges=EDGES)
    market.submit.side_effect = lambda _, data: {"nodes": len({node for edge in data["edges"] for node in edge})}
    monkeypatch.setattr(OperatorSettings, "ask", lambda _, question, *_speaker: asyncio.run(question(market)))
    return market


def test_it_is_shown_as_it_is(energy_market: Any, market: AsyncMock) -> None:
    assert json.loads(energy_market("topology", "--json").out) == {"edges": EDGES}
    assert "H2 feeder" in energy_market("topology").said


@pytest.mark.parametrize(
    ("words", "edges"),
    [
        (("connect", "H3", "feeder"), [*EDGES, ["H3", "feeder"]]),
        (("connect", "feeder", "H2"), EDGES),
        (("disconnect", "feeder", "H1"), EDGES[1:]),
    ],
)
def test_one_cable_is_changed_and_all_others_stay(
    energy_market: Any, market: AsyncMock, words: tuple[str, ...], edges: list[list[str]]
) -> None:
    assert energy_market("topology", *words).code == 0
    market.submit.assert_awaited_once_with(Topic.SET_TOPOLOGY, {"edges": edges})


def test_a_file_is_the_whole_graph(energy_market: Any, market: AsyncMock, tmp_path: Path) -> None:
    file = tmp_path / "street.csv"
    file.write_text('\ufeffone,other\r\n oak, feeder\r\n\r\n"ash",feeder\r\n')
    assert "nodes in the network: 3" in energy_market("topology", "set", str(file)).said
    market.submit.assert_awaited_once_with(Topic.SET_TOPOLOGY, {"edges": [["oak", "feeder"], ["ash", "feeder"]]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the first line has to be one,other"),
        ("oak,feeder\n", "the first line has to be one,other"),
        ("one,other\noak,feeder\nash\n", "line 3 has not the two ends of a cable: ash"),
        ("one,other\noak,feeder,ash\n", "line 2 has not the two ends of a cable: oak,feeder,ash"),
        ("one,other\noak,\n", "line 2 has not the two ends of a cable: oak,"),
    ],
)
def test_a_line_that_is_no_cable_is_named_and_nothing_is_sent(
    energy_market: Any, market: AsyncMock, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "street.csv"
    file.write_text(text)
    ended = energy_market("topology", "set", str(file))
    assert ended.code == 2
    assert said in ended.said
    market.submit.assert_not_awaited()


def test_a_cable_that_is_not_there_cannot_be_taken_out(energy_market: Any, market: AsyncMock) -> None:
    ended = energy_market("topology", "disconnect", "H1", "H2")
    assert ended.code == 1
    assert "NO_SUCH_EDGE: there is no edge between H1 and H2" in ended.said
    market.submit.assert_not_awaited()


def test_a_table_of_hops_is_not_replaced_by_one_cable(energy_market: Any, market: AsyncMock) -> None:
    market.topology.return_value = market_views.TopologyView(edges=None)
    assert "NO_GRAPH" in energy_market("topology", "connect", "H3", "feeder").said
    assert "no graph" in energy_market("topology").said
    market.submit.assert_not_awaited()
