"""What can be wrong with a ledger's file, each with a stable code and what to do about it."""

from pathlib import Path

from ledger.interface import LedgerError, LedgerUnavailable


class LedgerInUse(LedgerUnavailable):
    """Another process has the ledger."""

    code = "LEDGER_IN_USE"


class LedgerClosed(LedgerUnavailable):
    """The ledger was closed; nothing more is taken in."""

    def __init__(self) -> None:
        super().__init__("the ledger is closed; open it again")


class LedgerDamaged(LedgerUnavailable):
    """SQLite can no longer make sense of the file."""

    code = "LEDGER_DAMAGED"


class NoLedger(LedgerError):
    """There is no ledger where one was expected."""

    code = "NO_LEDGER"

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no ledger at {path}; starting the market makes one")


class NotALedger(LedgerError):
    """The file is a SQLite database, but not a ledger that this version can read."""

    code = "NOT_A_LEDGER"


class OperatorKeyMissing(LedgerError):
    """A ledger cannot begin without its first operator's public key."""

    code = "OPERATOR_KEY_MISSING"

    def __init__(self) -> None:
        super().__init__("a new ledger needs its first operator's public key: set ENERGY_MARKET_OPERATOR_PUBLIC_KEY")
