"""Writing files so that a kill or a power cut at any moment leaves the old content or the new one, never half of it."""

import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

if sys.platform == "darwin":
    import fcntl

SECRET = 0o600
PUBLIC = 0o644


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
