"""Running the contract on a world state that stands in a SQLite database: to make the next block, or once more."""

import sqlite3
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from itertools import takewhile
from typing import Any

from energy_market_chaincode import EPOCH_KEY, Rejection, Topic
from ledger.contract import SUBMIT, Call, Contract, split_events
from ledger.embedded import store
from ledger.embedded.store import TransactionRecord
from ledger.interface import Cursor, LedgerEvent, TransactionFailed


class SqliteStub:
    """One transaction's view of the world state; writes are collected, not applied.

    Values are text in UTF-8 (the contract's are JSON), so that the chain can be read without tools. Keys are ordered by
    their UTF-8 bytes.

    Attributes
    ----------
    transaction_id, timestamp_ms
        Of the transaction; the time in milliseconds since 1970-01-01 UTC.
    writes, event
        What the contract set so far.
    """

    def __init__(self, connection: sqlite3.Connection, call: Call) -> None:
        self._connection = connection
        self.transaction_id = call.id
        self.timestamp_ms = call.at_ms
        self.writes: dict[str, str | None] = {}
        self.event: bytes | None = None

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none."""
        return self._value(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of many keys in their order."""
        return [self._value(key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all keys that begin with a prefix, with their values, in their order."""
        rows = self._connection.execute("SELECT key, value FROM state WHERE key >= ? ORDER BY key", (prefix,))
        return list(takewhile(lambda row: row[0].startswith(prefix), rows))

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, with their values."""
        question = "SELECT key, value FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
        return self._connection.execute(question, (start, end, -1 if limit is None else limit)).fetchall()

    async def put(self, key: str, value: bytes) -> None:
        """Set a key."""
        if not key or not value:
            raise ValueError("a key and its value must not be empty")
        self.writes[key] = value.decode()

    async def delete(self, key: str) -> None:
        """Remove a key, if it is there."""
        self.writes[key] = None

    async def set_event(self, name: str, payload: bytes) -> None:
        """Attach the transaction's one event; its name is the same for all and not kept."""
        self.event = payload

    def _value(self, key: str) -> bytes | None:
        row = self._connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]


def execute(connection: sqlite3.Connection, contract: Contract, call: Call) -> TransactionRecord:
    """Run a transaction on the committed state and return what it would put on the chain; nothing is applied."""
    stub = SqliteStub(connection, call)
    answer = _run(contract(stub, call.function, call.arguments))
    events = () if stub.event is None else split_events(stub.event)
    return TransactionRecord(call, answer.decode(), stub.writes, events)


def ask(connection: sqlite3.Connection, contract: Contract, call: Call) -> bytes:
    """Run a query; what it would write is dropped, as on any ledger."""
    return _run(contract(SqliteStub(connection, call), call.function, call.arguments))


def _run(coroutine: Coroutine[Any, Any, bytes]) -> bytes:
    """Run a contract's coroutine to its end in this thread, without an event loop.

    This stub answers at once, and a contract awaits nothing but its stub; one that does would depend on more than the
    ledger's state.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        answer: bytes = end.value
        return answer
    coroutine.close()
    raise RuntimeError("the contract waits for something that is not its stub")


_SETS_TIME = Topic.SET_LEDGER_TIME.value


def begins_epoch(record: TransactionRecord) -> bool:
    """Tell whether a transaction may be earlier than the one before it."""
    return EPOCH_KEY in record.writes


class NextBlock:
    """The block being made, inside the SQL transaction that will commit it; it takes one transaction.

    Whoever has many commands makes one transaction of them: gathering transactions here, too, would find none.

    It is later than all blocks before it, even if the machine's time is not, unless it begins an epoch: then it has the
    machine's time.
    """

    def __init__(self, connection: sqlite3.Connection, contract: Contract, now_ms: Callable[[], int]) -> None:
        self._connection = connection
        self._contract = contract
        self._previous = store.head(connection)
        self.number = self._previous.number + 1
        self._now_ms = now_ms()

    def run(self, function: str, *arguments: str) -> TransactionRecord:
        """Run the contract on the committed state; raises TransactionFailed."""
        later_ms = self._previous.at_ms + 1
        if self._now_ms < later_ms and function == SUBMIT and any(_SETS_TIME in text for text in arguments):
            record = self._run(Call(uuid.uuid4().hex, self._now_ms, function, arguments))
            if begins_epoch(record):
                return record
        return self._run(Call(uuid.uuid4().hex, max(self._now_ms, later_ms), function, arguments))

    def _run(self, call: Call) -> TransactionRecord:
        try:
            return execute(self._connection, self._contract, call)
        except (sqlite3.Error, TransactionFailed):
            raise
        except Rejection as rejection:
            raise TransactionFailed(f"{rejection.code}: {rejection.message}") from rejection
        except Exception as error:  # a defect of the contract: it would come again with the same commands
            raise TransactionFailed(f"the contract failed: {error!r}") from error

    def chain(self, record: TransactionRecord) -> list[LedgerEvent]:
        """Apply what a transaction wrote, chain its block to the newest one, and return its events."""
        store.apply_writes(self._connection, record.writes)
        store.append_block(self._connection, self._previous, [record])
        return [
            LedgerEvent(Cursor(self.number, 0, index), record.call.at_ms, text)
            for index, text in enumerate(record.events)
        ]


class RulesDiffer(Exception):
    """A transaction is not what the rules say to its call on the state before it."""


class Replica:
    """A world state in memory that begins empty and takes a chain's transactions one after the other; to be closed."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(store.STATE_TABLE)

    def compare(self, record: TransactionRecord, contract: Contract, what: str) -> None:
        """Run a transaction that was not taken yet; raises RulesDiffer, with what it is, unless the same comes out."""
        try:
            expected = execute(self._connection, contract, record.call)
        except Exception as error:  # whatever it is: such a transaction would never have been taken in
            raise RulesDiffer(f"the rules refuse {what}: {error!r}") from error
        for name in ("answer", "writes", "events"):
            if getattr(expected, name) != getattr(record, name):
                raise RulesDiffer(f"the {name} of {what} are not what the rules say")

    def take(self, record: TransactionRecord) -> None:
        """Put what a transaction wrote into the state."""
        store.apply_writes(self._connection, record.writes)

    def state(self) -> Iterator[tuple[str, bytes]]:
        """Return all keys in their order, with their values."""
        return store.whole_state(self._connection)

    def close(self) -> None:
        """Let go of the state."""
        self._connection.close()
