"""Starting anew: the old chain is put aside, never deleted."""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from ledger.embedded.database import lock_ledger
from ledger.embedded.errors import LedgerDamaged, NoLedger, sqlite_errors


def archive_and_wipe(path: Path) -> Path:
    """Put a ledger's file aside, so that the next opening begins a new chain.

    Returns
    -------
    The old ledger's new place, ``NAME.<UTC time>.old``; it can still be verified there. A damaged file is put aside as
    it is, with what SQLite keeps beside it.

    Raises
    ------
    NoLedger
    LedgerUnavailable
        LedgerInUse if a process hosts or reads it.
    """
    if not path.exists():
        raise NoLedger(path)
    with lock_ledger(path):
        _fold_into_one_file(path)
        archive = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.old")
        # The main file goes last: a crash in between must not leave an old -wal beside a new ledger.
        for suffix in ("-shm", "-wal", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(archive.with_name(archive.name + suffix))
    return archive


def _fold_into_one_file(path: Path) -> None:
    """Bring the write-ahead log into the file; SQLite refuses while anybody else has it open."""
    # What SQLite cannot read is put aside as it is.
    with suppress(LedgerDamaged), sqlite_errors(), closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA fullfsync = ON")  # macOS needs it to reach the disk, others ignore it
        connection.execute("PRAGMA journal_mode = DELETE")
