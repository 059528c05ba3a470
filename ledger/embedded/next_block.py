"""Making the next block: a transaction is run, taken in and chained inside one SQL transaction."""

import sqlite3
import uuid
from collections.abc import Callable

from energy_market_chaincode.errors import Rejection
from ledger.contract import Call, Contract
from ledger.embedded import store
from ledger.embedded.chain import TransactionRecord
from ledger.embedded.execution import execute
from ledger.interface import Cursor, LedgerEvent, TransactionFailed


class NextBlock:
    """The block being made, inside the SQL transaction that will commit it; it takes one transaction.

    Whoever has many commands makes one transaction of them: gathering transactions here, too, would find none.
    """

    def __init__(self, connection: sqlite3.Connection, contract: Contract, now_ms: Callable[[], int]) -> None:
        self._connection = connection
        self._contract = contract
        self._previous = store.head(connection)
        self.number = self._previous.number + 1
        self._at_ms = max(now_ms(), self._previous.at_ms + 1)  # later than all before it, even if the wall clock is not

    def run(self, function: str, *arguments: str) -> TransactionRecord:
        """Run the contract on the committed state; raises TransactionFailed."""
        call = Call(uuid.uuid4().hex, self._at_ms, function, arguments)
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
