"""What has to outlive a power failure reaches the disk on every platform."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from market_files import reach_disk, write_file

F_FULLFSYNC = 51


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    with (tmp_path / "file").open("wb") as file:
        yield file.fileno()


@pytest.fixture
def fsync(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Take the calls of fsync."""
    mock = Mock()
    monkeypatch.setattr(os, "fsync", mock)
    return mock


@pytest.fixture
def full_fsync(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Be on macOS, and take the calls of its own way."""
    mock = Mock()
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", F_FULLFSYNC, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", mock)
    return mock


def test_elsewhere_fsync_is_enough(descriptor: int, fsync: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    reach_disk(descriptor)
    fsync.assert_called_once_with(descriptor)


def test_on_macos_the_drive_s_own_memory_is_emptied(descriptor: int, fsync: Mock, full_fsync: Mock) -> None:
    reach_disk(descriptor)
    full_fsync.assert_called_once_with(descriptor, F_FULLFSYNC)
    fsync.assert_not_called()


def test_on_macos_a_file_system_that_cannot_do_that_gets_fsync(descriptor: int, fsync: Mock, full_fsync: Mock) -> None:
    full_fsync.side_effect = OSError
    reach_disk(descriptor)
    fsync.assert_called_once_with(descriptor)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_written_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "file", b"x", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_a_file_that_is_the_same_already_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_file(file, b"x")
    inode = file.stat().st_ino
    write_file(file, b"x")
    assert file.stat().st_ino == inode
    write_file(file, b"y")
    assert file.read_bytes() == b"y"
