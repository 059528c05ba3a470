"""A command's form: every field that is wrong is named, and ids come from the sender or from the content."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode import Role, Topic, read_json, units
from energy_market_chaincode.commands import (
    COMMANDS,
    MAX_MEMBERS,
    PublishBuyBid,
    PublishGame,
    PublishOffer,
    SetTopology,
)
from energy_market_chaincode.signed_commands import (
    MAX_COMMAND_BYTES,
    Command,
    MalformedFields,
    parse_command,
    pass_on,
    read_command,
)

KEY = "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="


def command(topic: str, **data: Any) -> dict[str, Any]:
    return {"id": str(uuid.UUID(int=1)), "topic": topic, "payload": {"prosumer": "S001", "data": data}, "signature": ""}


def parsed(value: Any) -> Command:
    return parse_command(value)


def wrong_fields(value: Any) -> dict[str, str]:
    with pytest.raises(MalformedFields) as caught:
        parse_command(value)
    assert caught.value.code == "MALFORMED_COMMAND"
    assert all(problem.field in caught.value.message for problem in caught.value.fields)
    return {problem.field: problem.message for problem in caught.value.fields}


def test_every_topic_has_its_data_and_the_protocols_topics_are_the_operators() -> None:
    assert set(COMMANDS) == set(Topic)
    for_all = {topic for topic, data in COMMANDS.items() if data.by is None}
    trading = {"publishOffer", "publishDemand", "publishOrders", "publishBuyBid", "publishClearing"}
    assert for_all == trading | {"proveClearing", "stopGame", "publishMeterReading"}
    assert {topic for topic, data in COMMANDS.items() if data.by is Role.METER} == {"publishReadings"}
    assert {data.by for data in COMMANDS.values()} == {None, Role.OPERATOR, Role.METER}


def test_amounts_are_read_into_the_ledgers_integers() -> None:
    data = parsed(command("publishOffer", game="g", amount="36", price=0.08376051515357819)).data
    assert isinstance(data, PublishOffer)
    assert (data.amount, data.price) == (360_000, 83_760_515_153_578_190)


def test_the_defaults_of_a_game_are_the_original_systems() -> None:
    game = parsed(command("publishGame")).data
    assert isinstance(game, PublishGame)
    assert units.currency_per_kwh(game.fee_per_hop) == Decimal("0.02")


def test_all_wrong_fields_of_the_envelope_and_of_the_data_are_named_at_once() -> None:
    value = {
        "id": "no-uuid",
        "topic": "publishOffer",
        "payload": {"prosumer": "S 1", "data": {"game": "", "amount": -1, "price": "x", "colour": "red"}},
        "sender": "me",
    }
    assert set(wrong_fields(value)) == {
        "id", "signature", "sender", "payload.prosumer",
        "payload.data.game", "payload.data.amount", "payload.data.price", "payload.data.colour",
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, 5, "x", [], True])
def test_what_is_no_object_is_no_command(value: Any) -> None:
    assert list(wrong_fields(value)) == ["command"]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"topic": "buyEverything"}, "topic"),
        ({"topic": ["publishOffer"]}, "topic"),
        ({"topic": None}, "topic"),
        ({"payload": []}, "payload"),
        ({"payload": {"prosumer": "S001", "data": []}}, "payload.data"),
        ({"payload": {"prosumer": "S001"}}, "payload.data"),
        ({"payload": {"prosumer": "S" * 65, "data": {}}}, "payload.prosumer"),
        ({"payload": {"prosumer": "../x", "data": {}}}, "payload.prosumer"),
        ({"payload": {"prosumer": "S001\n", "data": {}}}, "payload.prosumer"),
        ({"signature": None}, "signature"),
        ({"signature": "x" * 129}, "signature"),
        ({"id": 7}, "id"),
        ({"\ud800": 1}, "command"),
    ],
)
def test_a_wrong_envelope_is_named(value: dict[str, Any], field: str) -> None:
    assert field in wrong_fields({**command("resetMarket"), **value})


@pytest.mark.parametrize(
    ("topic", "data", "field"),
    [
        ("registerProsumer", {"id": "x", "publicKey": "short"}, "publicKey"),
        ("registerProsumer", {"id": "x", "publicKey": "!" * 44}, "publicKey"),
        ("registerProsumer", {"id": "x", "publicKey": KEY, "role": "king"}, "role"),
        ("registerProsumer", {"id": "x", "publicKey": KEY, "totalProduction": "-1"}, "totalProduction"),
        ("registerProsumer", {"id": "x", "publicKey": KEY, "replaceKey": "yes"}, "replaceKey"),
        ("registerProsumer", {"id": "x", "publicKey": KEY, "replaceKey": True, "role": "operator"}, ""),
        ("registerProsumer", {"id": "x", "publicKey": KEY, "replaceKey": True, "totalProduction": 1}, ""),
        ("setTopology", {}, ""),
        ("setTopology", {"edges": [["a", "b"]], "hops": {"a": {"b": 1}}}, ""),
        ("setTopology", {"edges": []}, "edges"),
        ("setTopology", {"edges": [["a", "b", "c"]]}, "edges.0"),
        ("setTopology", {"edges": [["a", "/"]]}, "edges.0.1"),
        ("setTopology", {"hops": {}}, "hops"),
        ("setTopology", {"hops": {"a": {"b": -1}}}, "hops.a.b"),
        ("setTopology", {"hops": {"a": {"b": 1.0}}}, "hops.a.b"),
        ("setTopology", {"hops": {"a": {"b": 1001}}}, "hops.a.b"),
        ("topUpAccount", {"prosumer": "x", "amount": 0}, "amount"),
        ("topUpAccount", {"prosumer": "x", "amount": "0.0000001"}, "amount"),
        ("topUpAccount", {"prosumer": "x", "amount": "1000000001"}, "amount"),
        ("publishGame", {"registrationDurationMs": 0}, "registrationDurationMs"),
        ("publishGame", {"registrationDurationMs": "60000"}, "registrationDurationMs"),
        ("publishGame", {"roundLimit": 0}, "roundLimit"),
        ("publishGame", {"expectedParticipants": 1}, "expectedParticipants"),
        ("publishGame", {"tolerance": "1.1"}, "tolerance"),
        ("publishGame", {"feePerHop": "-0.01"}, "feePerHop"),
        ("publishGame", {"mechanism": "auction"}, "mechanism"),
        ("publishGame", {"turnDeadlineMs": 10**12}, "turnDeadlineMs"),
        ("publishOffer", {"game": "g", "amount": 0, "price": 1}, "amount"),
        ("publishOffer", {"game": "g", "amount": 1, "price": 0}, "price"),
        ("publishOffer", {"game": "g", "amount": "0.00001", "price": 1}, "amount"),
        ("publishOffer", {"game": "g", "amount": 1e400, "price": 1}, "amount"),
        ("publishOffer", {"game": "g", "amount": float("nan"), "price": 1}, "amount"),
        ("publishOffer", {"game": "g", "amount": True, "price": 1}, "amount"),
        ("publishOffer", {"game": "g", "amount": 1, "price": "1000001"}, "price"),
        ("publishDemand", {"game": "g", "amount": "1000000001"}, "amount"),
        ("publishDemand", {"game": "g"}, "amount"),
        ("publishBuyBid", {"game": "g"}, ""),
        ("publishBuyBid", {"game": "g", "bidAmounts": {"s": 1}, "keepPlaying": False}, ""),
        ("publishBuyBid", {"game": "g", "bidAmounts": {"s": "-1"}}, "bidAmounts.s"),
        ("publishBuyBid", {"game": "g", "bidAmounts": {"s/x": 1}}, "bidAmounts.s/x"),
        ("publishBuyBid", {"game": "g", "bidAmounts": [1]}, "bidAmounts"),
        ("skipTurn", {"game": "g", "buyer": "b", "round": 0}, "round"),
        ("publishMeterReading", {"game": "g", "sequence": -1, "inEnergy": 0, "outEnergy": 0}, "sequence"),
        ("publishMeterReading", {"game": "g", "sequence": 2**53, "inEnergy": 0, "outEnergy": 0}, "sequence"),
        ("publishMeterReading", {"game": "g", "sequence": 1, "inEnergy": -1, "outEnergy": 0}, "inEnergy"),
        ("closeMarket", {"game": "g" * 65}, "game"),
        ("resetMarket", {"game": "g"}, "game"),
    ],
)
def test_wrong_data_is_named(topic: str, data: dict[str, Any], field: str) -> None:
    assert f"payload.data.{field}".rstrip(".") in wrong_fields(command(topic, **data))


def test_a_command_longer_than_the_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    row = {f"s{n:063}": 0 for n in range(14_000)}
    fits = command("publishBuyBid", game="g", bidAmounts=row)
    assert MAX_COMMAND_BYTES * 0.9 < len(parsed(fits).signed) <= MAX_COMMAND_BYTES
    too_long = command("publishBuyBid", game="g", bidAmounts={**row, **{f"t{n:063}": 0 for n in range(2_000)}})
    assert "bytes" in wrong_fields(too_long)["command"]


def test_a_flood_of_strange_members_is_one_problem_and_a_few_are_named_each() -> None:
    few = wrong_fields({**command("resetMarket"), **{f"x{n}": 1 for n in range(MAX_MEMBERS - 4)}})
    assert few.keys() == {f"x{n}" for n in range(MAX_MEMBERS - 4)}
    many = {**command("resetMarket"), **{f"x{n}": 1 for n in range(5_000)}}
    assert wrong_fields(many) == {"command": "has 5004 members, more than the 50 that are looked at"}
    readings = [{"game": "g", "inEnergy": 1, "outEnergy": 1}] * 15 + [{f"x{n}": 1 for n in range(51)}]
    assert wrong_fields(command("publishReadings", readings=readings)).keys() == {"payload.data.readings.15"}


def test_no_part_has_half_as_many_members_as_are_looked_at() -> None:
    assert max(len(model.model_fields) for model in COMMANDS.values()) <= MAX_MEMBERS / 2


GOOD_READING = {"game": "g", "inEnergy": "1", "outEnergy": "0"}
LARGE = {
    "edges": ("setTopology", {"edges": [["a", "b"]] * 150 + [["a", "b/c"]] * 9_850}, "edges.150.1"),
    "hops": (
        "setTopology",
        {"hops": {f"b{n}": {f"s{m}": -(n > 5) for m in range(90)} for n in range(90)}},
        "hops.b6.s0",
    ),
    "prices": ("publishClearing", {"prices": {f"s{n}": -(n >= 130) for n in range(9_000)}}, "prices.s130"),
    "corrections": (
        "publishClearing",
        {"corrections": {f"b{n}": {f"s{m}": -(n > 3) for m in range(200)} for n in range(90)}},
        "corrections.b4.s0",
    ),
    "bids": ("publishBuyBid", {"bidAmounts": {f"s{n}": -(n >= 200) for n in range(9_000)}}, "bidAmounts.s200"),
    "tariffs": ("setTariffs", {"tariffs": [{"from": 7}] * 9_000}, "tariffs.0.from"),
    "readings": ("publishReadings", {"readings": [GOOD_READING] * 15 + [{}] * 900}, "readings.15.inEnergy"),
    "registers": ("publishReadings", {"registers": [[]] * 900}, "registers.0"),
    "orders": ("publishOrders", {"orders": [{"game": "g"}] * 25 + [{"game": 1}] * 170}, "orders.25.game"),
}


@pytest.mark.parametrize(("topic", "data", "first"), LARGE.values(), ids=LARGE)
def test_a_large_container_is_looked_at_no_further_than_where_it_is_wrong(
    topic: str, data: dict[str, Any], first: str
) -> None:
    about = {"game": "g", "arena": "0" * 64, "prices": {"s": 1}} if topic == "publishClearing" else {}
    about = {"game": "g"} if topic == "publishBuyBid" else about
    with pytest.raises(MalformedFields) as caught:
        parse_command(command(topic, **about | data))
    assert caught.value.fields[0].field == f"payload.data.{first}"
    if caught.value.fields[-1].field == "command":
        assert int(caught.value.fields[-1].message.split()[1]) <= 100, "more was looked at than a piece"


TOO_LONG = {
    "edges": ("setTopology", {"edges": [["a", "b"]] * 100_001}, "List should have at most 100000 items"),
    "tariffs": ("setTariffs", {"tariffs": [1] * 10_001}, "List should have at most 10000 items"),
    "readings": ("publishReadings", {"readings": [1] * 1_001}, "List should have at most 1000 items"),
    "registers": ("publishReadings", {"registers": [1] * 1_001}, "List should have at most 1000 items"),
    "orders": ("publishOrders", {"orders": [1] * 201}, "List should have at most 200 items"),
    "corrections": (
        "publishClearing",
        {"game": "g", "arena": "0" * 64, "prices": {"s": 1}, "corrections": {f"b{n}": 1 for n in range(1_001)}},
        "Dictionary should have at most 1000 items",
    ),
}


@pytest.mark.parametrize(("field", "case"), TOO_LONG.items(), ids=TOO_LONG)
def test_what_is_too_long_is_not_looked_at_any_further(field: str, case: tuple[str, dict[str, Any], str]) -> None:
    topic, data, said = case
    (problem,) = wrong_fields(command(topic, **data)).items()
    assert problem[0] == f"payload.data.{field}"
    assert problem[1].startswith(said)


def test_a_large_container_is_read_as_a_small_one() -> None:
    hops = {f"b{n}": {f"s{m}": (n + m) % 9 for m in range(150)} for n in range(150)}
    table = parsed(command("setTopology", hops=hops)).data
    assert isinstance(table, SetTopology)
    assert table.hops == hops
    edges = [[f"a{n}", f"b{n}"] for n in range(250)]
    graph = parsed(command("setTopology", edges=edges)).data
    assert isinstance(graph, SetTopology)
    assert graph.edges == [tuple(edge) for edge in edges]


def test_an_id_is_the_senders_however_it_is_written() -> None:
    told = uuid.UUID(int=77)
    for written in (str(told), str(told).upper(), told.hex, told.urn):
        assert parsed({**command("resetMarket"), "id": written}).id == str(told)


def test_without_an_id_the_content_makes_it() -> None:
    one, same, other = (
        command("closeMarket", game="g"),
        command("closeMarket", game="g"),
        command("closeMarket", game="h"),
    )
    for value in (one, same, other):
        del value["id"]
    same["signature"] = "other"
    assert parsed(one).id == parsed(same).id != parsed(other).id
    assert uuid.UUID(parsed(one).id).version == 5
    assert parsed(one).signed == b'{"payload":{"data":{"game":"g"},"prosumer":"S001"},"topic":"closeMarket"}'


def test_the_signature_covers_id_topic_and_payload() -> None:
    value = command("closeMarket", game="g")
    changed: list[dict[str, Any]] = [
        {**value, "id": str(uuid.UUID(int=2))},
        {**value, "topic": "stopGameRegistration"},
        {**value, "payload": {**value["payload"], "prosumer": "S002"}},
        command("closeMarket", game="h"),
    ]
    assert len({parsed(v).signed for v in (value, *changed)}) == 5
    assert parsed({**value, "signature": "x"}).signed == parsed(value).signed


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,10}", fullmatch=True), st.integers(0, 10**13)))
def test_a_bid_is_the_same_whether_its_amounts_are_strings_or_numbers(amounts: dict[str, int]) -> None:
    as_strings = {seller: str(units.kwh(energy)) for seller, energy in amounts.items()}
    as_numbers = {seller: float(units.kwh(energy)) for seller, energy in amounts.items()}
    for written in (as_strings, as_numbers):
        data = parsed(command("publishBuyBid", game="g", bidAmounts=written)).data
        assert isinstance(data, PublishBuyBid)
        assert data.bid_amounts == amounts


def test_a_text_that_was_passed_on_is_not_read_twice() -> None:
    first = parsed(command("resetMarket"))
    pass_on(first)
    assert read_command(first.text) is first
    again = read_command(first.text)
    assert again is not first
    assert (again.id, again.signed, again.data, again.text) == (first.id, first.signed, first.data, first.text)


def test_what_is_passed_on_and_never_read_takes_no_memory_for_ever() -> None:
    orders = [{"game": f"g{number}", "demand": {"amount": "0.1234"}} for number in range(200)]
    given = [parsed({**command("publishOrders", orders=orders), "id": str(uuid.UUID(int=n))}) for n in range(400)]
    for each in given:
        pass_on(each)
    kept = [each for each in given if read_command(each.text) is each]
    assert kept == given[-len(kept) :], "the newest stay"
    assert 500_000 < sum(len(each.text) for each in kept) < 1_600_000
    endless = parsed(command("setTopology", edges=[["hub", f"node-{number}"] for number in range(2000)]))
    pass_on(endless)
    assert read_command(endless.text) is not endless


def test_a_commands_text_is_its_canonical_json_with_the_signature() -> None:
    said = {**command("publishDemand", amount="1", game="g"), "signature": 'a"\u00fc'}
    text = parsed(said).text
    assert read_json(text) == said
    assert text.startswith('{"id":"')
