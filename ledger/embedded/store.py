"""What stands where in the ledger's file: the tables, and reads and writes on one connection."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from energy_market_chaincode import block_views
from ledger.contract import read_transaction
from ledger.embedded.chain import (
    BEFORE_THE_FIRST_BLOCK,
    Head,
    TransactionRecord,
    block_hash,
    transaction_digest,
)
from ledger.embedded.errors import NotALedger
from ledger.interface import Block, Cursor, LedgerEvent, UnknownBlock

APPLICATION_ID = 0x454D4B54  # "EMKT": tells our files from others'
FORMAT_VERSION = 1

STATE_TABLE = "CREATE TABLE state (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT"
TABLES = (
    """CREATE TABLE blocks (
        number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE transactions (
        block INTEGER NOT NULL, position INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (block, position)
    ) STRICT""",
    """CREATE TABLE events (
        block INTEGER NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        content TEXT NOT NULL, PRIMARY KEY (block, position, number)
    ) STRICT""",
    STATE_TABLE,
)


class StoredEvent(NamedTuple):
    """A row of ``events``: its place in its transaction, the transaction's time, its exact JSON."""

    number: int
    at_ms: int
    content: str


class StoredTransaction(NamedTuple):
    """A row of ``transactions`` with its events."""

    position: int
    content: str
    events: list[StoredEvent]

    @property
    def event_texts(self) -> list[str]:
        """The exact JSON of each event."""
        return [event.content for event in self.events]


# -- the tables


def is_new(connection: sqlite3.Connection) -> bool:
    """Tell whether the database has no tables yet.

    Raises
    ------
    NotALedger
        If it has, and they are not a ledger's of this format.
    """
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
        return True
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise NotALedger("the file is a SQLite database, but not a ledger; move it away or choose another home")
    if version != FORMAT_VERSION:
        raise NotALedger(
            f"the ledger is of format {version}, this version reads {FORMAT_VERSION}; use the one it is of"
        )
    return False


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty database a ledger's."""
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


# -- world state


def state_value(connection: sqlite3.Connection, key: str) -> bytes | None:
    """Return the value of a key, None if there is none."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def state_range(connection: sqlite3.Connection, prefix: str) -> list[tuple[str, bytes]]:
    """Return all keys that begin with a prefix, with their values, ordered by the keys' UTF-8 bytes."""
    found = []
    for key, value in connection.execute("SELECT key, value FROM state WHERE key >= ? ORDER BY key", (prefix,)):
        if not key.startswith(prefix):
            break
        found.append((key, value))
    return found


def state_between(
    connection: sqlite3.Connection, start: str, end: str, limit: int | None = None
) -> list[tuple[str, bytes]]:
    """Return the keys from ``start`` up to, not including, ``end``, at most so many, with their values."""
    question = "SELECT key, value FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
    return connection.execute(question, (start, end, -1 if limit is None else limit)).fetchall()


def apply_writes(connection: sqlite3.Connection, writes: Mapping[str, str | None]) -> None:
    """Bring a transaction's writes into the world state."""
    connection.executemany(
        "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        ((key, value.encode()) for key, value in writes.items() if value is not None),
    )
    connection.executemany(
        "DELETE FROM state WHERE key = ?", ((key,) for key, value in writes.items() if value is None)
    )


# -- blocks


def head(connection: sqlite3.Connection) -> Head:
    """Return the newest block."""
    row = connection.execute("SELECT number, at_ms, hash FROM blocks ORDER BY number DESC LIMIT 1").fetchone()
    return BEFORE_THE_FIRST_BLOCK if row is None else Head(*row)


def append_block(connection: sqlite3.Connection, previous: Head, transactions: Sequence[TransactionRecord]) -> Head:
    """Chain a block of at least one transaction to the newest one; their writes have been applied already."""
    number = previous.number + 1
    digests = []
    for position, record in enumerate(transactions):
        content, at_ms = record.content(), record.call.at_ms
        digests.append(transaction_digest(content, record.events))
        connection.execute("INSERT INTO transactions VALUES (?, ?, ?)", (number, position, content))
        connection.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            ((number, position, index, at_ms, event) for index, event in enumerate(record.events)),
        )
    at_ms = transactions[-1].call.at_ms
    appended = Head(number, at_ms, block_hash(number, at_ms, previous.hash, digests))
    connection.execute("INSERT INTO blocks VALUES (?, ?, ?, ?)", (number, at_ms, previous.hash, appended.hash))
    return appended


def transactions_of(connection: sqlite3.Connection, number: int) -> Iterator[StoredTransaction]:
    """Yield the transactions of a block in their order."""
    rows = connection.execute("SELECT position, content FROM transactions WHERE block = ? ORDER BY position", (number,))
    for position, content in rows.fetchall():
        events = connection.execute(
            "SELECT number, at_ms, content FROM events WHERE block = ? AND position = ? ORDER BY number",
            (number, position),
        )
        yield StoredTransaction(position, content, [StoredEvent(*event) for event in events])


def block(connection: sqlite3.Connection, number: int) -> Block:
    """Return a block as readers see it; raises UnknownBlock."""
    _require_block(connection, number)
    row = connection.execute("SELECT hash, previous_hash FROM blocks WHERE number = ?", (number,)).fetchone()
    transactions = []
    for stored in transactions_of(connection, number):
        record = TransactionRecord.read(stored.content, stored.event_texts)
        transactions.append(read_transaction(record.call, record.answer, record.events))
    return Block(number=number, hash=row[0], previous_hash=row[1], transactions=transactions)


def evidence(connection: sqlite3.Connection, number: int) -> block_views.EmbeddedEvidence:
    """Return what a block's hash covers; raises UnknownBlock."""
    _require_block(connection, number)
    at_ms, previous = connection.execute(
        "SELECT at_ms, previous_hash FROM blocks WHERE number = ?", (number,)
    ).fetchone()
    transactions = [
        block_views.HashedTransaction(content=stored.content, events=list(stored.event_texts))
        for stored in transactions_of(connection, number)
    ]
    return block_views.EmbeddedEvidence(number=number, at_ms=at_ms, previous_hash=previous, transactions=transactions)


def _require_block(connection: sqlite3.Connection, number: int) -> None:
    height = head(connection).number + 1
    if not 0 <= number < height:
        raise UnknownBlock(f"there is no block {number}; the ledger has {height}, counted from 0")


# -- events


def events_after(connection: sqlite3.Connection, after: Cursor | None, limit: int) -> list[LedgerEvent]:
    """Return the next events after a cursor (None: from the first), at most ``limit``."""
    start = after or Cursor(-1, -1, -1)
    rows = connection.execute(
        "SELECT block, position, number, at_ms, content FROM events"
        " WHERE (block, position, number) > (?, ?, ?) ORDER BY block, position, number LIMIT ?",
        (start.block, start.transaction, start.index, limit),
    )
    return [LedgerEvent(Cursor(*place), at_ms, content) for *place, at_ms, content in rows]


def newest_event(connection: sqlite3.Connection) -> Cursor | None:
    """Return the cursor of the newest event, None if there is none."""
    row = connection.execute(
        "SELECT block, position, number FROM events ORDER BY block DESC, position DESC, number DESC LIMIT 1"
    ).fetchone()
    return None if row is None else Cursor(*row)
