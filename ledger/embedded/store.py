"""What stands on the chain, how every block commits to all before it, and where it all is in the ledger's file.

A transaction's content is stored as the very text that is hashed. With ``H(a, b, ...)`` the SHA-256 over its parts in
UTF-8, each preceded by its length as eight big-endian bytes:

- transaction digest = H(content, event 0, event 1, ...)
- block hash = H(number, at_ms, previous hash, digest 0, digest 1, ...)
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from energy_market_chaincode import block_views, exact_json, read_exact_json
from ledger.contract import Call, read_transaction
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


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block: its number, the timestamp of its last transaction and its hash."""

    number: int
    at_ms: int
    hash: str


BEFORE_THE_FIRST_BLOCK = Head(number=-1, at_ms=0, hash="0" * 64)


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transaction as it stands on the chain.

    Attributes
    ----------
    writes
        What it set in the world state, None for a removed key.
    events
        The exact JSON of each event.
    """

    call: Call
    answer: str
    writes: dict[str, str | None]
    events: tuple[str, ...]

    def content(self) -> str:
        """Return everything but the events as one JSON text."""
        return exact_json(
            {
                "id": self.call.id,
                "at": self.call.at_ms,
                "function": self.call.function,
                "arguments": self.call.arguments,
                "answer": self.answer,
                "writes": self.writes,
            }
        ).decode()

    @classmethod
    def read(cls, content: str, events: Sequence[str]) -> Self:
        """Read a stored transaction."""
        fields = read_exact_json(content)
        call = Call(fields["id"], fields["at"], fields["function"], tuple(fields["arguments"]))
        return cls(call, fields["answer"], fields["writes"], tuple(events))


def transaction_digest(content: str, events: Sequence[str]) -> str:
    """Return the digest of a stored transaction."""
    return _sha256(content, *events)


def block_hash(number: int, at_ms: int, previous_hash: str, digests: Sequence[str]) -> str:
    """Return the hash of a block with the given transactions' digests."""
    return _sha256(str(number), str(at_ms), previous_hash, *digests)


def _sha256(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


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


def whole_state(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Return all keys, ordered by their UTF-8 bytes, with their values."""
    return connection.execute("SELECT key, value FROM state ORDER BY key")


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
    _, previous_hash, own_hash = _stored_block(connection, number)
    transactions = []
    for stored in transactions_of(connection, number):
        record = TransactionRecord.read(stored.content, stored.event_texts)
        transactions.append(read_transaction(record.call, record.answer, record.events))
    return Block(number=number, hash=own_hash, previous_hash=previous_hash, transactions=transactions)


def evidence(connection: sqlite3.Connection, number: int) -> block_views.EmbeddedEvidence:
    """Return what a block's hash covers; raises UnknownBlock."""
    at_ms, previous, _ = _stored_block(connection, number)
    transactions = [
        block_views.HashedTransaction(content=stored.content, events=list(stored.event_texts))
        for stored in transactions_of(connection, number)
    ]
    return block_views.EmbeddedEvidence(number=number, at_ms=at_ms, previous_hash=previous, transactions=transactions)


def _stored_block(connection: sqlite3.Connection, number: int) -> tuple[int, str, str]:
    """Return a block's timestamp, previous hash and hash; raises UnknownBlock."""
    height = head(connection).number + 1
    if not 0 <= number < height:
        raise UnknownBlock(f"there is no block {number}; the ledger has {height}, counted from 0")
    row = connection.execute("SELECT at_ms, previous_hash, hash FROM blocks WHERE number = ?", (number,)).fetchone()
    return tuple(row)


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
