"""The worker: one transaction of what waits, again when the ledger is away, and never jammed by one command."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import simplejson
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from ledger import LedgerUnavailable
from tx_queue.health import Metrics, Readiness
from tx_queue.intake import Intake, LedgerName, Signers
from tx_queue.store import SqliteStore, TransactionLimits
from tx_queue.worker import ATTEMPTS_BEFORE_HALVING, PROOFS_BEFORE_GIVING_UP, Worker


def ids(commands: list[Any]) -> list[str]:
    return [command["id"] for command in commands]


async def test_what_arrives_while_a_transaction_is_in_flight_goes_into_the_next_one(queue: Any, operator: Any) -> None:
    queue.ledger.is_open.clear()
    first, later = operator.top_up(), [operator.top_up() for _ in range(6)]
    await queue.post(first)
    await queue.ledger.called.wait()
    for command in later:
        await queue.post(command)
    status = (await queue.http.get(f"/queue/{first['id']}")).json()["status"]
    waiting = (await queue.http.get(f"/queue/{later[0]['id']}")).json()["status"]
    assert (status, waiting) == ("submitted", "queued")
    queue.ledger.is_open.set()
    await queue.result(later[-1]["id"])
    assert queue.ledger.batches == [ids([first]), ids(later)]


async def test_a_transaction_holds_no_more_commands_than_it_may(running: Any, operator: Any) -> None:
    async with running(queue_batch_commands=4) as queue:
        commands = [operator.top_up() for _ in range(10)]
        await queue.do(*commands)
        assert queue.ledger.batches == [ids(commands[:4]), ids(commands[4:8]), ids(commands[8:])]


async def test_a_transaction_holds_no_more_bytes_than_it_may_but_always_one_command(
    running: Any, operator: Any
) -> None:
    async with running(queue_batch_bytes=2000) as queue:
        small = [operator.top_up() for _ in range(3)]
        large = operator.command("setTopology", edges=[["hub", f"P{number:03d}"] for number in range(200)])
        await queue.do(*small, large, operator.top_up())
        assert queue.ledger.batches[:2] == [ids(small), ids([large])]


async def test_the_same_batch_is_submitted_again_until_the_ledger_takes_it(queue: Any, operator: Any) -> None:
    queue.ledger.faults = [LedgerUnavailable("away")] * 3
    commands = [operator.top_up() for _ in range(3)]
    await queue.do(*commands)
    assert queue.ledger.batches == [ids(commands)] * 4
    assert await queue.ledger.money() == 3


async def test_a_ledger_that_is_away_shows_in_ready_and_metrics_until_it_is_back(queue: Any, operator: Any) -> None:
    queue.ledger.faults = [LedgerUnavailable("the ordering service is away")] * 2
    queue.ledger.is_open.clear()
    await queue.post(operator.top_up())
    await queue.ledger.called.wait()
    assert (await queue.http.get("/ready")).status_code == 200
    queue.ledger.called.clear()
    queue.ledger.is_open.set()
    await queue.ledger.called.wait()
    answer = await queue.http.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
    assert "the ordering service is away" in answer.json()["detail"]
    assert "the ordering service is away" in (await queue.http.get("/queue")).json()["trouble"]
    await queue.do(operator.top_up())
    assert (await queue.http.get("/ready")).status_code == 200
    assert 'queue_retries_total{reason="ledger"} 2.0' in (await queue.http.get("/metrics")).text


async def test_a_batch_that_took_effect_unnoticed_counts_once(queue: Any, operator: Any) -> None:
    queue.ledger.faults_after = [LedgerUnavailable("the answer was lost")]
    command = operator.top_up("5")
    await queue.do(command)
    assert queue.ledger.batches == [ids([command])] * 2
    assert await queue.ledger.money() == 5


async def test_a_ledger_that_does_not_answer_is_asked_again(running: Any, operator: Any) -> None:
    async with running(queue_batch_seconds=0.01) as queue:
        queue.ledger.is_open.clear()
        command = operator.top_up()
        await queue.post(command)
        await queue.ledger.called.wait()
        queue.ledger.called.clear()
        await queue.ledger.called.wait()
        assert len(queue.ledger.batches) >= 2
        assert "no answer within 0.01 s" in (await queue.http.get("/queue")).json()["trouble"]
    assert (await queue.ledger.height()) == 1


async def test_a_command_that_is_too_much_alone_does_not_hold_up_the_others(queue: Any, operator: Any) -> None:
    slow, others = operator.top_up("1"), [operator.top_up("2") for _ in range(3)]
    queue.ledger.too_slow = {slow["id"]}
    await queue.post(slow)
    for command in others:
        await queue.post(command)
    await queue.result(others[-1]["id"])
    status = (await queue.http.get(f"/queue/{slow['id']}")).json()
    assert (status["status"], status["error"]["code"]) == ("rejected", "TRANSACTION_FAILED")
    assert "took too long" in status["error"]["message"]
    assert await queue.ledger.money() == 6
    assert queue.ledger.batches.count([]) == PROOFS_BEFORE_GIVING_UP


async def test_a_command_that_took_effect_unnoticed_is_not_given_up(queue: Any, operator: Any) -> None:
    slow = operator.top_up("5")
    queue.ledger.too_slow = {slow["id"]}
    await queue.ledger.ledger.submit([simplejson.dumps(slow)])
    assert (await queue.do(slow))[0]["status"] == "committed"
    assert await queue.ledger.money() == 5


async def test_while_the_ledger_is_away_no_command_is_given_up(queue: Any, operator: Any) -> None:
    attempts = 3 * ATTEMPTS_BEFORE_HALVING * PROOFS_BEFORE_GIVING_UP
    queue.ledger.faults = [LedgerUnavailable("away")] * attempts
    await queue.do(operator.top_up("5"))
    assert await queue.ledger.money() == 5


async def test_a_batch_that_is_too_much_for_the_ledger_is_halved(queue: Any, operator: Any) -> None:
    queue.ledger.faults = [LedgerUnavailable("took too long")] * ATTEMPTS_BEFORE_HALVING
    commands = [operator.top_up() for _ in range(4)]
    await queue.do(*commands)
    assert queue.ledger.batches[ATTEMPTS_BEFORE_HALVING:] == [ids(commands[:2]), ids(commands[2:])]


async def test_one_poisonous_command_is_rejected_and_its_neighbours_take_effect(queue: Any, operator: Any) -> None:
    commands = [operator.top_up() for _ in range(9)]
    queue.ledger.poisonous = {commands[4]["id"]}
    await queue.post(commands)
    statuses = [await queue.result(command["id"]) for command in commands]
    assert [status["status"] for status in statuses] == ["committed"] * 4 + ["rejected"] + ["committed"] * 4
    assert statuses[4]["error"]["code"] == "TRANSACTION_FAILED"
    assert "poisonous" in statuses[4]["error"]["message"]
    assert await queue.ledger.money() == 8
    await queue.do(operator.top_up())
    assert (
        'queue_settled_total{code="TRANSACTION_FAILED",status="rejected"} 1.0'
        in (await queue.http.get("/metrics")).text
    )


async def test_what_was_submitted_and_not_settled_is_submitted_again_after_a_restart(
    running: Any, ledger: Any, operator: Any, until: Any
) -> None:
    commands = [operator.top_up() for _ in range(3)]
    ledger.faults_after = [LedgerUnavailable("the answer was lost")]
    async with running(queue_retry_first_seconds=1000, queue_retry_longest_seconds=1000) as queue:
        await queue.post(commands)
        await until(queue.is_not_ready)
    assert await ledger.money() == 3
    async with running() as queue:
        statuses = [await queue.result(command["id"]) for command in commands]
        assert [status["status"] for status in statuses] == ["committed"] * 3
    assert ledger.batches == [ids(commands)] * 2
    assert await ledger.money() == 3


async def test_a_settled_command_is_not_submitted_again_after_a_restart(
    running: Any, ledger: Any, operator: Any
) -> None:
    command = operator.top_up()
    async with running() as queue:
        await queue.do(command)
    async with running() as queue:
        assert (await queue.result(command["id"]))["status"] == "committed"
        await queue.do(operator.top_up())
    assert sum(command["id"] in batch for batch in ledger.batches) == 1


async def test_a_defect_in_the_worker_shows_in_ready(queue: Any, operator: Any, until: Any) -> None:
    queue.ledger.faults = [ZeroDivisionError("a defect")]
    await queue.post(operator.top_up())
    await until(queue.is_not_ready)
    assert "a defect" in (await queue.http.get("/ready")).json()["detail"]


Fate = st.sampled_from(["taken", "away", "lost answer", "crash"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_every_command_takes_effect_exactly_once_however_it_is_delivered(
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    new_ledger: Callable[[], Awaitable[Any]],
    operator: Any,
    until: Any,
) -> None:
    commands = [operator.top_up() for _ in range(data.draw(st.integers(1, 12), label="commands"))]
    deliveries = data.draw(st.lists(st.sampled_from(commands), max_size=20), label="deliveries")
    deliveries = data.draw(st.permutations(commands + deliveries), label="order")
    poisonous = data.draw(st.sets(st.sampled_from(ids(commands)), max_size=3), label="poisonous")
    fates = data.draw(st.lists(Fate, max_size=8), label="fates")
    limit = data.draw(st.integers(1, 6), label="limit")
    ledger = await new_ledger()
    ledger.poisonous = poisonous
    home = tmp_path_factory.mktemp("queue")

    lives: list[list[str]] = [[]]
    for fate in fates:
        lives[-1].append(fate)
        if fate == "crash":
            lives.append([])
    for life, part in enumerate(_parts(deliveries, len(lives))):
        await _live(home, ledger, part, lives[life], limit, until)
    await _live(home, ledger, [], [], limit, until)
    statuses = await _statuses(home, ids(commands))

    assert {status for id_, status in statuses.items() if id_ in poisonous} <= {"rejected"}
    assert {status for id_, status in statuses.items() if id_ not in poisonous} <= {"committed"}
    assert statuses.keys() == set(ids(commands))
    assert await ledger.money() == len(commands) - len(poisonous)
    await ledger.ledger.close()


def _parts(deliveries: list[Any], count: int) -> list[list[Any]]:
    size = -(-len(deliveries) // count)
    return [deliveries[start : start + size] for start in range(0, size * count, size)]


async def _live(home: Path, ledger: Any, deliveries: list[Any], fates: list[str], limit: int, until: Any) -> None:
    """One life of a queue on the same store: deliver, let fate have its way, and die or drain."""
    ledger.faults = [LedgerUnavailable(fate) for fate in fates if fate == "away"]
    ledger.faults_after = [LedgerUnavailable(fate) for fate in fates if fate == "lost answer"]
    store = await SqliteStore.open(home / "queue.sqlite", capacity=1000, retention_ms=10**9)
    metrics, signers = Metrics(CollectorRegistry(), store.backlog), Signers(ledger)
    limits = TransactionLimits(commands=limit)
    quick = stamina.AsyncRetryingCaller(
        attempts=None, timeout=None, wait_initial=0.0001, wait_max=0.0001, wait_jitter=0
    )
    worker = asyncio.create_task(Worker(store, ledger, signers, metrics, Readiness(), limits, quick).run())
    answers = await Intake(store, LedgerName(ledger), signers, metrics).take(deliveries)
    assert not any(isinstance(answer, Exception) for answer in answers)
    if "crash" in fates:
        for _ in range(7 * len(fates)):
            await asyncio.sleep(0)
    else:

        async def is_drained() -> bool:
            assert not worker.done(), worker.exception()
            return store.backlog().depth == 0

        await until(is_drained)
    worker.cancel()
    await asyncio.wait([worker])
    await store.close()


async def _statuses(home: Path, command_ids: list[str]) -> dict[str, str]:
    store = await SqliteStore.open(home / "queue.sqlite", capacity=1000, retention_ms=10**9)
    entries = [entry for command_id in command_ids for entry in await store.find(command_id)]
    await store.close()
    return {entry.id: str(entry.status) for entry in entries}
