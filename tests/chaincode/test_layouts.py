"""Large games: their hops follow from the graph that was in force when their gate closed, and are stored nowhere."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from energy_market_chaincode import context, hops, topology
from energy_market_chaincode.records import Arena
from tests.chaincode.conftest import Market
from tests.chaincode.solving import prices_of

SELLERS = {"S1": ("20", "0.08"), "S2": ("30", "0.09")}
BUYERS = {"B1": "10", "B2": "12", "B3": "8"}
EDGES = [["S1", "bus"], ["S2", "end"], ["bus", "end"], ["B1", "bus"], ["B2", "end"], ["B3", "far"], ["far", "end"]]
OTHERS = [[name, "bus"] for name in (*SELLERS, *BUYERS)]
HOPS = {
    "B1": {"S1": 2, "S2": 3},
    "B2": {"S1": 3, "S2": 2},
    "B3": {"S1": 4, "S2": 3},
}


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(topology, "STORED_PAIRS", 5)
    context.filled.cache_clear()
    yield
    context.filled.cache_clear()


async def market_with(market: Market, mechanism: str) -> str:
    """A game whose gate closed on a graph that has been replaced since."""
    await market.enter(*SELLERS, *BUYERS)
    await market.do("operator", "topUpAccount", prosumer="grid-operator", amount="1000")
    game = await market.open_game(SELLERS, BUYERS, mechanism=mechanism)
    await market.do("operator", "setTopology", edges=EDGES)
    await market.do("operator", "stopGameRegistration", game=game)
    await market.do("operator", "setTopology", edges=OTHERS)
    return game


async def deliver_all(market: Market, game: str) -> None:
    for seller in (await market.invoke("game", game))["sellers"]:
        await market.read_meter(game, seller["seller"], fed_in=str(seller["load"]))
    for buyer, demand in BUYERS.items():
        await market.read_meter(game, buyer, taken=demand)
    await market.do("operator", "closeMarket", game=game)


async def test_a_certified_game_keeps_the_graph_it_began_with_and_stores_no_hops(market: Market) -> None:
    game = await market_with(market, "certified")
    shown = await market.invoke("game", game)
    assert shown["hops"] == {}
    assert shown["layout"] == topology.digest_of([(one, other) for one, other in EDGES])
    assert (await market.invoke("game-topology", game))["edges"] == EDGES
    assert (await market.invoke("topology"))["edges"] == OTHERS
    assert Arena.from_bytes(market.state[f"arena/{game}"]).hops == []
    data = {"game": game, "arena": shown["clearing"]["arena"]}
    others = {buyer: dict.fromkeys(SELLERS, 2) for buyer in BUYERS}
    wrong = prices_of({**shown, "hops": others})
    assert await market.rejection("B1", "publishClearing", **data, prices=wrong) == "GAP_TOO_LARGE"
    await market.do("B1", "publishClearing", **data, prices=prices_of({**shown, "hops": HOPS}))
    fee = {t["buyer"]: t for t in (await market.invoke("transfers", game))["transfers"] if t["seller"] == "S1"}
    per_kwh = shown["parameters"]["feePerHop"]
    for buyer, transfer in fee.items():
        assert abs(transfer["transmissionFee"] - transfer["energy"] * per_kwh * HOPS[buyer]["S1"]) <= 0.000001
    bids = (await market.invoke("bids", game, "1", "1"))["bids"]
    assert [bid["buyer"] for bid in bids] == ["B2"]
    assert sum(bids[0]["amounts"].values()) <= bids[0]["demand"]
    await deliver_all(market, game)
    assert (await market.invoke("game", game))["phase"] == "closed"
    assert all(account.frozen == 0 for account in market.accounts().values())


async def test_stored_and_counted_hops_clear_at_the_same_prices_and_bills(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "STORED_PAIRS", 6)
    game = await market_with(market, "certified")
    shown = await market.invoke("game", game)
    assert (shown["hops"], shown["layout"]) == (HOPS, None)
    assert (await market.invoke("game-topology", game))["edges"] is None
    prices = prices_of(shown)
    await market.do("B1", "publishClearing", game=game, arena=shown["clearing"]["arena"], prices=prices)
    bids = (await market.invoke("bids", game))["bids"]
    monkeypatch.setattr(topology, "STORED_PAIRS", 5)
    other = Market()
    await other.invoke("init", "operator", other.public_key("operator"))
    game = await market_with(other, "certified")
    arena = (await other.invoke("game", game))["clearing"]["arena"]
    await other.do("B1", "publishClearing", game=game, arena=arena, prices=prices)
    assert (await other.invoke("bids", game))["bids"] == bids


async def test_a_game_in_turns_goes_by_the_kept_graph_too(market: Market) -> None:
    game = await market_with(market, "sequential-best-response")
    (turn,) = market.named("BuyBidEvent")
    assert {seller["seller"]: seller["hops"] for seller in turn["sellers"]} == HOPS[turn["buyerInTurn"]]
    await market.play_out(game)
    assert (await market.invoke("game", game))["stop"]["reason"] == "equilibrium"


async def test_a_graph_is_kept_once_and_goes_with_the_games(market: Market) -> None:
    await market_with(market, "certified")
    market.now_ms += 1000
    again = await market.open_game(SELLERS, BUYERS, game="again", mechanism="certified")
    await market.do("operator", "setTopology", edges=EDGES)
    await market.do("operator", "stopGameRegistration", game=again)
    kept = [key for key in market.state if key.startswith("layout/")]
    assert kept == [f"layout/{topology.digest_of([(one, other) for one, other in EDGES])}"]
    await market.do("operator", "resetMarket")
    assert not [key for key in market.state if key.startswith(("layout/", "arena/"))]
    assert (await market.invoke("topology"))["edges"] == EDGES


def test_ways_of_any_length_are_counted() -> None:
    line = [f"n{i}" for i in range(300)]
    graph = hops.neighbours(pairwise(line))
    for length in (254, 255, 256, 257, 300):
        (row,) = hops.hop_rows(graph, ["n0"], line[:length])
        assert list(row) == list(range(length))
