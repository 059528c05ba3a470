"""Reads of the ledger over HTTP: what stands there, and nothing else."""

import csv
import itertools
from typing import Any

import pytest
import simplejson

from energy_market_chaincode import moment
from ledger import Block, Transaction
from prosumer_client import MarketClient
from tx_queue.reads import _summary


@pytest.fixture
async def market(queue: Any, operator: Any, signer: Any) -> Any:
    """A queue on a ledger with a game that has one seller and one buyer, and a stopped registration."""
    seller, buyer = signer("S1"), signer("B1")
    await queue.do(
        operator.command("setTopology", edges=[["S1", "B1"]]),
        operator.register(seller),
        operator.register(buyer, totalProduction="1.5", totalConsumption="3"),
        operator.command("topUpAccount", prosumer="S1", amount="100"),
        operator.command("topUpAccount", prosumer="B1", amount="100.000001"),
        operator.command("publishGame", game="G", deliverySlot="now", expectedParticipants=2),
    )
    await queue.do(
        seller.command("publishOffer", game="G", amount="10.0001", price="0.08376051515357819"),
        buyer.command("publishDemand", game="G", amount="5"),
        operator.command("stopGameRegistration", game="G"),
        buyer.command("publishBuyBid", game="G", bidAmounts={"S1": "5"}),
    )
    return queue


