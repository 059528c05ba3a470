"""One transaction of many commands: each on its own savepoint, each signed, each once."""

from collections.abc import Callable
from typing import Any

import pytest
import simplejson

from energy_market_chaincode.errors import MalformedArguments, UnknownFunction
from energy_market_chaincode.times import iso_time
from tests.chaincode.conftest import DictStub, Market

DEEP_IN_DATA = '{"topic":"closeMarket","signature":"","payload":{"prosumer":"P","data":{"game":%s}}}'

# As texts, for some cannot be written from Python's values.
MALFORMED_ITEMS = {
    "null": "null",
    "number": "5",
    "text": '"publishGame"',
    "array": "[[]]",
    "empty": "{}",
    "unknown topic": '{"topic":"sellEverything","signature":"","payload":{"prosumer":"operator","data":{}}}',
    "beyond a double": DEEP_IN_DATA % "1e400",
    "beyond a double elsewhere": '{"x":-1e999}',
    "huge integer": DEEP_IN_DATA % ("9" * 4000),
    "NUL": DEEP_IN_DATA % r'"\u0000"',
    "lone surrogate": DEEP_IN_DATA % r'"\ud800"',
    "lone surrogate as a key": r'{"\udfff":1}',
    "lone surrogate as an id": r'{"id":"\ud800"}',
    "an exponent beyond all": '{"topic":"topUpAccount","signature":"","payload":{"prosumer":"operator",'
    '"data":{"prosumer":"P","amount":"1e9999999999999999999"}}}',
    "nested": DEEP_IN_DATA % ("[" * 200 + "]" * 200),
    "a megabyte": DEEP_IN_DATA % ('"' + "x" * 1_000_001 + '"'),
    "many fields": "{" + ",".join(f'"k{n}":1' for n in range(5_000)) + "}",
}


@pytest.mark.parametrize("item", MALFORMED_ITEMS.values(), ids=MALFORMED_ITEMS.keys())
@pytest.mark.parametrize("each_alone", [True, False], ids=["as now", "as in older blocks"])
async def test_a_malformed_item_leaves_no_trace_and_does_not_hurt_its_neighbours(
    market: Market, item: str, each_alone: bool
) -> None:
    good = [market.command("operator", "registerProsumer", id=name, publicKey=market.public_key(name)) for name in "AB"]
    before = dict(market.state)
    texts = [simplejson.dumps(good[0]), item, simplejson.dumps(good[1])]
    first, bad, last = await market.invoke("submit", *(texts if each_alone else [f"[{','.join(texts)}]"]))
    assert (first["status"], last["status"]) == ("committed", "committed")
    assert (bad["status"], bad["code"]) == ("rejected", "MALFORMED_COMMAND")
    assert len(bad["errors"]) <= 101
    written = market.changed_since(before)
    assert len(written) == 2 * len(("prosumer", "account", "meter", "command"))


@pytest.mark.parametrize(
    "argument",
    [
        "", "[", "{", "[NaN]", "[Infinity]", '[{"a":1,"a":2}]', "[" * 10_000 + "]" * 10_000,
        "[" + "9" * 5_000 + "]",
    ],
    ids=["empty", "broken", "broken object", "NaN", "Infinity", "repeated key", "nested", "endless integer"],
)  # fmt: skip
async def test_what_is_no_json_is_refused_as_a_whole(market: Market, argument: str) -> None:
    before = dict(market.state)
    with pytest.raises(MalformedArguments):
        await market.invoke("submit", argument)
    assert market.state == before


@pytest.mark.parametrize(("function", "args"), [("init", ("operator",)), ("game", ()), ("market", ("x",))])
async def test_a_function_needs_its_arguments(market: Market, function: str, args: tuple[str, ...]) -> None:
    with pytest.raises(MalformedArguments):
        await market.invoke(function, *args)


async def test_an_unknown_function_is_refused(market: Market) -> None:
    with pytest.raises(UnknownFunction):
        await market.invoke("transferAllMoney", "me")


async def test_nothing_to_do_is_done(market: Market) -> None:
    assert await market.submit() == []


async def test_results_come_in_the_order_of_the_commands_and_name_them(market: Market) -> None:
    commands = [
        market.command("operator", "topUpAccount", prosumer="nobody", amount=1),
        market.command("operator", "publishGame"),
        market.command("operator", "registerProsumer", id="P", publicKey=market.public_key("P")),
    ]
    results = await market.submit(*commands)
    assert [r["id"] for r in results] == [c["id"] for c in commands]
    assert {r["prosumer"] for r in results} == {"operator"}
    assert set(results[0]) == set(results[1]) == {"id", "prosumer", "status", "duplicate", "code", "message", "errors"}
    assert set(results[2]) == {"id", "prosumer", "status", "duplicate", "result"}


