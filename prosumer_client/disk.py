"""What has to outlive a power failure."""

import os
import sys
from contextlib import suppress

if sys.platform == "darwin":
    import fcntl


def reach_disk(descriptor: int) -> None:
    """Wait until what was written to a file, or the names in a folder, stand on the disk."""
    if sys.platform == "darwin":  # there fsync leaves them in the drive's own memory
        with suppress(OSError):  # not every file system knows how
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)
