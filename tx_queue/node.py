"""A node of the queue: its parts put together, started and stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from prometheus_client import CollectorRegistry
from starlette.requests import HTTPConnection

from ledger import Ledger
from market_log import structlog
from tx_queue.event_hub import EventHub
from tx_queue.health import Metrics, Readiness, watch
from tx_queue.intake import Intake, LedgerName, Signers
from tx_queue.settings import QueueSettings
from tx_queue.store import SqliteStore
from tx_queue.worker import Worker

LAST_BATCH_SECONDS = 2.0
"""How long the batch in flight may take when the service stops; else it is submitted again after the next start."""

OpenLedger = Callable[[QueueSettings], Awaitable[Ledger]]
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class QueueNode:
    """What the endpoints work with."""

    settings: QueueSettings
    ledger: Ledger
    store: SqliteStore
    intake: Intake
    hub: EventHub
    metrics: Metrics


async def _node(connection: HTTPConnection) -> QueueNode:
    return cast(QueueNode, connection.app.state.node)


Node = Annotated[QueueNode, Depends(_node)]
"""How an endpoint gets at the node."""


@asynccontextmanager
async def running_node(
    settings: QueueSettings,
    open_ledger: OpenLedger,
    registry: CollectorRegistry,
    readiness: Readiness,
    stopping: asyncio.Event,
) -> AsyncIterator[QueueNode]:
    """Run the queue as long as the context lasts; streams, long polls and the worker end when ``stopping`` is set.

    Raises
    ------
    ledger.interface.LedgerError, tx_queue.sqlite_file.StoreUnavailable
        If the ledger or the store cannot be opened.
    """
    async with AsyncExitStack() as opened:
        ledger = await open_ledger(settings)
        opened.push_async_callback(ledger.close)
        capacity, retention_ms = settings.queue_capacity, settings.retention_ms
        store = await SqliteStore.open(settings.queue_file, capacity=capacity, retention_ms=retention_ms)
        opened.push_async_callback(store.close)
        metrics = Metrics(registry, store.backlog)
        signers = Signers(ledger)
        ledger_name = LedgerName(ledger)
        intake = Intake(store, ledger_name, signers, metrics)
        hub = EventHub(ledger, ledger_name, readiness, settings.retrying, settings.queue_events_kept)
        limits = settings.transaction_limits
        worker = Worker(store, ledger, signers, metrics, readiness, limits, settings.retrying)

        reading = _start("event stream", hub.run(), readiness)
        working = _start("worker", worker.run(), readiness)
        watching = _start("watch", watch(ledger, readiness), readiness)
        ending = asyncio.create_task(_stop_when(stopping, hub, store))
        try:
            yield QueueNode(settings, ledger, store, intake, hub, metrics)
        finally:
            stopping.set()
            await ending
            await _end(reading, within_s=0)
            await _end(watching, within_s=0)
            await _end(working, within_s=LAST_BATCH_SECONDS)


async def _stop_when(stopping: asyncio.Event, hub: EventHub, store: SqliteStore) -> None:
    await stopping.wait()
    hub.close()
    store.stop()


def _start(part: str, work: Coroutine[None, None, None], readiness: Readiness) -> asyncio.Task[None]:
    """Start a part; should a defect of ours stop it, the service is not ready until it is started again."""

    def note_defect(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (defect := task.exception()) is not None:
            _log.critical("a defect stopped a part; restart the service", part=part, exc_info=defect)
            readiness.lacks(part, f"stopped by a defect, {defect!r}; restart the service")

    task = asyncio.create_task(work, name=part)
    task.add_done_callback(note_defect)
    return task


async def _end(task: asyncio.Task[None], within_s: float) -> None:
    await asyncio.wait([task], timeout=within_s)
    task.cancel()
    await asyncio.wait([task])