async def test_a_command_sees_what_earlier_ones_of_its_transaction_did(market: Market) -> None:
    results = await market.submit(
        market.command("operator", "registerProsumer", id="S", publicKey=market.public_key("S")),
        market.command("operator", "registerProsumer", id="B", publicKey=market.public_key("B")),
        market.command("operator", "topUpAccount", prosumer="B", amount=10),
        market.command("operator", "topUpAccount", prosumer="S", amount=10),
        market.command("operator", "setTopology", edges=[["S", "B"]]),
        market.command("operator", "publishGame", game="g", expectedParticipants=2),
        market.command("S", "publishOffer", game="g", amount=5, price="0.1"),
        market.command("B", "publishDemand", game="g", amount=5),
        market.command("operator", "stopGameRegistration", game="g"),
        market.command("B", "publishBuyBid", game="g", bidAmounts={"S": 5}),
        market.command("B", "publishBuyBid", game="g", keepPlaying=False),
        market.command("S", "publishMeterReading", game="g", sequence=1, inEnergy=0, outEnergy=5),
        market.command("B", "publishMeterReading", game="g", sequence=1, inEnergy=5, outEnergy=0),
        market.command("operator", "closeMarket", game="g"),
    )
    assert {result["status"] for result in results} == {"committed"}
    assert [event["name"] for event in market.events] == [
        "GameInitEvent", "BuyBidEvent", "BuyBidEvent", "GameStopEvent", "TransferFulfilledEvent", "MarketClosedEvent",
    ]  # fmt: skip


@pytest.mark.parametrize("last", [{"edges": [["a", "b"], ["c", "d"]]}, {}, {"hops": {"B": {}}}])
async def test_a_rejected_command_changes_nothing_for_those_after_it(market: Market, last: dict[str, Any]) -> None:
    await market.enter("S", "B", funds="2")
    await market.open_game({"S": ("5", "0.1")}, {"B": "5"}, game="g", expectedParticipants=2)
    results = await market.submit(
        market.command("operator", "setTopology", **last),
        market.command("operator", "stopGameRegistration", game="g"),
        market.command("B", "publishBuyBid", game="g", bidAmounts={"T": "5"}),
        market.command("B", "publishBuyBid", game="g", bidAmounts={"S": "6"}),
        market.command("B", "publishBuyBid", game="g", bidAmounts={"S": "5"}),
    )
    assert [r["status"] for r in results] == ["rejected", "committed", "rejected", "rejected", "committed"]


async def test_a_rejection_is_remembered_and_does_not_take_effect_later(market: Market) -> None:
    top_up = market.command("operator", "topUpAccount", prosumer="P", amount=5)
    (first,) = await market.submit(top_up)
    assert first["code"] == "UNKNOWN_PROSUMER"
    await market.enter("P", funds="0")
    (again,) = await market.submit(top_up)
    assert again == {**first, "duplicate": True}
    assert market.free("P") == 0


async def test_the_same_command_twice_in_one_transaction_takes_effect_once(market: Market) -> None:
    await market.enter("P", funds="0")
    top_up = market.command("operator", "topUpAccount", prosumer="P", amount=5)
    first, again = await market.submit(top_up, top_up)
    assert again == {**first, "duplicate": True}
    assert market.free("P") == 5_000_000


async def test_a_command_without_an_id_counts_once_by_its_content(market: Market) -> None:
    await market.enter("P", funds="0")
    bare = {"topic": "topUpAccount", "payload": {"prosumer": "operator", "data": {"prosumer": "P", "amount": 5}}}
    original = market.signed(bare, "operator")
    (first,) = await market.submit(original)
    (again,) = await market.submit(original)
    assert (first["status"], again) == ("committed", {**first, "duplicate": True})
    assert market.free("P") == 5_000_000


async def test_another_command_under_a_used_id_is_rejected_and_not_remembered(market: Market) -> None:
    await market.enter("P", funds="0")
    top_up = market.command("operator", "topUpAccount", prosumer="P", amount=5)
    other = {**top_up, "payload": {"prosumer": "operator", "data": {"prosumer": "P", "amount": 6}}}
    first, reused, again = await market.submit(top_up, market.signed(other, "operator"), top_up)
    assert (first["status"], reused["code"]) == ("committed", "COMMAND_ID_REUSED")
    assert again == {**first, "duplicate": True}
    assert market.free("P") == 5_000_000


async def test_ids_are_the_signers_own(market: Market) -> None:
    await market.enter("S", "T")
    await market.do("operator", "setTopology", edges=[["S", "T"]])
    await market.do("operator", "publishGame", game="g")
    offers = [market.command(name, "publishOffer", game="g", amount=1, price=1) for name in ("S", "T")]
    offers[1] = market.signed({**offers[1], "id": offers[0]["id"]}, "T")
    assert [r["status"] for r in await market.submit(*offers)] == ["committed", "committed"]


def tampered(market: Market) -> dict[str, dict[str, Any]]:
    """Forgeries of a top-up that the operator signed, and of what another signed."""
    honest = market.command("operator", "topUpAccount", prosumer="P", amount=5)
    data = {"prosumer": "P", "amount": 5_000}
    return {
        "changed data": {**honest, "payload": {"prosumer": "operator", "data": data}},
        "changed topic": {**honest, "topic": "resetMarket", "payload": {"prosumer": "operator", "data": {}}},
        "changed id": {**honest, "id": "00000000-0000-0000-0000-00000000ffff"},
        "dropped id": {key: value for key, value in honest.items() if key != "id"},
        "foreign key": market.signed(honest, "P"),
        "no signature": {**honest, "signature": ""},
        "no base64": {**honest, "signature": "?" * 88},
        "too short": {**honest, "signature": honest["signature"][:-8]},
        "another's": {**honest, "signature": market.command("operator", "resetMarket")["signature"]},
        "not ASCII": {**honest, "signature": "é" * 88},
    }


