"""Administration: roles, keys, topology, money from outside, reset, and the ledger's beginning."""

from decimal import Decimal
from typing import Any

import pytest

from energy_market_chaincode.errors import AlreadyInitialised, MalformedArguments, NotInitialised, ReservedName
from energy_market_chaincode.records import RECORDS
from tests.chaincode.conftest import Market

OPERATORS_TOPICS: list[tuple[str, dict[str, Any]]] = [
    ("registerProsumer", {"id": "x", "publicKey": Market().public_key("x")}),
    ("setTopology", {"edges": [["a", "b"]]}),
    ("topUpAccount", {"prosumer": "P", "amount": 1}),
    ("publishGame", {}),
    ("stopGameRegistration", {"game": "g"}),
    ("skipTurn", {"game": "g", "buyer": "P", "round": 1}),
    ("closeMarket", {"game": "g"}),
    ("resetMarket", {}),
]

OF_GAMES = tuple(f"{prefix}/" for prefix, kind in RECORDS.items() if kind.RESET)


@pytest.mark.parametrize(("topic", "data"), OPERATORS_TOPICS, ids=[topic for topic, _ in OPERATORS_TOPICS])
async def test_a_prosumer_cannot_operate_the_market(market: Market, topic: str, data: dict[str, Any]) -> None:
    await market.enter("P")
    assert await market.rejection("P", topic, **data) == "OPERATORS_ONLY"


async def test_the_same_init_again_is_fine_after_the_operator_got_a_new_key_and_so_is_init_with_that(
    market: Market,
) -> None:
    new = market.public_key("new")
    await market.do("operator", "registerProsumer", id="operator", publicKey=new, replaceKey=True)
    before = dict(market.state)
    for key in (market.public_key("operator"), new):
        assert await market.invoke("init", "operator", key) == {"operator": "operator"}
    with pytest.raises(AlreadyInitialised):
        await market.invoke("init", "operator", market.public_key("thief"))
    assert market.state == before


async def test_the_same_init_again_changes_nothing_and_another_is_refused(market: Market) -> None:
    before = dict(market.state)
    market.now_ms += 5
    assert await market.invoke("init", "operator", market.public_key("operator")) == {"operator": "operator"}
    assert market.state == before
    for operator, key in (("operator", "thief"), ("thief", "thief"), ("thief", "operator")):
        with pytest.raises(AlreadyInitialised):
            await market.invoke("init", operator, market.public_key(key))
    await market.enter("P")
    with pytest.raises(AlreadyInitialised):
        await market.invoke("init", "P", market.public_key("P"))


@pytest.mark.parametrize("args", [(), ("operator",), ("operator", "no key"), ("no name", Market().public_key("x"))])
async def test_a_malformed_init_is_refused(args: tuple[str, ...]) -> None:
    with pytest.raises(MalformedArguments):
        await Market().invoke("init", *args)


async def test_nothing_happens_before_init() -> None:
    market = Market()
    with pytest.raises(NotInitialised):
        await market.submit(market.command("operator", "resetMarket"))
    with pytest.raises(NotInitialised):
        await market.invoke("market")


async def test_the_markets_own_accounts_cannot_be_registered(market: Market) -> None:
    for name in ("grid-operator", "network-operator"):
        data = {"id": name, "publicKey": market.public_key(name)}
        assert await market.rejection("operator", "registerProsumer", **data) == "RESERVED_NAME"
        with pytest.raises(ReservedName):
            await Market().invoke("init", name, market.public_key(name))


async def test_a_new_prosumer_has_an_empty_account_and_its_history(market: Market) -> None:
    await market.enter("P", funds="0", histories={"P": ("12.5", "10")})
    shown = await market.invoke("prosumer", "P")
    assert (shown["accountBalance"], shown["frozenFunds"]) == (0, 0)
    assert (shown["totalProduction"], shown["totalConsumption"]) == (12.5, 10)
    assert shown["role"] == "prosumer"


async def test_a_second_operator_operates_and_may_replace_the_first_ones_key(market: Market) -> None:
    second = {"id": "second", "publicKey": market.public_key("second"), "role": "operator"}
    await market.do("operator", "registerProsumer", **second)
    await market.enter("P")
    await market.do("second", "topUpAccount", prosumer="P", amount=1)
    new = {"id": "operator", "publicKey": market.public_key("rescued"), "replaceKey": True}
    await market.do("second", "registerProsumer", **new)
    stolen = market.command("operator", "resetMarket")
    (result,) = await market.submit(stolen)
    assert result["code"] == "BAD_SIGNATURE"
    (result,) = await market.submit(market.signed({k: stolen[k] for k in ("id", "topic", "payload")}, "rescued"))
    assert result["status"] == "committed"


async def test_a_replaced_key_keeps_role_money_and_meter(market: Market) -> None:
    await market.enter("P", histories={"P": ("1", "2")})
    before = await market.invoke("prosumer", "P")
    exists = {"id": "P", "publicKey": market.public_key("new")}
    assert await market.rejection("operator", "registerProsumer", **exists) == "PROSUMER_EXISTS"
    result = await market.do("operator", "registerProsumer", **exists, replaceKey=True)
    assert result == {"prosumer": "P", "keyReplaced": True}
    assert await market.invoke("prosumer", "P") == {**before, "publicKey": market.public_key("new")}
    unknown = {"id": "Q", "publicKey": market.public_key("Q"), "replaceKey": True}
    assert await market.rejection("operator", "registerProsumer", **unknown) == "UNKNOWN_PROSUMER"


