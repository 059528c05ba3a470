"""Threads that run contracts, each with an event loop of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_PATIENCE_S = 2.0


class _Worker:
    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.running = 0
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self.loop)
        self._thread.join(_PATIENCE_S)
        if not self._thread.is_alive():
            self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.loop.call_soon(self.loop.stop)


class Workers:
    """Run coroutines on the least busy of several threads.

    The interpreter's lock lets one thread compute at a time, but takes turns every few milliseconds: a transaction that
    computes for seconds slows the others and stops none.
    """

    def __init__(self, count: int) -> None:
        self._workers = [_Worker(f"contract-{number}") for number in range(count)]

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on a worker and return its result; being cancelled here cancels it there."""
        worker = min(self._workers, key=lambda worker: worker.running)
        worker.running += 1
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, worker.loop))
        finally:
            worker.running -= 1

    def close(self) -> None:
        """Cancel what is running and stop the threads; one that computes without end dies with the process."""
        for worker in self._workers:
            worker.close()
