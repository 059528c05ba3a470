"""A ledger's file: who has it, the connections and threads that use it, what SQLite says, and putting it aside."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Self, TypeVar

from ledger.embedded import store
from ledger.embedded.errors import LedgerClosed, LedgerDamaged, LedgerInUse, NoLedger
from ledger.interface import LedgerUnavailable
from market_files import FileInUse, FileLock, private_store

_Result = TypeVar("_Result")
_READERS = 4
ROOM_FOR_A_BLOCK = 4_000_000
"""Bytes: the largest transaction, its results and what SQLite writes beside them."""


# SQLITE_ERROR: our statements are right, so the tables are not what they were.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})

_CAUSES = {
    sqlite3.SQLITE_BUSY: ("another process has the ledger's file open", "end it, then try again"),
    sqlite3.SQLITE_FULL: ("the ledger has no space left", "free some, then try again"),
    sqlite3.SQLITE_IOERR: ("the ledger's disk is full or failed", "free some space, then try again"),
}


def lock_ledger(ledger: Path) -> FileLock:
    """Take the lock of the ledger at a path, in a folder that is made if need be.

    Raises
    ------
    LedgerUnavailable
        LedgerInUse if a process has it, naming that process.
    """
    try:
        return FileLock.acquire(ledger.with_name(f"{ledger.name}.lock"))
    except FileInUse as taken:
        raise LedgerInUse(f"{ledger}: {taken}; stop that one first") from None
    except OSError as error:
        raise LedgerUnavailable(
            f"{ledger} cannot be opened and locked ({error}); choose a folder you may write to, and free some space"
        ) from error


def archive_and_wipe(path: Path) -> Path:
    """Put a ledger's file aside, so that the next opening begins a new chain.

    The old chain is never deleted.

    Returns
    -------
    The old ledger's new place, ``NAME.<UTC time>.old``; it can still be verified there. A damaged file is put aside as
    it is, with what SQLite keeps beside it.

    Raises
    ------
    NoLedger
    LedgerUnavailable
        LedgerInUse if a process hosts or reads it.
    """
    if not path.exists():
        raise NoLedger(path)
    with lock_ledger(path):
        _fold_into_one_file(path)
        archive = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.old")
        # The main file goes last: a crash in between must not leave an old -wal beside a new ledger.
        for suffix in ("-shm", "-wal", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(archive.with_name(archive.name + suffix))
    return archive


def _fold_into_one_file(path: Path) -> None:
    """Bring the write-ahead log into the file; SQLite refuses while anybody else has it open."""
    # What SQLite cannot read is put aside as it is.
    with suppress(LedgerDamaged), sqlite_errors(), closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA fullfsync = ON")  # macOS needs it to reach the disk, others ignore it
        connection.execute("PRAGMA journal_mode = DELETE")


def connect_to_write(path: Path | str) -> sqlite3.Connection:
    """Open the one connection that writes; its commits survive a power cut.

    Raises
    ------
    NotALedger
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        store.is_new(connection)  # leaves a stranger's database as it is
        if isinstance(path, Path):
            private_store(path)  # of an older version's file, too; what SQLite makes beside it gets the same mode
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS needs it to reach the disk, others ignore it
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read; it sees the last commit before each of its transactions."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


