"""POST /queue: what is taken, what is refused, and that nothing is taken twice."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import simplejson

from energy_market_chaincode import iso
from ledger import LedgerUnavailable


async def test_a_command_gets_a_receipt_and_takes_effect(queue: Any, operator: Any) -> None:
    command = operator.top_up("5")
    answer = await queue.post(command)
    assert answer.status_code == 202
    href = f"/queue/{command['id']}?prosumer=operator"
    assert answer.json() == {"id": command["id"], "status": "queued", "href": href}
    assert answer.headers["Location"] == href
    status = await queue.result(command["id"])
    assert status["status"] == "committed"
    assert status["topic"] == "topUpAccount"
    assert status["prosumer"] == "operator"
    assert status["block"] == 1
    assert status["transaction"]
    assert status["error"] is None
    assert await queue.ledger.money() == 5


async def test_the_same_command_again_gets_the_same_receipt_and_counts_once(queue: Any, operator: Any) -> None:
    command = operator.top_up("5")
    first = await queue.post(command)
    await queue.result(command["id"])
    again = await queue.post(command)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    await queue.do(operator.top_up("1"))
    assert await queue.ledger.money() == 6
    assert sum(command["id"] in batch for batch in queue.ledger.batches) == 1


async def test_another_command_under_the_same_id_is_refused(queue: Any, operator: Any) -> None:
    command = operator.top_up("5")
    await queue.post(command)
    other = operator.signed({**operator.top_up("6"), "id": command["id"]})
    answer = await queue.post(other)
    assert answer.status_code == 409
    assert answer.json()["code"] == "COMMAND_ID_REUSED"


async def test_a_command_that_is_signed_anew_with_another_end_is_the_same_and_counts_once(
    queue: Any, operator: Any
) -> None:
    first, later = (ending(operator, timedelta(hours=hours)) for hours in (1, 2))
    later = operator.signed({**later, "id": first["id"]})
    receipts = [(await queue.post(command)).json() for command in (first, later)]
    assert receipts[0] == receipts[1]
    assert (await queue.result(first["id"]))["status"] == "committed"
    assert await queue.ledger.money() == 1


async def test_a_command_that_ended_before_the_ledger_could_take_it_is_told_and_may_be_given_anew(
    queue: Any, operator: Any
) -> None:
    late = ending(operator, timedelta(minutes=-5))
    await queue.post(late)
    status = await queue.result(late["id"])
    assert (status["status"], status["error"]["code"]) == ("rejected", "COMMAND_EXPIRED")
    anew = operator.signed({**ending(operator, timedelta(hours=1)), "id": late["id"]})
    await queue.do(anew)
    assert await queue.ledger.money() == 1


def ending(operator: Any, after: timedelta) -> Any:
    command = operator.top_up()
    command["payload"]["validUntil"] = iso(datetime.now(UTC) + after)
    return operator.signed(command)


async def test_two_posts_of_the_same_command_at_once_count_once(queue: Any, operator: Any) -> None:
    command = operator.top_up("5")
    answers = await asyncio.gather(*(queue.post(command) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    await queue.result(command["id"])
    assert await queue.ledger.money() == 5
    assert queue.ledger.batches == [[command["id"]]]


async def test_of_two_commands_posted_at_once_under_one_id_one_is_taken(queue: Any, operator: Any) -> None:
    command = operator.top_up("5")
    other = operator.signed({**operator.top_up("6"), "id": command["id"]})
    answers = await asyncio.gather(queue.post(command), queue.post(other))
    assert sorted(answer.status_code for answer in answers) == [202, 409]


async def test_two_signers_may_use_the_same_id(queue: Any, operator: Any, signer: Callable[[str], Any]) -> None:
    second = signer("second")
    await queue.do(operator.register(second, role="operator"))
    command = operator.top_up("5")
    other = second.signed({**second.top_up("6"), "id": command["id"]})
    assert (await queue.post(command)).status_code == 202
    assert (await queue.post(other)).status_code == 202
    statuses = [await queue.result(command["id"], prosumer=who) for who in ("operator", "second")]
    assert [status["prosumer"] for status in statuses] == ["operator", "second"]
    assert await queue.ledger.money() == 11
    ambiguous = await queue.http.get(f"/queue/{command['id']}")
    assert ambiguous.status_code == 422
    assert ambiguous.json()["errors"][0]["field"] == "prosumer"


async def test_a_command_without_id_gets_one_from_its_content(queue: Any, operator: Any) -> None:
    body = operator.signed(
        {
            "topic": "topUpAccount",
            "payload": {"prosumer": "operator", "data": {"prosumer": "grid-operator", "amount": 3}},
        }
    )
    first, again = (await queue.post(body)).json(), (await queue.post(body)).json()
    assert uuid.UUID(first["id"]).version == 5
    assert first == again
    await queue.result(first["id"])
    assert await queue.ledger.money() == 3


async def test_an_array_gets_a_receipt_or_a_problem_for_each_command(queue: Any, operator: Any) -> None:
    good, forged, misshapen = operator.top_up("5"), {**operator.top_up("7"), "signature": "AAAA"}, {"topic": "gossip"}
    reused = operator.signed({**operator.top_up("9"), "id": good["id"]})
    answer = await queue.post([good, forged, misshapen, good, reused, 7])
    assert answer.status_code == 207
    elements = answer.json()
    assert [element["status"] for element in elements] == ["queued", 401, 422, "queued", 409, 422]
    codes = [element.get("code") for element in elements]
    assert codes == [None, "BAD_SIGNATURE", "MALFORMED_COMMAND", None, "COMMAND_ID_REUSED", "MALFORMED_COMMAND"]
    await queue.result(good["id"])
    assert await queue.ledger.money() == 5


async def test_an_array_of_good_commands_goes_into_one_transaction_in_its_order(queue: Any, operator: Any) -> None:
    commands = [operator.top_up() for _ in range(20)]
    statuses = await queue.do(*commands)
    assert queue.ledger.batches == [[command["id"] for command in commands]]
    assert len({status["transaction"] for status in statuses}) == 1


@pytest.mark.parametrize("count", [0, 1001])
async def test_an_array_of_no_or_too_many_commands_is_refused(queue: Any, operator: Any, count: int) -> None:
    answer = await queue.post([operator.top_up()] * count)
    assert answer.status_code == 422
    assert answer.json()["code"] == "MALFORMED_COMMAND"
    assert answer.json()["errors"][0]["field"] == "commands"


async def test_a_full_queue_says_when_to_come_again_and_takes_more_once_it_drained(running: Any, operator: Any) -> None:
    async with running(queue_capacity=3) as queue:
        queue.ledger.is_open.clear()
        commands = [operator.top_up() for _ in range(5)]
        answer = await queue.post(commands)
        assert answer.status_code == 207
        assert [element["status"] for element in answer.json()] == ["queued", "queued", "queued", 429, 429]
        assert answer.headers["Retry-After"] == "60", "nothing was decided yet"
        single = await queue.post(commands[3])
        assert (single.status_code, single.json()["code"]) == (429, "QUEUE_FULL")
        assert single.headers["Retry-After"] == "60"
        assert (await queue.post(commands[0])).status_code == 202, "what was taken before keeps its receipt"
        queue.ledger.is_open.set()
        await queue.result(commands[2]["id"])
        await queue.do(*commands[3:])
        assert await queue.ledger.money() == 5


async def test_an_empty_array_is_refused(queue: Any) -> None:
    answer = await queue.post([])
    assert (answer.status_code, answer.json()["code"]) == (422, "MALFORMED_COMMAND")
    assert answer.json()["detail"] == "Post something: an array has 1 to 1000 commands, this one 0."


async def test_one_who_is_not_registered_is_refused(queue: Any, signer: Callable[[str], Any]) -> None:
    answer = await queue.post(signer("stranger").top_up())
    assert (answer.status_code, answer.json()["code"]) == (401, "UNKNOWN_SIGNER")
    assert queue.ledger.batches == []


async def test_one_who_signs_for_another_is_refused(queue: Any, operator: Any, signer: Callable[[str], Any]) -> None:
    answer = await queue.post(signer("stranger").signed(operator.top_up()))
    assert (answer.status_code, answer.json()["code"]) == (401, "BAD_SIGNATURE")
    assert queue.ledger.batches == []


@pytest.mark.parametrize(
    "change",
    [
        lambda command: command["payload"]["data"].update(amount="1000"),
        lambda command: command.update(id=str(uuid.uuid4())),
        lambda command: command.update(topic="resetMarket") or command["payload"].update(data={}),
        lambda command: command.pop("id"),
    ],
    ids=["amount", "id", "topic", "without id"],
)
async def test_a_command_that_was_changed_after_signing_is_refused(queue: Any, operator: Any, change: Any) -> None:
    command = operator.top_up()
    change(command)
    answer = await queue.post(command)
    assert (answer.status_code, answer.json()["code"]) == (401, "BAD_SIGNATURE")


async def test_a_replaced_key_is_known_at_once_and_the_old_one_no_longer_works(
    queue: Any, operator: Any, signer: Callable[[str], Any]
) -> None:
    prosumer, thief = signer("P1"), signer("P1 with a new key")
    thief.name = "P1"
    await queue.do(operator.register(prosumer))
    publish = prosumer.publish_game("G")
    assert (await queue.post(publish)).status_code == 202
    assert (await queue.result(publish["id"]))["error"]["code"] == "OPERATORS_ONLY"
    await queue.do(operator.register(thief, replaceKey=True))
    renewed = thief.publish_game("G")
    assert (await queue.post(renewed)).status_code == 202
    assert (await queue.result(renewed["id"]))["error"]["code"] == "OPERATORS_ONLY"
    assert (await queue.post(prosumer.publish_game("G"))).json()["code"] == "BAD_SIGNATURE"


async def test_the_contract_has_the_last_word_on_a_signature(
    queue: Any, operator: Any, signer: Callable[[str], Any]
) -> None:
    prosumer, renewed = signer("P1"), signer("P1 with a new key")
    renewed.name = "P1"
    await queue.do(operator.register(prosumer))
    await queue.post(prosumer.publish_game("G"))  # now the queue knows the key
    await queue.do(operator.register(renewed, replaceKey=True))
    stale = prosumer.publish_game("G")
    assert (await queue.post(stale)).status_code == 202
    assert (await queue.result(stale["id"]))["error"]["code"] == "BAD_SIGNATURE"
    assert (await queue.post(prosumer.publish_game("G"))).status_code == 401, "the queue learnt from it"


async def test_keys_are_asked_for_once(queue: Any, operator: Any) -> None:
    await queue.do(operator.top_up())
    await queue.do(*(operator.top_up() for _ in range(5)))
    assert [query for query in queue.ledger.queries if query[0].startswith("prosumer")] == [("prosumer", "operator")]


async def test_without_a_ledger_a_known_signer_is_served_and_an_unknown_one_told_to_come_again(
    queue: Any, operator: Any, signer: Callable[[str], Any]
) -> None:
    await queue.do(operator.top_up())
    queue.ledger.is_away = True
    queue.ledger.faults = [LedgerUnavailable("away")] * 3
    assert (await queue.post(operator.top_up())).status_code == 202
    answer = await queue.post(signer("P1").top_up())
    assert (answer.status_code, answer.json()["code"]) == (503, "LEDGER_UNAVAILABLE")
    assert answer.headers["Retry-After"]


async def test_a_rejected_command_says_why(queue: Any, operator: Any) -> None:
    command = operator.command("closeMarket", game="nowhere")
    await queue.post(command)
    status = await queue.result(command["id"])
    assert status["status"] == "rejected"
    assert status["error"]["code"] == "UNKNOWN_GAME"
    assert "nowhere" in status["error"]["message"]
    assert status["result"] is None


BAD_BODIES = {
    "nothing": (b"", 400, "MALFORMED_JSON"),
    "half an object": (b'{"topic":', 400, "MALFORMED_JSON"),
    "NaN": (b'{"topic": NaN}', 400, "MALFORMED_JSON"),
    "Infinity": (b'[{"topic": -Infinity}]', 400, "MALFORMED_JSON"),
    "a repeated key": (b'{"topic": "a", "topic": "b"}', 400, "MALFORMED_JSON"),
    "no UTF-8": (b'{"topic": "\xff"}', 400, "MALFORMED_JSON"),
    "an integer of 5000 digits": (b'{"id": ' + b"9" * 5000 + b"}", 400, "MALFORMED_JSON"),
    "nesting without end": (b"[" * 100_000 + b"]" * 100_000, 400, "MALFORMED_JSON"),
    "nested objects": (b'{"payload":' * 5000 + b"1" + b"}" * 5000, 400, "MALFORMED_JSON"),
    "a number": (b"1", 422, "MALFORMED_COMMAND"),
    "null": (b"null", 422, "MALFORMED_COMMAND"),
    "a text": (b'"publishOffer"', 422, "MALFORMED_COMMAND"),
    "an empty object": (b"{}", 422, "MALFORMED_COMMAND"),
    "a lone surrogate in a name": (b'{"\\ud800": 1}', 422, "MALFORMED_COMMAND"),
    "a lone surrogate in an id": (b'{"id": "\\udfff"}', 422, "MALFORMED_COMMAND"),
    "very many lists": (b"[" + b"[]," * 200_000 + b"[]]", 413, "BODY_TOO_LARGE"),
    "very many numbers": (b"[" + b"0.1," * 400_000 + b"1]", 413, "BODY_TOO_LARGE"),
    "very many members": (b"[" + b'{"a":1},' * 130_000 + b"1]", 413, "BODY_TOO_LARGE"),
    "10 MB": (b'"' + b"x" * 10_000_000 + b'"', 413, "BODY_TOO_LARGE"),
}


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_no_command_gets_its_problem(queue: Any, body: bytes, status: int, code: str) -> None:
    answer = await queue.http.post("/queue", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "not a uuid"}, "id"),
        ({"id": 7}, "id"),
        ({"topic": "publishGossip"}, "topic"),
        ({"topic": None}, "topic"),
        ({"payload": []}, "payload"),
        ({"payload": {"prosumer": "operator", "data": {"prosumer": "P1", "amount": "-1"}}}, "payload.data.amount"),
        ({"payload": {"prosumer": "operator", "data": {"prosumer": "P1", "amount": 1e300}}}, "payload.data.amount"),
        ({"payload": {"prosumer": "operator", "data": {"prosumer": "P1", "amount": "NaN"}}}, "payload.data.amount"),
        (
            {"payload": {"prosumer": "operator", "data": {"prosumer": "P1", "amount": "0.0000001"}}},
            "payload.data.amount",
        ),
        ({"payload": {"prosumer": "operator", "data": {"prosumer": "P1", "amount": True}}}, "payload.data.amount"),
        ({"payload": {"prosumer": "../etc", "data": {}}}, "payload.prosumer"),
        ({"payload": {"prosumer": "operator", "data": {}, "extra": 1}}, "payload.extra"),
        ({"extra": 1}, "extra"),
        ({"signature": "A" * 1000}, "signature"),
        ({"signature": None}, "signature"),
    ],
)
async def test_each_wrong_field_is_named(queue: Any, operator: Any, change: dict[str, Any], field: str) -> None:
    answer = await queue.post({**operator.top_up(), **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "MALFORMED_COMMAND")
    assert field in [error["field"] for error in answer.json()["errors"]]


async def test_a_command_with_very_many_wrong_fields_gets_a_bounded_answer(queue: Any, operator: Any) -> None:
    answer = await queue.post({**operator.top_up(), **{f"x{number}": 1 for number in range(5000)}})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "command", "message": "has 5004 members, more than the 50 that are looked at"}
    ]


async def test_of_many_wrong_commands_the_first_ones_are_told_in_full(queue: Any, operator: Any) -> None:
    wrong = operator.command("publishBuyBid", game="G", bidAmounts={f"S{number}": -1 for number in range(90)})
    answers = (await queue.post([wrong] * 200)).json()
    assert len(answers) == 200
    assert [len(answer["errors"]) for answer in (answers[0], answers[-1])] == [90, 2]
    assert answers[-1]["errors"][0]["field"] == "payload.data.bidAmounts.S0"
    assert "send it alone" in answers[-1]["errors"][1]["message"]


async def test_a_command_larger_than_the_contract_takes_is_refused(queue: Any, operator: Any) -> None:
    edges = [[f"node-{number}-{'x' * 20}", "hub"] for number in range(30_000)]
    answer = await queue.post(operator.command("setTopology", edges=edges))
    assert (answer.status_code, answer.json()["code"]) == (422, "MALFORMED_COMMAND")


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", "", "multipart/form-data"])
async def test_a_body_that_does_not_say_it_is_json_is_refused(queue: Any, operator: Any, media_type: str) -> None:
    body = simplejson.dumps(operator.top_up())
    answer = await queue.http.post("/queue", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/queue"), ("DELETE", "/queue"), ("POST", "/games"), ("PATCH", "/blocks")]
)
async def test_a_wrong_method_is_refused(queue: Any, method: str, path: str) -> None:
    answer = await queue.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_a_queue_that_is_being_stopped_takes_nothing_more(queue: Any, operator: Any) -> None:
    queue.app.state.stopping.set()
    answer = await queue.post(operator.top_up())
    assert (answer.status_code, answer.json()["code"]) == (503, "SHUTTING_DOWN")
    assert answer.headers["Retry-After"]


async def test_an_array_that_waits_is_answered_with_every_decision(queue: Any, operator: Any) -> None:
    commands = [operator.top_up("5"), operator.command("closeMarket", game="none")]
    answer = await queue.post(commands, wait=60)
    assert answer.status_code == 200
    assert [each["status"] for each in answer.json()] == ["committed", "rejected"]
    assert [each["id"] for each in answer.json()] == [command["id"] for command in commands]
    again = await queue.post(commands, wait=60)
    assert again.json() == answer.json()


async def test_an_array_that_waits_in_vain_is_answered_with_receipts(queue: Any, operator: Any) -> None:
    done = operator.top_up("5")
    await queue.do(done)
    queue.ledger.is_open.clear()
    late, bad = operator.top_up("6"), {**operator.top_up("7"), "signature": "bad"}
    answer = await queue.post([done, late, bad], wait=0.05)
    assert answer.status_code == 207
    statuses = [each["status"] for each in answer.json()]
    assert statuses[:2] == ["committed", "queued"]
    assert statuses[2] in (401, 403, 422)
    queue.ledger.is_open.set()
    assert (await queue.result(late["id"]))["status"] == "committed"
