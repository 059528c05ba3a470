"""At most one process hosts a ledger's file."""

from pathlib import Path

from ledger.embedded.errors import LedgerInUse
from ledger.interface import LedgerUnavailable
from market_files import FileInUse, FileLock


def lock_ledger(ledger: Path) -> FileLock:
    """Take the lock of the ledger at a path, in a folder that is made if need be.

    Raises
    ------
    LedgerUnavailable
        LedgerInUse if a process has it, naming that process.
    """
    try:
        return FileLock.acquire(ledger.with_name(f"{ledger.name}.lock"))
    except FileInUse as taken:
        raise LedgerInUse(f"{ledger}: {taken}; stop that one first") from None
    except OSError as error:
        raise LedgerUnavailable(
            f"{ledger} cannot be opened and locked ({error}); choose a folder you may write to, and free some space"
        ) from error
