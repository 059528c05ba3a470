"""At most one process changes a thing; whoever comes second is told who is at work."""

import fcntl
import os
from pathlib import Path
from typing import ClassVar, Self

from market_files.writing import private_folder

_PID_BYTES = 20


class FileInUse(Exception):
    """Another process has the lock.

    Attributes
    ----------
    holder
        Its pid, None if it did not say.
    """

    code: ClassVar[str] = "FILE_IN_USE"

    def __init__(self, file: Path, holder: int | None) -> None:
        self.holder = holder
        super().__init__(f"{file} is in use by {f'process {holder}' if holder else 'another process'}")


class FileLock:
    """An exclusive lock on a file of its own; the kernel drops it with the process, however that ends.

    The file is never what the lock is for: closing any descriptor of an SQLite database, for instance, would drop
    SQLite's own locks on it. It stays when the lock is released: removing it could take it from under the next one.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, file: Path, *, wait: bool = False) -> Self:
        """Take a lock; the file is made, and its folder, for its owner alone, if need be.

        Parameters
        ----------
        wait
            Wait until whoever has it gives it back.

        Raises
        ------
        FileInUse
            Another process has it, and we do not wait.
        OSError
            The file cannot be written.
        """
        private_folder(file.parent)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(descriptor, f"{os.getpid():<{_PID_BYTES}}\n".encode(), 0)
        except OSError as error:
            said = os.pread(descriptor, _PID_BYTES, 0).strip()
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise FileInUse(file, int(said) if said.isdigit() else None) from None
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
