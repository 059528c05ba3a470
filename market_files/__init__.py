"""The market's files on this machine: where they are, how they outlive a crash, and who may change them now.

Every room that keeps something on disk uses this one, or writes to standard output; it knows no other room.

>>> write_file(folder / "note.txt", b"whole or not at all", mode=SECRET)
>>> with FileLock.acquire(folder / "note.txt.lock"):
...     (folder / "note.txt").read_text()
'whole or not at all'
"""

import fcntl
import io
import json
import logging
import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final, Self

__all__ = [
    "DEFAULT_HOME",
    "PUBLIC",
    "SECRET",
    "STANDARD_INPUT",
    "FileInUse",
    "FileLock",
    "UnusableFile",
    "escape_unwritable",
    "private_folder",
    "private_home",
    "private_store",
    "reach_disk",
    "read_text",
    "sync_folder",
    "write_file",
    "write_json",
]

DEFAULT_HOME: Final = Path(".energy-market")
"""The folder of a market's files where nothing else is said, below the one that a command is typed in."""
STANDARD_INPUT = "-"
SECRET = 0o600
PUBLIC = 0o644
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger(__name__)


def escape_unwritable() -> None:
    """Have standard output escape what its encoding does not have, as standard error does.

    A program that did what it was told would else end in an error for saying so.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a notebook's is none, and has all characters
        sys.stdout.reconfigure(errors="backslashreplace")


def write_file(file: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Replace a file's content, unless it is the same already. Makes the folder, for its owner only, if need be."""
    private_folder(file.parent)
    if file.is_file() and file.read_bytes() == content and file.stat().st_mode & 0o777 == mode:
        return
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
            os.fchmod(descriptor, mode)  # whatever the umask is
            stream.flush()
            reach_disk(descriptor)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are missing, for their owner alone; return it."""
    for each in reversed((folder, *folder.parents)):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(exist_ok=True)  # says what is in the way
    return folder


def private_home(home: Path) -> Path:
    """Make a market's home, or close the one there is to all but its owner; return it.

    What others use, too, stays as it is, with a warning: a folder of somebody else, one with the sticky bit (as /tmp),
    our user's own directory, and those above that.
    """
    private_folder(home)
    _close_to_others(home, 0o700, _why_it_is_not_ours(home))
    return home


def _why_it_is_not_ours(home: Path) -> str | None:
    found = home.stat()
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    with suppress(RuntimeError):  # in a container nobody may have told where our user's own directory is
        users = Path.home().resolve()
        if home.resolve() in (users, *users.parents):
            return "it holds more than a market"
    return "everybody keeps things there" if found.st_mode & stat.S_ISVTX else None


def private_store(store: Path) -> None:
    """Close an SQLite file that there is, and what SQLite keeps beside it, to all but its owner."""
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):  # SQLite makes and removes them as it needs
            _close_to_others(store.with_name(store.name + ending), SECRET)


def _close_to_others(path: Path, mode: int, obstacle: str | None = None) -> None:
    """Take from others what they may do with a file or folder, or warn that they may."""
    if not path.stat().st_mode & _OTHERS:
        return
    if obstacle is None:
        try:
            path.chmod(mode)
            return
        except FileNotFoundError:
            raise
        except OSError as error:
            obstacle = error.strerror or str(error)
    _log.warning("%s stays open to others than its owner (%s); choose another ENERGY_MARKET_HOME", path, obstacle)


def write_json(file: Path, value: Any, mode: int = PUBLIC) -> None:
    """Replace a file's content with JSON."""
    write_file(file, json.dumps(value, indent=2).encode() + b"\n", mode)


def reach_disk(descriptor: int) -> None:
    """Wait until what was written to a file, or the names in a folder, stand on the disk."""
    if sys.platform == "darwin":  # there fsync leaves them in the drive's own memory
        with suppress(OSError):  # not every file system knows how
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make new and changed names in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        reach_disk(descriptor)
    finally:
        os.close(descriptor)


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


class UnusableFile(Exception):
    """What was named is no text file, or far too large."""

    code: ClassVar[str] = "UNUSABLE_FILE"


def read_text(place: str | Path, at_most_bytes: int) -> str:
    """Read a regular file of UTF-8 text, or standard input where ``-`` is named.

    Whatever is named, this does not hang on it and does not fill the memory.

    Raises
    ------
    UnusableFile
        It is a device, a pipe or a folder, larger than allowed, or no UTF-8.
    OSError
        It cannot be opened or read.
    """
    if str(place) == STANDARD_INPUT:
        content = sys.stdin.buffer.read(at_most_bytes + 1)
    else:
        # A pipe that nobody writes to would keep the opening waiting for ever.
        with open(os.open(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnusableFile(f"{place} is no regular file; - reads standard input")
            content = file.read(at_most_bytes + 1)
    if len(content) > at_most_bytes:
        raise UnusableFile(f"{place} is larger than {at_most_bytes} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{place} is not UTF-8 text: {error.reason} at byte {error.start}") from None
