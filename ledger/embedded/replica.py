"""A world state in memory that follows from a chain's transactions, on which the rules are run once more."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from ledger.contract import Contract
from ledger.embedded import store
from ledger.embedded.chain import TransactionRecord
from ledger.embedded.execution import execute


class RulesDiffer(Exception):
    """A transaction is not what the rules say to its call on the state before it."""


class Replica(AbstractContextManager["Replica"]):
    """A world state that begins empty and takes one transaction after the other; to be closed."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(store.STATE_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

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
        """Yield all keys in their order, with their values."""
        yield from self._connection.execute("SELECT key, value FROM state ORDER BY key")