async def read(queue: Any, path: str, **params: Any) -> Any:
    answer = await queue.http.get(path, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


async def test_games_are_listed_and_read_one_by_one(market: Any) -> None:
    (listed,) = (await read(market, "/games"))["games"]
    assert (listed["game"], listed["phase"], listed["buyerInTurn"]) == ("G", "playing", "B1")
    whole = await read(market, "/games/G")
    assert listed.items() <= whole.items()
    offer = {"capacity": 10.0001, "price": 0.08376051515357819, "load": 5, "frozen": 5.307448}
    assert whole["sellers"] == [{"seller": "S1", **offer}]
    assert whole["hops"] == {"B1": {"S1": 1}}


async def test_the_network_is_read_as_a_graph(market: Any, operator: Any) -> None:
    assert await read(market, "/topology") == {"edges": [["S1", "B1"]]}
    await market.do(operator.command("setTopology", hops={"B1": {"S1": 2}}))
    assert await read(market, "/topology") == {"edges": None}


async def test_numbers_have_exactly_the_ledgers_digits(market: Any) -> None:
    text = (await market.http.get("/games/G")).text
    assert '"capacity":10.0001,' in text
    assert '"price":0.08376051515357819,' in text
    assert '"frozenFunds":' in (text := (await market.http.get("/prosumers/B1")).text)
    assert '"contributionMetric":0.5,' in text


async def test_bids_and_transfers_of_a_game(market: Any) -> None:
    (bid,) = (await read(market, "/games/G/bids"))["bids"]
    assert (bid["buyer"], bid["amounts"]) == ("B1", {"S1": 5})
    assert (await read(market, "/games/G/transfers")) == {"transfers": []}


async def test_in_brief_a_game_and_its_bids_are_the_same_but_for_hops_and_amounts_of_zero(
    queue: Any, operator: Any, signer: Any
) -> None:
    sellers, buyer = [signer("S1"), signer("S2")], signer("B1")
    await queue.do(
        operator.command("setTopology", edges=[["S1", "B1"], ["S2", "B1"]]),
        *(operator.register(each) for each in (*sellers, buyer)),
        *(operator.command("topUpAccount", prosumer=name, amount="100") for name in ("S1", "S2", "B1")),
        operator.command("publishGame", game="G", deliverySlot="now", expectedParticipants=3),
    )
    await queue.do(
        *(seller.command("publishOffer", game="G", amount="10", price="0.08") for seller in sellers),
        buyer.command("publishDemand", game="G", amount="5"),
        operator.command("stopGameRegistration", game="G"),
        buyer.command("publishBuyBid", game="G", bidAmounts={"S1": "5", "S2": "0"}),
    )
    whole, bids = await read(queue, "/games/G"), (await read(queue, "/games/G/bids"))["bids"]
    assert whole["hops"] == {"B1": {"S1": 1, "S2": 1}}
    assert await read(queue, "/games/G", brief=True) == whole | {"hops": {}}
    (bid,) = bids
    assert bid["amounts"] == {"S1": 5, "S2": 0}
    assert await read(queue, "/games/G/bids", brief=True) == {"bids": [bid | {"amounts": {"S1": 5}}]}
    assert await read(queue, "/games/G/bids", brief=True, limit=1) == {"bids": [bid | {"amounts": {"S1": 5}}]}
    answer = await queue.http.get("/games/G", params={"brief": "perhaps"})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")


async def test_prosumers_are_listed_and_read_one_by_one(market: Any) -> None:
    listed = (await read(market, "/prosumers"))["prosumers"]
    assert [prosumer["prosumer"] for prosumer in listed] == ["B1", "S1", "operator"]
    assert await read(market, "/prosumers/S1") == listed[1]


async def test_the_market_as_a_whole(market: Any) -> None:
    whole = await read(market, "/market")
    assert whole["operators"] == ["operator"]
    assert whole["money"] == 200.000001
    assert whole["topology"] is True


async def test_blocks_are_chained_and_hold_commands_results_and_events(market: Any) -> None:
    answer = await read(market, "/blocks")
    height, blocks = answer["height"], answer["blocks"]
    assert [block["number"] for block in blocks] == list(range(height))
    for earlier, later in itertools.pairwise(blocks):
        assert later["previousHash"] == earlier["hash"]
    newest = await read(market, f"/blocks/{height - 1}")
    assert {name: newest[name] for name in blocks[-1]} == blocks[-1]
    transaction = newest["transactions"][-1]
    assert transaction["commands"][-1]["topic"] == "publishBuyBid"
    assert transaction["results"][-1]["status"] == "committed"
    assert transaction["events"][-1]["name"] == "BuyBidEvent"


def test_a_blocks_time_is_the_latest_of_its_transactions_which_on_fabric_need_not_be_the_lasts() -> None:
    transactions = [Transaction(f"t{at_ms}", at_ms, [], [], []) for at_ms in (1_000, 3_000, 2_000)]
    assert _summary(Block(7, "", "", transactions)).at == moment(3_000)
    assert _summary(Block(7, "", "", [])).at is None


async def test_blocks_are_read_page_by_page(market: Any, operator: Any) -> None:
    for _ in range(12):
        await market.do(operator.top_up())
    height = (await read(market, "/blocks"))["height"]
    pages = [await read(market, "/blocks", **{"from": start, "limit": 5}) for start in range(0, height + 5, 5)]
    assert [block["number"] for page in pages for block in page["blocks"]] == list(range(height))
    newest = await read(market, "/blocks", limit=3)
    assert [block["number"] for block in newest["blocks"]] == list(range(height - 3, height))


@pytest.mark.parametrize(
    ("first", "limit", "shown"),
    [
        (None, 20, range(100, 120)),
        (None, 110, range(10, 120)),
        (None, 1000, range(120)),
        (0, 100, range(100)),
        (5, 110, range(5, 115)),
        (20, 1000, range(20, 120)),
        (120, 1000, range(0)),
    ],
)
async def test_a_client_reads_as_many_blocks_as_it_wants_in_several_answers(
    running: Any, operator: Any, first: int | None, limit: int, shown: range
) -> None:
    async with running(over_tcp=True) as queue:
        while await queue.ledger.height() < 120:
            await queue.ledger.submit([simplejson.dumps(operator.top_up())])
        async with MarketClient(str(queue.http.base_url)) as client:
            found = await client.blocks(first, limit)
    assert found.height == 120
    assert [block.number for block in found.blocks] == list(shown)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/games/nowhere", 404, "UNKNOWN_GAME"),
        ("/games/nowhere/bids", 404, "UNKNOWN_GAME"),
        ("/games/nowhere/transfers", 404, "UNKNOWN_GAME"),
        ("/prosumers/nobody", 404, "UNKNOWN_PROSUMER"),
        ("/prosumers/nobody/statement?format=csv", 404, "UNKNOWN_PROSUMER"),
        ("/blocks/1000000", 404, "UNKNOWN_BLOCK"),
        (f"/blocks/{2**53 - 1}", 404, "UNKNOWN_BLOCK"),
        (f"/blocks/{2**64}", 422, "INVALID_PARAMETER"),
        ("/blocks/-1", 422, "INVALID_PARAMETER"),
        ("/blocks/first", 422, "INVALID_PARAMETER"),
        ("/blocks?limit=0", 422, "INVALID_PARAMETER"),
        ("/blocks?limit=1000", 422, "INVALID_PARAMETER"),
        ("/blocks?from=-1", 422, "INVALID_PARAMETER"),
        ("/games/%00", 422, "INVALID_PARAMETER"),
        (f"/games/{'G' * 1000}", 422, "INVALID_PARAMETER"),
        ("/prosumers/%F0%9F%92%A9", 422, "INVALID_PARAMETER"),
        ("/nothing", 404, "NOT_FOUND"),
    ],
)
async def test_what_is_not_there_or_cannot_be_is_a_problem(queue: Any, path: str, status: int, code: str) -> None:
    answer = await queue.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/market", "/games", "/games/G/bids", "/prosumers/P1", "/blocks", "/blocks/0"])
