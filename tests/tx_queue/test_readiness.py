"""/ready says within seconds that nothing is committed, and which part is to blame."""

import asyncio
from typing import Any, cast

import pytest

from ledger import Ledger
from tx_queue import health as module
from tx_queue import worker
from tx_queue.health import Readiness, watch


class Looking:
    """A ledger that says of itself what it is told to."""

    def __init__(self) -> None:
        self.obstacle_now: str | None = None
        self.hangs = False

    async def obstacle(self) -> str | None:
        if self.hangs:
            await asyncio.Event().wait()
        return self.obstacle_now


async def test_what_a_ledger_says_of_itself_is_shown_until_it_passed(
    monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.001)
    monkeypatch.setattr(module, "_LONGEST_LOOK_S", 0.01)
    ledger, readiness = Looking(), Readiness()
    watching = asyncio.create_task(watch(cast(Ledger, ledger), readiness))

    def shows(obstacle: str | None) -> Any:
        async def is_shown() -> bool:
            return readiness.obstacle == obstacle

        return is_shown

    ledger.obstacle_now = "no orderer answers"
    await until(shows("commits: no orderer answers"))
    ledger.obstacle_now = None
    await until(shows(None))
    ledger.hangs = True
    await until(shows("commits: the ledger has not answered for 0.01 s"))
    watching.cancel()


def test_an_outage_shows_within_five_seconds() -> None:
    assert module._LOOK_S + module._LONGEST_LOOK_S < 5
    assert worker.LATE_AFTER_S < 5


async def test_a_transaction_in_flight_for_long_shows_before_it_is_known_to_fail(
    queue: Any, operator: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr(worker, "LATE_AFTER_S", 0.01)
    queue.ledger.is_open.clear()
    command = operator.top_up()
    await queue.post(command)
    await until(queue.is_not_ready)
    assert "ledger: has not committed" in (await queue.http.get("/ready")).json()["detail"]
    queue.ledger.is_open.set()
    await queue.result(command["id"])
    await until(queue.is_ready)