@pytest.mark.parametrize("forgery", tampered(Market()).keys())
async def test_a_forged_command_has_no_effect_and_leaves_no_trace(market: Market, forgery: str) -> None:
    await market.enter("P", funds="0")
    before = dict(market.state)
    (result,) = await market.submit(tampered(market)[forgery])
    assert (result["status"], result["code"]) == ("rejected", "BAD_SIGNATURE")
    assert market.state == before


async def test_who_is_not_registered_cannot_say_anything(market: Market) -> None:
    before = dict(market.state)
    (result,) = await market.submit(market.command("stranger", "publishOffer", game="g", amount=1, price=1))
    assert result["code"] == "UNKNOWN_SIGNER"
    assert market.state == before


async def test_a_transaction_has_one_event_or_none(market: Market) -> None:
    await market.enter("S", "B")
    assert market.events == []
    await market.do("operator", "setTopology", edges=[["S", "B"]])
    await market.submit(
        market.command("operator", "publishGame", deliverySlot="1"),
        market.command("operator", "publishGame", deliverySlot="1"),
        market.command("operator", "publishGame", deliverySlot="2"),
    )
    assert [event["deliverySlot"] for event in market.events] == ["1", "2"], "the stub refuses a second event"


async def test_a_duplicate_causes_no_event_again(market: Market) -> None:
    await market.do("operator", "setTopology", edges=[["S", "B"]])
    publish = market.command("operator", "publishGame")
    await market.submit(publish, publish)
    await market.submit(publish)
    assert len(market.events) == 1


async def test_a_command_delivered_again_after_its_signer_got_a_new_key_keeps_its_result(market: Market) -> None:
    await market.enter("Z001", funds="0")
    command = market.command("operator", "topUpAccount", prosumer="Z001", amount="5")
    (first,) = await market.submit(command)
    await market.do(
        "operator", "registerProsumer", id="operator", publicKey=market.public_key("another"), replaceKey=True
    )
    (again,) = await market.submit(command)
    assert again == {**first, "duplicate": True}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What transactions ask their ledger, question by question."""
    questions: list[str] = []
    for name in ("get", "get_many", "range", "between"):
        monkeypatch.setattr(DictStub, name, _noted(name, getattr(DictStub, name), questions))
    return questions


def _noted(name: str, ask: Callable[..., Any], questions: list[str]) -> Callable[..., Any]:
    async def noted(*arguments: Any) -> Any:
        questions.append(name)
        return await ask(*arguments)

    return noted


@pytest.mark.parametrize("topic", ["topUpAccount", "publishOffer", "publishDemand", "publishReadings"])
async def test_many_commands_ask_the_ledger_as_often_as_one(market: Market, asked: list[str], topic: str) -> None:
    """On Fabric every question is an exchange with the peer, while all others of the transaction wait."""
    names = [f"P{number}" for number in range(20)]
    await market.enter(*names)
    await market.do("operator", "setTopology", edges=[["P0", name] for name in names[1:]])
    if topic == "publishReadings":
        for name in names:
            meter = {"id": f"M-{name}", "publicKey": market.public_key(f"M-{name}")}
            await market.do("operator", "registerMeter", **meter, prosumer=name, powerKw="10")
    starts_ms = market.now_ms + 3_600_000
    game = (await market.do("operator", "publishGame", deliverySlot=iso_time(starts_ms)))["game"]
    if topic == "publishReadings":
        market.now_ms = starts_ms + 3_600_000

    def command(name: str) -> dict[str, Any]:
        reading = {"game": game, "inEnergy": "1", "outEnergy": "0"}
        signer, data = {
            "topUpAccount": ("operator", {"prosumer": name, "amount": "1"}),
            "publishOffer": (name, {"game": game, "amount": "1", "price": "0.1"}),
            "publishDemand": (name, {"game": game, "amount": "1"}),
            "publishReadings": (f"M-{name}", {"readings": [reading]}),
        }[topic]
        return market.command(signer, topic, **data)

    exchanges = []
    for some in (names[:1], names[1:]):
        asked.clear()
        assert all(result["status"] == "committed" for result in await market.submit(*map(command, some)))
        exchanges.append(len(asked))
    assert exchanges[0] == exchanges[1]


async def test_a_bid_asks_for_all_but_the_next_buyers_bid_at_once(market: Market, asked: list[str]) -> None:
    await market.enter("S1", "B1", "B2")
    game = await market.start_game({"S1": ("10", "0.1")}, {"B1": "2", "B2": "3"})
    turn = market.turn(game)
    assert turn is not None
    asked.clear()
    await market.do(turn["buyerInTurn"], "publishBuyBid", game=game, bidAmounts=market.best_reply(turn))
    assert asked == ["get_many", "get"]