async def test_money_comes_in_for_prosumers_and_the_grid_operator_only(market: Market) -> None:
    await market.enter("P", funds="0")
    result = await market.do("operator", "topUpAccount", prosumer="P", amount="0.000001")
    assert result == {"prosumer": "P", "accountBalance": Decimal("0.000001"), "debt": 0}
    await market.do("operator", "topUpAccount", prosumer="grid-operator", amount="7")
    assert (market.free("P"), market.free("grid-operator")) == (1, 7_000_000)
    for name in ("nobody", "network-operator"):
        assert await market.rejection("operator", "topUpAccount", prosumer=name, amount=1) == "UNKNOWN_PROSUMER"


async def test_an_account_holds_what_the_ledger_can_show_and_no_more(market: Market) -> None:
    await market.enter("P", funds="999999999")
    await market.do("operator", "topUpAccount", prosumer="P", amount=1)
    assert await market.rejection("operator", "topUpAccount", prosumer="P", amount="0.000001") == "ACCOUNT_TOO_LARGE"


@pytest.mark.parametrize(
    "layout",
    [
        {"edges": [["a", "b"], ["c", "d"]]},
        {"hops": {"B1": {}}},
        {"hops": {"B1": {"S1": 1, "S2": 1}, "B2": {"S1": 1}}},
        {"hops": {"B1": {"S1": 1}, "B2": {}}},
    ],
)
async def test_a_topology_is_connected_or_full(market: Market, layout: dict[str, Any]) -> None:
    assert await market.rejection("operator", "setTopology", **layout) == "INVALID_TOPOLOGY"


async def test_a_new_topology_replaces_the_old_one_whole(market: Market) -> None:
    assert await market.do("operator", "setTopology", edges=[["a", "b"], ["b", "b"], ["b", "c"]]) == {"nodes": 3}
    graph = {key for key in market.state if key.startswith("topology")}
    assert await market.do("operator", "setTopology", hops={"x": {"y": 1, "z": 2}}) == {"buyers": 1, "sellers": 2}
    table = {key for key in market.state if key.startswith("topology")}
    assert graph & table == {"topology"}
    assert len(table) == 4


async def test_reset_ends_every_game_releases_every_escrow_and_keeps_the_money(market: Market) -> None:
    await market.enter("S", "B", funds="100")
    open_, playing, delivery, closed = "open", "playing", "delivery", "closed"
    for game in (closed, delivery, playing, open_):
        await market.open_game({"S": ("10", "0.1")}, {"B": "5"}, game=game, deliverySlot=game, roundLimit=1)
        if game != open_:
            await market.do("operator", "stopGameRegistration", game=game)
        if game in (delivery, closed):
            await market.do("B", "publishBuyBid", game=game, bidAmounts={"S": "5"})
            await market.read_meter(game, "S", fed_in="5")
            await market.read_meter(game, "B", taken="5")
        if game == closed:
            await market.do("operator", "closeMarket", game=game)
    paid = 2 * 850_000
    assert market.frozen("B") > 0
    result = await market.do("operator", "resetMarket")
    assert result == {"left": 0, "games": 4, "cancelledGames": ["delivery", "open", "playing"]}
    (event,) = market.named("MarketResetEvent")
    assert (event["game"], event["cancelledGames"]) == (None, ["delivery", "open", "playing"])
    assert (market.free("B"), market.frozen("B")) == (100_000_000 - paid, 0)
    assert not [key for key in market.state if key.startswith(OF_GAMES)]
    assert (await market.invoke("games"))["games"] == []
    assert {p["prosumer"] for p in (await market.invoke("prosumers"))["prosumers"]} == {"operator", "S", "B"}
    await market.start_game({"S": ("10", "0.1")}, {"B": "5"}, game="open", deliverySlot="open")


async def test_what_took_effect_before_a_reset_does_not_take_effect_again(market: Market) -> None:
    await market.enter("P", funds="0")
    top_up = market.command("operator", "topUpAccount", prosumer="P", amount=5)
    await market.submit(top_up)
    await market.do("operator", "resetMarket")
    (result,) = await market.submit(top_up)
    assert result["duplicate"] is True
    assert market.free("P") == 5_000_000


async def test_every_key_but_those_of_prosumers_their_accounts_topology_and_memory_belongs_to_a_game(
    market: Market,
) -> None:
    await market.enter("S", "B", funds="100")
    await market.start_game({"S": ("10", "0.1")}, {"B": "5"}, game="g", roundLimit=1)
    await market.do("B", "publishBuyBid", game="g", bidAmounts={"S": "5"})
    await market.read_meter("g", "S", fed_in="4")
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    lasting = ("account/", "command/", "entry/", "line/", "market", "meter/", "prosumer/", "topology")
    assert {k for k in market.state if not k.startswith((*OF_GAMES, *lasting))} == set()
