"""What has to outlive a power failure reaches the disk on every platform."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from prosumer_client import disk

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
    monkeypatch.setattr(disk, "fcntl", fcntl, raising=False)
    return mock


def test_elsewhere_fsync_is_enough(descriptor: int, fsync: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    disk.reach_disk(descriptor)
    fsync.assert_called_once_with(descriptor)


def test_on_macos_the_drive_s_own_memory_is_emptied(descriptor: int, fsync: Mock, full_fsync: Mock) -> None:
    disk.reach_disk(descriptor)
    full_fsync.assert_called_once_with(descriptor, F_FULLFSYNC)
    fsync.assert_not_called()


def test_on_macos_a_file_system_that_cannot_do_that_gets_fsync(descriptor: int, fsync: Mock, full_fsync: Mock) -> None:
    full_fsync.side_effect = OSError
    disk.reach_disk(descriptor)
    fsync.assert_called_once_with(descriptor)
