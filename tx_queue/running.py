"""The queue's parts put together, started and stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry

from ledger.interface import Ledger
from tx_queue.event_hub import EventHub
from tx_queue.intake import Intake
from tx_queue.ledger_name import LedgerName
from tx_queue.metrics import Metrics
from tx_queue.parts import Parts
from tx_queue.settings import QueueSettings
from tx_queue.signers import Signers
from tx_queue.sqlite_store import SqliteStore
from tx_queue.trouble import Trouble
from tx_queue.worker import Worker

LAST_BATCH_SECONDS = 2.0
"""How long the batch in flight may take when the service stops; else it is submitted again after the next start."""

OpenLedger = Callable[[QueueSettings], Awaitable[Ledger]]
_log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def running_parts(
    settings: QueueSettings,
    open_ledger: OpenLedger,
    registry: CollectorRegistry,
    trouble: Trouble,
    stopping: asyncio.Event,
) -> AsyncIterator[Parts]:
    """Run the queue as long as the context lasts; streams, long polls and the worker end when ``stopping`` is set.

    Raises
    ------
    ledger.interface.LedgerError, tx_queue.store.StoreUnavailable
        If the ledger or the store cannot be opened.
    """
    async with AsyncExitStack() as opened:
        ledger = await open_ledger(settings)
        opened.push_async_callback(ledger.close)
        capacity, retention_ms = settings.queue_capacity, settings.retention_ms
        store = await SqliteStore.open(settings.queue_file, capacity=capacity, retention_ms=retention_ms)
        opened.push_async_callback(store.close)
        metrics = Metrics(registry)
        metrics.show_backlog(store.backlog)
        signers = Signers(ledger)
        ledger_name = LedgerName(ledger)
        intake = Intake(store, ledger_name, signers, metrics)
        hub = EventHub(ledger, ledger_name, trouble, settings.backoff, settings.queue_events_kept)
        worker = Worker(store, ledger, signers, metrics, trouble, settings.pace)

        reading = _start("event stream", hub.run(), trouble)
        working = _start("worker", worker.run(), trouble)
        ending = asyncio.create_task(_stop_when(stopping, hub, store))
        try:
            yield Parts(settings, ledger, store, intake, hub, metrics)
        finally:
            stopping.set()
            await ending
            await _end(reading, within_s=0)
            await _end(working, within_s=LAST_BATCH_SECONDS)


async def _stop_when(stopping: asyncio.Event, hub: EventHub, store: SqliteStore) -> None:
    await stopping.wait()
    hub.close()
    store.stop()


def _start(part: str, work: Coroutine[None, None, None], trouble: Trouble) -> asyncio.Task[None]:
    """Start a part; should a defect of ours stop it, the service is not ready until it is started again."""

    def note_defect(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (defect := task.exception()) is not None:
            _log.critical("a defect stopped a part; restart the service", part=part, exc_info=defect)
            trouble.arose(part, f"stopped by a defect, {defect!r}; restart the service")

    task = asyncio.create_task(work, name=part)
    task.add_done_callback(note_defect)
    return task


async def _end(task: asyncio.Task[None], within_s: float) -> None:
    await asyncio.wait([task], timeout=within_s)
    task.cancel()
    await asyncio.wait([task])
