"""What can be wrong with a ledger's file, each with a stable code and what to do about it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.interface import LedgerError, LedgerUnavailable

# SQLITE_ERROR: our statements are right, so the tables are not what they were.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})

_CAUSES = {
    sqlite3.SQLITE_BUSY: ("another process has the ledger's file open", "end it, then try again"),
    sqlite3.SQLITE_FULL: ("the ledger has no space left", "free some, then try again"),
    sqlite3.SQLITE_IOERR: ("the ledger's disk is full or failed", "free some space, then try again"),
}


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


@contextmanager
def sqlite_errors() -> Iterator[None]:
    """Turn what SQLite raises inside the block into LedgerUnavailable or LedgerDamaged; nothing was kept then."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _explained(error) from error


def is_damage(error: Exception) -> bool:
    """Tell whether an error of SQLite says that the file's content is damaged, not that it cannot be used now."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code = _primary_code(error)
    return code in _DAMAGED or (code is None and isinstance(error, sqlite3.OperationalError))  # text that is no UTF-8


def _primary_code(error: Exception) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _explained(error: Exception) -> Exception:
    code = _primary_code(error)
    if is_damage(error):
        return LedgerDamaged(f"the ledger's file is damaged ({error}); see energy-market ledger verify")
    if code is None:
        return error
    kind = LedgerInUse if code == sqlite3.SQLITE_BUSY else LedgerUnavailable
    what, advice = _CAUSES.get(code, ("the ledger's file cannot be used now", "try again"))
    return kind(f"{what} ({error}); {advice}")
