"""Reading a file that somebody named, who may have named anything."""

import os
import stat
import sys
from pathlib import Path
from typing import ClassVar

STANDARD_INPUT = "-"


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
