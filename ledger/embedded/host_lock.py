"""At most one process hosts a ledger's file."""

import fcntl
import os
from pathlib import Path
from typing import Self

from ledger.embedded.errors import LedgerInUse
from ledger.interface import LedgerUnavailable


class HostLock:
    """An exclusive lock beside the ledger's file; the kernel drops it with the process, however that ends.

    It stands on a file of its own: closing any descriptor of the database itself would drop SQLite's locks on it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, ledger: Path) -> Self:
        """Take the lock of the ledger at a path, in a folder that is made if need be.

        Raises
        ------
        LedgerUnavailable
            LedgerInUse if a process has it, naming that process.
        """
        try:
            ledger.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(ledger.with_name(f"{ledger.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise LedgerUnavailable(f"{ledger} cannot be opened ({error}); choose a folder you may write to") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(descriptor, f"{os.getpid():<20}\n".encode(), 0)
        except OSError as error:
            host = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                user = f"process {host}" if host else "another process"
                raise LedgerInUse(f"{ledger} is in use by {user}; stop that one first") from None
            raise LedgerUnavailable(f"{ledger} cannot be locked ({error}); free some space, then try again") from error
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back. Its file stays: removing it could take it from under the next one."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
