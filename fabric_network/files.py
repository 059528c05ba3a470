"""Copying and removing what belongs to a network's folder."""

import shutil
from pathlib import Path

from market_files import write_file


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
