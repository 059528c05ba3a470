"""A lock keeps the second one out, names the first, and goes with its process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from market_files import FileInUse, FileLock

HOLDER = (
    "import signal, sys; from pathlib import Path; from market_files import FileLock; "
    "lock = FileLock.acquire(Path(sys.argv[1])); print('held', flush=True); signal.pause()"
)


def test_whoever_comes_second_is_told_who_was_first(tmp_path: Path) -> None:
    file = tmp_path / "new" / "thing.lock"
    with FileLock.acquire(file):
        with pytest.raises(FileInUse, match=f"process {os.getpid()}") as refused:
            FileLock.acquire(file)
        assert refused.value.holder == os.getpid()
    FileLock.acquire(file).release()


def test_a_lock_goes_with_the_process_that_held_it(tmp_path: Path) -> None:
    file = tmp_path / "thing.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(FileInUse) as refused:
            FileLock.acquire(file)
        assert refused.value.holder == other.pid
        other.send_signal(signal.SIGKILL)
        FileLock.acquire(file, wait=True).release()
