"""One ledger interface, two ledgers: embedded (SQLite, no set-up) and Hyperledger Fabric.

Each ledger's own doors are :mod:`ledger.embedded` and, below :mod:`ledger.fabric`, its gateway client and its chaincode
server. What opens a ledger is loaded when it is first asked for: who only wants to know which kinds there are does not
wait for the market's rules.
"""

from typing import TYPE_CHECKING, Any

from ledger.interface import (
    Block,
    Cursor,
    InvalidCursor,
    Ledger,
    LedgerError,
    LedgerEvent,
    LedgerReplaced,
    LedgerUnavailable,
    Submission,
    Transaction,
    TransactionFailed,
    UnknownBlock,
)
from ledger.settings import LedgerKind, LedgerSettings

if TYPE_CHECKING:
    from ledger.opening import open_ledger, open_memory_ledger

__all__ = [
    "Block",
    "Cursor",
    "InvalidCursor",
    "Ledger",
    "LedgerError",
    "LedgerEvent",
    "LedgerKind",
    "LedgerReplaced",
    "LedgerSettings",
    "LedgerUnavailable",
    "Submission",
    "Transaction",
    "TransactionFailed",
    "UnknownBlock",
    "open_ledger",
    "open_memory_ledger",
]


def __getattr__(name: str) -> Any:
    if name in ("open_ledger", "open_memory_ledger"):
        from ledger import opening

        return getattr(opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
