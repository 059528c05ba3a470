"""Writing files so that a kill at any moment leaves the old content or the new one, never half of it."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

SECRET = 0o600
PUBLIC = 0o644


def write_file(file: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Replace a file's content, unless it is the same already. Makes the folder, for its owner only, if need be."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.is_file() and file.read_bytes() == content and file.stat().st_mode & 0o777 == mode:
        return
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as stream:
        stream.write(content)
        os.fchmod(descriptor, mode)  # whatever the umask is
        stream.flush()
        os.fsync(descriptor)
    partial.replace(file)


def write_json(file: Path, value: Any, mode: int = PUBLIC) -> None:
    """Replace a file's content with JSON."""
    write_file(file, json.dumps(value, indent=2).encode() + b"\n", mode)


def copy_tree(source: Path, target: Path) -> None:
    """Copy every file below a folder; keys, which nobody else may read, stay so."""
    for file in source.rglob("*"):
        if file.is_file():
            write_file(target / file.relative_to(source), file.read_bytes(), file.stat().st_mode & 0o777)


def empty(folder: Path) -> None:
    """Remove all that is in a folder, if it is there, but not the folder: a volume may be mounted on it."""
    for path in folder.iterdir() if folder.is_dir() else ():
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
