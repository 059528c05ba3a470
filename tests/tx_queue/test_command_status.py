"""GET /queue and GET /queue/{id}: what became of a command, and how much waits."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ledger import LedgerUnavailable


async def test_who_waits_gets_the_decision_when_it_is_there(queue: Any, operator: Any) -> None:
    queue.ledger.is_open.clear()
    command = operator.top_up()
    await queue.post(command)
    waiting = asyncio.create_task(queue.result(command["id"]))
    await queue.ledger.called.wait()
    assert not waiting.done()
    queue.ledger.is_open.set()
    assert (await waiting)["status"] == "committed"


async def test_who_waits_in_vain_gets_what_is_known(queue: Any, operator: Any) -> None:
    queue.ledger.is_open.clear()
    command = operator.top_up()
    await queue.post(command)
    answer = await queue.http.get(f"/queue/{command['id']}", params={"wait": 0.01})
    assert answer.json()["status"] in ("queued", "submitted")
    assert answer.json()["transaction"] is None


async def test_who_waits_is_answered_when_the_service_stops(queue: Any, operator: Any) -> None:
    queue.ledger.is_open.clear()
    command = operator.top_up()
    await queue.post(command)
    await queue.ledger.called.wait()
    waiting = asyncio.create_task(queue.result(command["id"]))
    await asyncio.sleep(0)
    queue.app.state.stopping.set()
    assert (await waiting)["status"] == "submitted"


async def test_a_command_nobody_posted_is_unknown(queue: Any) -> None:
    answer = await queue.http.get(f"/queue/{uuid.uuid4()}", params={"wait": 60})
    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_COMMAND")


async def test_an_id_is_found_in_every_spelling_of_the_uuid(queue: Any, operator: Any) -> None:
    command = operator.top_up()
    await queue.do(command)
    answer = await queue.http.get(f"/queue/{command['id'].upper()}")
    assert answer.json()["id"] == command["id"]


async def test_a_receipts_link_leads_to_its_command_even_if_another_signer_uses_the_same_id(
    queue: Any, operator: Any, signer: Callable[[str], Any]
) -> None:
    namesake = signer("P003:a")
    await queue.do(operator.register(namesake))
    command = operator.top_up()
    other = namesake.signed({**namesake.command("publishDemand", game="none", amount="1"), "id": command["id"]})
    links = {}
    for each, name in ((command, "operator"), (other, "P003:a")):
        answer = await queue.post(each)
        links[name] = answer.headers["Location"]
        assert answer.json()["href"] == links[name]
    assert links["P003:a"] == f"/queue/{command['id']}?prosumer=P003%3Aa"
    assert {name: (await queue.http.get(link)).json()["prosumer"] for name, link in links.items()} == {
        name: name for name in links
    }
    ambiguous = await queue.http.get(f"/queue/{command['id']}")
    assert (ambiguous.status_code, ambiguous.json()["code"]) == (422, "INVALID_PARAMETER")
    assert ambiguous.json()["errors"][0]["field"] == "prosumer"


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/queue/no-uuid", {}, "id"),
        (f"/queue/{uuid.UUID(int=1)}", {"wait": "-1"}, "wait"),
        (f"/queue/{uuid.UUID(int=1)}", {"wait": "61"}, "wait"),
        (f"/queue/{uuid.UUID(int=1)}", {"wait": "nan"}, "wait"),
        (f"/queue/{uuid.UUID(int=1)}", {"wait": "soon"}, "wait"),
        (f"/queue/{uuid.UUID(int=1)}", {"prosumer": "a/b"}, "prosumer"),
    ],
)
async def test_a_wrong_parameter_is_named(queue: Any, path: str, params: dict[str, str], field: str) -> None:
    answer = await queue.http.get(path, params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_decision_the_queue_no_longer_keeps_comes_from_the_ledger(
    running: Any, operator: Any, until: Any
) -> None:
    async with running(queue_retention_hours=0) as queue:
        kept, refused = operator.top_up(), operator.command("closeMarket", game="nowhere")
        await queue.post([kept, refused])
        await queue.result(refused["id"])

        async def is_pruned() -> bool:
            await queue.do(operator.top_up())  # an answer goes when its time is over and another one comes
            answer: httpx.Response = await queue.http.get(f"/queue/{kept['id']}")
            return answer.status_code == 404

        await until(is_pruned)
        money = await queue.ledger.money()
        committed = await queue.result(kept["id"], prosumer="operator")
        assert (committed["status"], committed["transaction"], committed["error"]) == ("committed", None, None)
        rejected = await queue.result(refused["id"], prosumer="operator")
        assert (rejected["status"], rejected["error"]["code"]) == ("rejected", "UNKNOWN_GAME")
        unknown = await queue.http.get(f"/queue/{uuid.uuid4()}", params={"prosumer": "operator"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "UNKNOWN_COMMAND")
        again = await queue.do(kept)
        assert again[0]["status"] == "committed"
        assert await queue.ledger.money() == money, "a command that is posted again after its time still counts once"


async def test_the_queue_tells_how_much_waits(queue: Any, operator: Any) -> None:
    assert (await queue.http.get("/queue")).json() == {
        "depth": 0, "capacity": 100_000, "oldestAgeMs": 0, "ledgerHeight": 1, "trouble": None,
    }  # fmt: skip
    queue.ledger.is_open.clear()
    await queue.post([operator.top_up(), operator.top_up()])
    assert (await queue.http.get("/queue")).json()["depth"] == 2
    metrics = (await queue.http.get("/metrics")).text
    assert "queue_depth 2.0" in metrics
    queue.ledger.is_away = True
    assert (await queue.http.get("/queue")).json()["ledgerHeight"] is None


async def test_metrics_count_what_was_taken_refused_and_settled(queue: Any, operator: Any) -> None:
    queue.ledger.faults = [LedgerUnavailable("away")]
    refused = operator.command("closeMarket", game="nowhere")
    await queue.post([operator.top_up(), refused, {"topic": "gossip"}])
    await queue.result(refused["id"])
    metrics = (await queue.http.get("/metrics")).text
    for line in (
        'queue_taken_total{acceptance="taken"} 2.0',
        'queue_refused_total{code="MALFORMED_COMMAND"} 1.0',
        'queue_settled_total{code="",status="committed"} 1.0',
        'queue_settled_total{code="UNKNOWN_GAME",status="rejected"} 1.0',
        'queue_retries_total{reason="ledger"} 1.0',
        "queue_batch_commands_sum 2.0",
        "queue_commit_seconds_count 1.0",
    ):
        assert line in metrics


async def test_a_store_that_cannot_write_refuses_commands_and_takes_them_again_later(queue: Any, operator: Any) -> None:
    await queue.do(operator.top_up())
    connection = queue.node.store._writer._connection  # nothing else can fill this one file's disk
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    commands = [operator.top_up() for _ in range(100)]
    answer = await queue.post(commands)
    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert answer.headers["Retry-After"]
    assert (await queue.http.get(f"/queue/{commands[0]['id']}")).status_code == 404
    connection.execute("PRAGMA max_page_count = 1000000")
    await queue.do(*commands)
    assert await queue.ledger.money() == 101


async def test_a_decision_that_cannot_be_written_is_kept_until_it_can(queue: Any, operator: Any, until: Any) -> None:
    queue.ledger.is_open.clear()
    commands = [operator.top_up() for _ in range(3)]
    await queue.post(commands)
    await queue.ledger.called.wait()
    connection = queue.node.store._writer._connection
    connection.execute("PRAGMA query_only = ON")
    queue.ledger.is_open.set()
    await until(queue.is_not_ready)
    assert "store" in (await queue.http.get("/ready")).json()["detail"]
    connection.execute("PRAGMA query_only = OFF")
    assert (await queue.result(commands[-1]["id"]))["status"] == "committed"
    await until(queue.is_ready)
    assert len(queue.ledger.batches) == 1


async def test_who_posts_one_command_and_waits_gets_its_status_at_once(queue: Any, operator: Any) -> None:
    command = operator.top_up()
    answer = await queue.http.post("/queue", params={"wait": 60}, json=command)
    assert (answer.status_code, answer.json()["status"]) == (200, "committed")
    assert answer.json() == await queue.result(command["id"])
    assert answer.headers["Location"] == f"/queue/{command['id']}?prosumer=operator"
    again = await queue.http.post("/queue", params={"wait": 60}, json=command)
    assert (again.status_code, again.json()) == (200, answer.json())


async def test_who_posts_and_waits_in_vain_gets_the_receipt(queue: Any, operator: Any) -> None:
    queue.ledger.is_open.clear()
    command = operator.top_up()
    answer = await queue.http.post("/queue", params={"wait": 0.01}, json=command)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    queue.ledger.is_open.set()
    assert (await queue.result(command["id"]))["status"] == "committed"