async def test_without_a_ledger_reads_are_told_to_come_again(queue: Any, path: str) -> None:
    queue.ledger.is_away = True
    answer = await queue.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "LEDGER_UNAVAILABLE")
    assert answer.headers["Retry-After"]


async def test_lists_are_read_page_by_page_up_to_2000_games(queue: Any, operator: Any) -> None:
    await queue.do(operator.command("setTopology", edges=[["a", "b"]]))
    names = [f"G{number:04}" for number in range(2000)]
    for half in (names[:1000], names[1000:]):
        receipts = (await queue.post([operator.publish_game(name) for name in half])).json()
        assert (await queue.result(receipts[-1]["id"]))["status"] == "committed"
    pages = [(await read(queue, "/games", **{"from": first}))["games"] for first in (0, 1000, 2000)]
    assert [len(page) for page in pages] == [1000, 1000, 0]
    assert [game["game"] for page in pages for game in page] == names
    few = await read(queue, "/games", **{"from": 998, "limit": 4})
    assert [game["game"] for game in few["games"]] == names[998:1002]


async def test_bids_transfers_and_prosumers_are_paged_too(market: Any, operator: Any, signer: Any) -> None:
    assert [p["prosumer"] for p in (await read(market, "/prosumers", **{"from": 1, "limit": 1}))["prosumers"]] == ["S1"]
    assert [b["buyer"] for b in (await read(market, "/games/G/bids", limit=1))["bids"]] == ["B1"]
    assert (await read(market, "/games/G/bids", **{"from": 1}))["bids"] == []
    assert (await read(market, "/games/G/transfers", **{"from": 0, "limit": 7}))["transfers"] == []


@pytest.mark.parametrize(
    "path", ["/games", "/prosumers", "/meters", "/games/G/bids", "/games/G/transfers", "/games/G/lines"]
)
@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "from=-1", "from=now", "form=0", "limit=1&limit=2"])
async def test_a_page_that_is_none_is_refused(queue: Any, path: str, query: str) -> None:
    answer = await queue.http.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")


@pytest.mark.parametrize(
    "path", ["/market?x=1", "/queue?form=1", "/games/G?x=1", "/blocks?form=1", "/events?gmae=x", "/events?form=now"]
)
async def test_a_parameter_that_a_route_does_not_have_is_refused(queue: Any, path: str) -> None:
    answer = await queue.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")


async def test_a_statement_is_json_or_a_table_as_it_is_asked_for_and_has_parts(
    market: Any, operator: Any, signer: Any
) -> None:
    await market.do(
        signer("B1").command("publishBuyBid", game="G", keepPlaying=False),
        signer("S1").command("publishMeterReading", game="G", sequence=1, inEnergy="0", outEnergy="5"),
        signer("B1").command("publishMeterReading", game="G", sequence=1, inEnergy="5", outEnergy="0"),
        operator.command("closeMarket", game="G"),
    )
    whole = await read(market, "/prosumers/B1/statement")
    assert [line["game"] for line in whole["lines"]] == ["G"]
    assert whole["next"] is None
    account = await read(market, "/prosumers/B1")
    assert whole["sums"]["movement"] == account["accountBalance"] + account["frozenFunds"]
    path = "/prosumers/B1/statement"
    table = await market.http.get(path, params={"format": "csv"})
    assert table.headers["Content-Type"].startswith("text/csv")
    assert (await market.http.get(path, headers={"Accept": "text/csv"})).text == table.text
    assert (await market.http.get(f"{path}?format=json", headers={"Accept": "text/csv"})).json() == whole
    nets = [float(row["net"]) for row in csv.DictReader(table.text.splitlines())]
    assert sum(nets) == pytest.approx(whole["sums"]["movement"], abs=1e-9)
    begins = whole["lines"][0]["begins"]
    later = await read(market, path, **{"from": begins, "to": "2100-01-01T00:00:00+01:00"})
    assert (later["from"], later["to"], later["lines"]) == (begins, "2099-12-31T23:00:00.000Z", whole["lines"])
    assert (await read(market, path, to=begins))["lines"] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("from=2026-11-01", 422, "INVALID_PARAMETER"),
        ("from=2026-11-01T00:00", 422, "INVALID_PARAMETER"),
        ("to=1969-12-31T00:00Z", 422, "INVALID_PARAMETER"),
        ("format=pdf", 422, "INVALID_PARAMETER"),
        ("limit=3001", 422, "INVALID_PARAMETER"),
        ("month=2026-11", 422, "INVALID_PARAMETER"),
    ],
)
async def test_a_statement_of_no_time_is_refused(queue: Any, query: str, status: int, code: str) -> None:
    answer = await queue.http.get(f"/prosumers/operator/statement?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
