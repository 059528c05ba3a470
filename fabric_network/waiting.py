"""Waiting for a condition: asked again and again, never longer than said."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fabric_network.errors import NotReady

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.05

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def wait_until(obstacle: Callable[[], str | None], what: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Ask for the obstacle until there is none.

    Parameters
    ----------
    obstacle
        Returns what stands in the way, None once nothing does.
    what
        What is waited for, for the error.

    Raises
    ------
    NotReady
        With the last obstacle.
    """
    deadline = time.monotonic() + patience_seconds
    while (last := obstacle()) is not None:
        if time.monotonic() > deadline:
            raise NotReady(f"waited {patience_seconds:.0f} s in vain until {what}: {last}")
        time.sleep(_PAUSE_SECONDS)


def for_each(action: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Do the same with all items side by side; raises the first one's error when all have ended."""
    listed = list(items)
    with ThreadPoolExecutor(max_workers=max(len(listed), 1)) as pool:
        outcomes = [pool.submit(action, item) for item in listed]
    return [outcome.result() for outcome in outcomes]
