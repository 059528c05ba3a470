"""The queue's SQLite file: its tables, its connections, group commit of writes, and what can be wrong with it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from market_files import FileInUse, FileLock, private_store

_Result = TypeVar("_Result")

MAX_WRITES_PER_COMMIT = 256
LONGEST_WAIT_S = 0.01
"""Of a write that may wait for another one to go with."""
_APPLICATION_ID = 0x454D5451  # "EMTQ"
_SCHEMA_VERSION = 1
_SCHEMA = """
BEGIN;
CREATE TABLE command (
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which commands were taken
    id TEXT NOT NULL,
    prosumer TEXT NOT NULL,
    topic TEXT NOT NULL,
    digest BLOB NOT NULL,                        -- SHA-256 of what it says
    text TEXT,                                   -- as it goes to the ledger; NULL once settled, for there it stands
    taken_at_ms INTEGER NOT NULL,
    settled_at_ms INTEGER,
    status TEXT,                                 -- NULL while waiting, then committed or rejected
    transaction_id TEXT,
    block INTEGER,
    result TEXT,                                 -- exact JSON
    code TEXT,
    message TEXT,
    UNIQUE (id, prosumer)
);
CREATE INDEX waiting ON command (position) WHERE status IS NULL;
CREATE TABLE backlog (depth INTEGER NOT NULL);   -- how many wait: counting them anew for every post would take too long
INSERT INTO backlog VALUES (0);
COMMIT;
"""


class StoreUnavailable(Exception):
    """The store cannot write or read now (its disk is full, say); what was asked did not happen."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what SQLite raises inside the block into StoreUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        reason = getattr(error, "sqlite_errorname", "") or type(error).__name__
        raise StoreUnavailable(f"the queue's store cannot be used now: {error} ({reason})") from error


def exclusive(path: Path) -> FileLock:
    """Keep other processes off a store; the kernel ends this with the process, however that ends.

    Raises
    ------
    StoreUnavailable
        If another process has it.
    """
    try:
        return FileLock.acquire(path.with_name(f"{path.name}.lock"))
    except FileInUse as taken:
        raise StoreUnavailable(f"the queue's store {path}: {taken}; stop that first") from None


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes, and make the tables if the file is new.

    Raises
    ------
    StoreUnavailable
        Also if the file is not a queue's store.
    """
    with store_errors():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that sees what is committed and never waits for a write."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with store_errors():
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and (application, version) != (_APPLICATION_ID, _SCHEMA_VERSION):
        raise StoreUnavailable(f"{path} is not a queue's store of this version; move it away or choose another home")
    private_store(path)  # of an older version's file, too; what SQLite makes beside it gets the same mode
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS needs it to reach the disk, others ignore it
    if not tables:
        # In this order a crash in between leaves a file that can be prepared again.
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        connection.executescript(_SCHEMA)


@dataclass(frozen=True, slots=True)
class _Write:
    work: Callable[[sqlite3.Connection], Any]
    then: Callable[[Any], None]
    is_promised: bool
    may_wait: bool
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SqliteWriter:
    """Runs writes in their order on one connection, on a thread of its own.

    Group commit: those that wait while one is on its way to the disk go there together, under one synchronous write.
    """

    def __init__(self, connection: sqlite3.Connection, thread: Executor) -> None:
        self._connection = connection
        self._thread = thread
        self._waiting: asyncio.Queue[_Write | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._commit_groups(), name="queue-writer")
        self._came = asyncio.Event()
        self._is_closed = False

    def write(
        self,
        work: Callable[[sqlite3.Connection], _Result],
        *,
        then: Callable[[_Result], None],
        is_promised: bool = True,
        may_wait: bool = False,
    ) -> asyncio.Future[_Result]:
        """Do work in an SQL transaction, in the order of the calls; its result is there once that is committed.

        Parameters
        ----------
        then
            Called with the result on the event loop, in the order of the writes, even if who asked has gone.
        is_promised
            Whether it must survive a power cut once this returns. A write that is not promised reaches the disk with
            the next one that is.

        may_wait
            Whether it may wait a moment for another write, to go with it.

        Raises
        ------
        StoreUnavailable
            Then nothing of it is kept.
        """
        write = _Write(work, then, is_promised, may_wait)
        if self._is_closed:
            write.outcome.set_exception(StoreUnavailable("the queue's store is closed"))
        else:
            self._waiting.put_nowait(write)
            self._came.set()
        return write.outcome

    async def close(self) -> None:
        """Commit what waits, then end."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put_nowait(None)
            self._came.set()
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
            if write is not None and write.may_wait and self._waiting.empty():
                await self._another()
            if write is None:
                self._waiting.put_nowait(None)  # the end, to be met again after this group
                return group
            group.append(write)
        return group

    async def _another(self) -> None:
        """Wait a moment for one more write."""
        self._came.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._came.wait()

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
