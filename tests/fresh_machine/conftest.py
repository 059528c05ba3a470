"""A machine on which nothing is installed yet."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fresh_machine.machine import Machine, obstacle, remove


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A fresh Debian 12, deleted in the end. Where none can be made the test is left out, but never on CI."""
    reason = obstacle()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    root = tmp_path / "root"
    try:
        yield Machine(root)
    finally:
        remove(root)