class Database:
    """One writing connection with its thread, and reading ones with theirs that never wait for it."""

    def __init__(
        self,
        writer: sqlite3.Connection,
        readers: list[sqlite3.Connection],
        opened: ExitStack,
        folder: Path | None = None,
    ) -> None:
        """Without readers the writer reads, too; ``opened`` is what is closed in the end."""
        self._opened = opened
        self._folder = folder
        self._writer = writer
        self._idle_readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for connection in readers or [writer]:
            self._idle_readers.put(connection)
        self._writing = ThreadPoolExecutor(1, "ledger-write")
        self._reading = ThreadPoolExecutor(len(readers), "ledger-read") if readers else self._writing
        self._is_closed = False

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open a file, new or not, as its only host; blocking.

        Raises
        ------
        LedgerUnavailable
            LedgerInUse if another process hosts it, LedgerDamaged if it is no SQLite database.
        NotALedger
        """
        with sqlite_errors(), ExitStack() as opened:
            opened.enter_context(lock_ledger(path))
            writer = opened.enter_context(closing(connect_to_write(path)))
            readers = [opened.enter_context(closing(connect_to_read(path))) for _ in range(_READERS)]
            return cls(writer, readers, opened.pop_all(), path.parent)

    @classmethod
    def in_memory(cls) -> Self:
        """Make a database without a file; it ends when it is closed."""
        opened = ExitStack()
        return cls(opened.enter_context(closing(connect_to_write(":memory:"))), [], opened)

    def obstacle(self) -> str | None:
        """Return why the disk would not take a block, None if it would or there is none."""
        if self._folder is None:
            return None
        disk = os.statvfs(self._folder)
        if disk.f_flag & os.ST_RDONLY:
            return f"the disk of {self._folder} is read-only; an operator has to look after it"
        free = disk.f_bavail * disk.f_frsize
        return None if free >= ROOM_FOR_A_BLOCK else f"the disk of {self._folder} has {free} bytes left; free some"

    async def write(
        self, work: Callable[[sqlite3.Connection], _Result], *, then: Callable[[_Result], None] | None = None
    ) -> _Result:
        """Do work in one durable SQL transaction; if it raises, nothing of it is kept.

        Parameters
        ----------
        then
            Called on the event loop once it is committed, in the order of the commits, even if who asked has gone.

        Raises
        ------
        LedgerUnavailable
        """
        loop = asyncio.get_running_loop()

        def commit() -> _Result:
            result = _in_transaction(self._writer, "BEGIN IMMEDIATE", work)
            if then is not None:
                loop.call_soon_threadsafe(then, result)
            return result

        return await self._run(self._writing, commit)

    async def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do work on a snapshot of the last commit.

        Raises
        ------
        LedgerUnavailable
        """

        def on_idle_reader() -> _Result:
            connection = self._idle_readers.get_nowait()  # there are as many as threads
            try:
                return _in_transaction(connection, "BEGIN", work)
            finally:
                self._idle_readers.put(connection)

        return await self._run(self._reading, on_idle_reader)

    async def close(self) -> None:
        """Finish what runs, then close the connections."""
        self._is_closed = True
        await asyncio.to_thread(self._close)

    async def _run(self, threads: ThreadPoolExecutor, work: Callable[[], _Result]) -> _Result:
        if self._is_closed:
            raise LedgerClosed
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._opened.close()


def _in_transaction(
    connection: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], _Result]
) -> _Result:
    with sqlite_errors():
        connection.execute(begin)
        try:
            result = work(connection)
            connection.commit()
        finally:
            connection.rollback()
        return result


@contextmanager
def sqlite_errors() -> Iterator[None]:
    """Turn what SQLite raises inside the block into LedgerUnavailable or LedgerDamaged; nothing was kept then."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _explained(error) from error


def is_damage(error: Exception) -> bool:
    """Tell whether an error of SQLite says that the file's content is damaged, not that it cannot be used now."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code = _primary_code(error)
    return code in _DAMAGED or (code is None and isinstance(error, sqlite3.OperationalError))  # text that is no UTF-8


def _primary_code(error: Exception) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _explained(error: Exception) -> Exception:
    code = _primary_code(error)
    if is_damage(error):
        return LedgerDamaged(f"the ledger's file is damaged ({error}); see energy-market ledger verify")
    if code is None:
        return error
    kind = LedgerInUse if code == sqlite3.SQLITE_BUSY else LedgerUnavailable
    what, advice = _CAUSES.get(code, ("the ledger's file cannot be used now", "try again"))
    return kind(f"{what} ({error}); {advice}")
