"""Running the contract on a world state that stands in a SQLite database, and making the next block of it."""

import sqlite3
import uuid
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from energy_market_chaincode import EPOCH_KEY, Rejection, Topic
from ledger.contract import SUBMIT, Call, Contract, split_events
from ledger.embedded import store
from ledger.embedded.chain import TransactionRecord
from ledger.interface import Cursor, LedgerEvent, TransactionFailed


class SqliteStub:
    """One transaction's view of the world state; writes are collected, not applied.

    Values are text in UTF-8 (the contract's are JSON), so that the chain can be read without tools.
    """

    def __init__(self, connection: sqlite3.Connection, transaction_id: str, timestamp_ms: int) -> None:
        self._connection = connection
        self._transaction_id = transaction_id
        self._timestamp_ms = timestamp_ms
        self.writes: dict[str, str | None] = {}
        self.event: bytes | None = None

    @property
    def transaction_id(self) -> str:
        """The transaction's id."""
        return self._transaction_id

    @property
    def timestamp_ms(self) -> int:
        """The transaction's timestamp, milliseconds since 1970-01-01 UTC."""
        return self._timestamp_ms

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none."""
        return store.state_value(self._connection, key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of many keys in their order."""
        return [store.state_value(self._connection, key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all keys that begin with a prefix, with their values, in the order of the keys."""
        return store.state_range(self._connection, prefix)

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, in their order."""
        return store.state_between(self._connection, start, end, limit)

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


def execute(connection: sqlite3.Connection, contract: Contract, call: Call) -> TransactionRecord:
    """Run a transaction on the committed state and return what it would put on the chain; nothing is applied."""
    stub = SqliteStub(connection, call.id, call.at_ms)
    answer = _run(contract(stub, call.function, call.arguments))
    events = () if stub.event is None else split_events(stub.event)
    return TransactionRecord(call, answer.decode(), stub.writes, events)


def ask(connection: sqlite3.Connection, contract: Contract, call: Call) -> bytes:
    """Run a query; what it would write is dropped, as on any ledger."""
    return _run(contract(SqliteStub(connection, call.id, call.at_ms), call.function, call.arguments))


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
