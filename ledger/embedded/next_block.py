"""The block being made: transactions are run, taken in and chained inside one SQL transaction."""

import sqlite3
import uuid
from collections.abc import Callable, Sequence

from energy_market_chaincode.errors import Rejection
from ledger.contract import SUBMIT, Call, Contract, read_results, submit_argument
from ledger.embedded import store
from ledger.embedded.chain import TransactionRecord
from ledger.embedded.execution import execute
from ledger.interface import LedgerEvent, Submission, TransactionFailed


class NextBlock:
    """The block being made, inside the SQL transaction that will commit it."""

    def __init__(self, connection: sqlite3.Connection, contract: Contract, now_ms: Callable[[], int]) -> None:
        self._connection = connection
        self._contract = contract
        self._now_ms = now_ms
        self._previous = store.head(connection)
        self._newest_ms = self._previous.at_ms
        self._records: list[TransactionRecord] = []

    def run(self, function: str, *arguments: str) -> TransactionRecord:
        """Run the contract as the next transaction would, without taking the transaction in."""
        at_ms = max(self._now_ms(), self._newest_ms + 1)  # later than all before it, even if the wall clock is not
        call = Call(uuid.uuid4().hex, at_ms, function, arguments)
        try:
            return execute(self._connection, self._contract, call)
        except (sqlite3.Error, TransactionFailed):
            raise
        except Rejection as rejection:
            raise TransactionFailed(f"{rejection.code}: {rejection.message}") from rejection
        except Exception as error:  # a defect of the contract: it would come again with the same commands
            raise TransactionFailed(f"the contract failed: {error!r}") from error

    def add(self, record: TransactionRecord) -> None:
        """Take a transaction in; the next one sees its writes."""
        store.apply_writes(self._connection, record.writes)
        self._newest_ms = record.call.at_ms
        self._records.append(record)

    def submit(self, commands: Sequence[str]) -> Submission:
        """Run and take in a transaction of commands; raises TransactionFailed."""
        record = self.run(SUBMIT, submit_argument(commands))
        results = read_results(record.answer, len(commands))
        self.add(record)
        return Submission(record.call.id, self._previous.number + 1, results)

    def chain(self) -> list[LedgerEvent]:
        """Chain the block to the newest one, unless it stayed empty, and return its events."""
        if not self._records:
            return []
        head = store.append_block(self._connection, self._previous, self._records)
        return store.events_of(self._connection, head.number)
