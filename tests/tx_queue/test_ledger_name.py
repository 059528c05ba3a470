"""The ledger that a command names, at the queue's door: only commands for the one behind it come in."""

from collections.abc import Awaitable, Callable
from typing import Any


def naming(signer: Any, ledger: str, command: dict[str, Any]) -> dict[str, Any]:
    """The same command for a ledger."""
    return dict(signer.signed({**command, "payload": {**command["payload"], "ledger": ledger}}))


async def test_a_command_that_names_this_ledger_is_taken(queue: Any, operator: Any) -> None:
    ledger = (await queue.http.get("/market")).json()["ledger"]
    (first_block,) = (await queue.http.get("/blocks/0")).json()["transactions"]
    assert ledger == first_block["id"]
    (status,) = await queue.do(naming(operator, ledger, operator.top_up("5")))
    assert status["status"] == "committed"


async def test_a_command_for_another_ledger_is_refused_at_the_door_and_its_id_stays_free(
    queue: Any, operator: Any, signer: Callable[[str], Any]
) -> None:
    foreign = naming(operator, "another", operator.top_up("5"))
    stranger = signer("stranger")
    answer = await queue.post(foreign)
    assert (answer.status_code, answer.json()["code"]) == (409, "LEDGER_DIFFERS")
    ledger = (await queue.http.get("/market")).json()["ledger"]
    assert {"another", ledger} <= set(answer.json()["detail"].replace(";", " ").replace(".", " ").split())
    mixed = await queue.post([foreign, operator.top_up("1"), naming(stranger, "another", stranger.top_up())])
    assert [element.get("code") for element in mixed.json()] == ["LEDGER_DIFFERS", None, "LEDGER_DIFFERS"]
    await queue.do(naming(operator, ledger, foreign))
    assert await queue.ledger.money() == 6
    assert (await queue.post(foreign)).json()["code"] == "LEDGER_DIFFERS"


async def test_the_door_asks_for_the_ledger_s_id_once(queue: Any, operator: Any) -> None:
    ledger = (await queue.http.get("/market")).json()["ledger"]
    await queue.do(naming(operator, ledger, operator.top_up()))
    queue.ledger.queries.clear()
    await queue.do(*(naming(operator, ledger, operator.top_up()) for _ in range(3)), operator.top_up())
    assert queue.ledger.queries == []


async def test_the_door_notices_a_ledger_that_was_made_anew_beneath_it(
    queue: Any, operator: Any, new_ledger: Callable[[], Awaitable[Any]]
) -> None:
    old = (await queue.http.get("/market")).json()["ledger"]
    await queue.do(naming(operator, old, operator.top_up()))
    queue.ledger.ledger = (await new_ledger()).ledger
    new = (await queue.http.get("/market")).json()["ledger"]
    assert new != old
    late = naming(operator, old, operator.top_up())
    assert (await queue.post(late)).status_code == 202, "the queue knows no better yet"
    assert (await queue.result(late["id"]))["error"]["code"] == "LEDGER_DIFFERS"
    await queue.do(naming(operator, new, operator.top_up("3")))
    assert (await queue.post(naming(operator, old, operator.top_up()))).json()["code"] == "LEDGER_DIFFERS"
    assert await queue.ledger.money() == 3
    await queue.ledger.ledger.close()


async def test_a_ledger_that_cannot_be_asked_for_its_id_is_unavailable(queue: Any, operator: Any) -> None:
    queue.ledger.is_away = True
    answer = await queue.post(naming(operator, "any", operator.top_up()))
    assert (answer.status_code, answer.json()["code"]) == (503, "LEDGER_UNAVAILABLE")
