"""Group commit: writes that wait while one is on its way to the disk go there together, under one synchronous write."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tx_queue.sqlite_file import store_errors
from tx_queue.store import StoreUnavailable

_Result = TypeVar("_Result")

MAX_WRITES_PER_COMMIT = 256


@dataclass(frozen=True, slots=True)
class _Write:
    work: Callable[[sqlite3.Connection], Any]
    then: Callable[[Any], None]
    is_promised: bool
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SqliteWriter:
    """Runs writes in their order on one connection, on a thread of its own, several to an SQL transaction."""

    def __init__(self, connection: sqlite3.Connection, thread: Executor) -> None:
        self._connection = connection
        self._thread = thread
        self._waiting: asyncio.Queue[_Write | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._commit_groups(), name="queue-writer")
        self._is_closed = False

    async def write(
        self,
        work: Callable[[sqlite3.Connection], _Result],
        *,
        then: Callable[[_Result], None],
        is_promised: bool = True,
    ) -> _Result:
        """Do work in an SQL transaction and return its result once that is committed.

        Parameters
        ----------
        then
            Called with the result on the event loop, in the order of the writes, even if who asked has gone.
        is_promised
            Whether it must survive a power cut once this returns. A write that is not promised reaches the disk with
            the next one that is.

        Raises
        ------
        StoreUnavailable
            Then nothing of it is kept.
        """
        if self._is_closed:
            raise StoreUnavailable("the queue's store is closed")
        write = _Write(work, then, is_promised)
        self._waiting.put_nowait(write)
        return await write.outcome  # type: ignore[no-any-return]  # the future holds what work returned

    async def close(self) -> None:
        """Commit what waits, then end."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put_nowait(None)
        await self._task

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while group := await self._next_group():
            try:
                results = await loop.run_in_executor(self._thread, self._commit, group)
            except Exception as error:  # whatever it is, those who wait must hear it
                _fail(group, error)
            else:
                _succeed(group, results)

    async def _next_group(self) -> list[_Write]:
        """Wait for a write and take all that wait with it; empty at the end."""
        group: list[_Write] = []
        while not group or (len(group) < MAX_WRITES_PER_COMMIT and not self._waiting.empty()):
            write = await self._waiting.get()
            if write is None:
                self._waiting.put_nowait(None)  # the end, to be met again after this group
                return group
            group.append(write)
        return group

    def _commit(self, group: Sequence[_Write]) -> list[Any]:
        synchronous = "FULL" if any(write.is_promised for write in group) else "NORMAL"
        with store_errors():
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [write.work(self._connection) for write in group]
                self._connection.commit()
            finally:
                self._connection.rollback()  # nothing to do after a commit
            return results


def _succeed(group: Sequence[_Write], results: Sequence[Any]) -> None:
    for write, result in zip(group, results, strict=True):
        write.then(result)
        if not write.outcome.done():  # whoever asked may have gone; what was written stays
            write.outcome.set_result(result)


def _fail(group: Sequence[_Write], error: Exception) -> None:
    for write in group:
        if not write.outcome.done():
            write.outcome.set_exception(error)
