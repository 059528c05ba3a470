"""The queue's SQLite file: its tables, its connections, and what can be wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from market_files import FileInUse, FileLock
from tx_queue.store import StoreUnavailable

_APPLICATION_ID = 0x454D5451  # "EMTQ"
_SCHEMA_VERSION = 1
_SCHEMA = """
BEGIN;
CREATE TABLE command (
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which commands were taken
    id TEXT NOT NULL,
    prosumer TEXT NOT NULL,
    topic TEXT NOT NULL,
    digest BLOB NOT NULL,                        -- SHA-256 of what was signed
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


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what SQLite raises inside the block into StoreUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        reason = getattr(error, "sqlite_errorname", "") or type(error).__name__
        raise StoreUnavailable(f"the queue's store cannot be used now: {error} ({reason})") from error


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keep other processes off a store; the kernel ends this with the process, however that ends.

    Raises
    ------
    StoreUnavailable
        If another process has it.
    """
    try:
        lock = FileLock.acquire(path.with_name(f"{path.name}.lock"))
    except FileInUse as taken:
        raise StoreUnavailable(f"the queue's store {path}: {taken}; stop that first") from None
    with lock:
        yield


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
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS needs it to reach the disk, others ignore it
    if not tables:
        # In this order a crash in between leaves a file that can be prepared again.
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        connection.executescript(_SCHEMA)
