"""The market's files on this machine: where they are, how they outlive a crash, and who may change them now.

Every room that keeps something on disk uses this one; it knows no other room.

>>> write_file(folder / "note.txt", b"whole or not at all", mode=SECRET)
>>> with FileLock.acquire(folder / "note.txt.lock"):
...     (folder / "note.txt").read_text()
'whole or not at all'
"""

from pathlib import Path
from typing import Final

from market_files.locks import FileInUse, FileLock
from market_files.reading import STANDARD_INPUT, UnusableFile, read_text
from market_files.writing import PUBLIC, SECRET, private_folder, reach_disk, sync_folder, write_file, write_json

DEFAULT_HOME: Final = Path(".energy-market")
"""The folder of a market's files where nothing else is said, below the one that a command is typed in."""

__all__ = [
    "DEFAULT_HOME",
    "PUBLIC",
    "SECRET",
    "STANDARD_INPUT",
    "FileInUse",
    "FileLock",
    "UnusableFile",
    "private_folder",
    "reach_disk",
    "read_text",
    "sync_folder",
    "write_file",
    "write_json",
]
