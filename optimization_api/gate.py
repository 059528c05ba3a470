"""How many heavy requests run at once, and for how long each may."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from http_service import Problem


class Deadline:
    """When a calculation must be given up: its time is over, or the service stops."""

    def __init__(self, seconds: float, is_stopping: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._is_stopping = is_stopping

    def check(self) -> None:
        """Raise a Problem, 422 ``SOLVE_TOO_LONG`` or 503 ``SHUTTING_DOWN``, if the calculation must be given up."""
        if self._is_stopping():
            raise Problem(503, "SHUTTING_DOWN", "This service is stopping; ask again.", headers={"Retry-After": "5"})
        if time.monotonic() > self._end:
            detail = (
                f"This game takes longer than the {self._seconds:g} s that a request may take here; ask for a larger "
                "tolerance, fewer rounds or a smaller game."
            )
            raise Problem(422, "SOLVE_TOO_LONG", detail)


class Gate:
    """Lets so many heavy requests in and turns the others away.

    Parameters
    ----------
    places
        How many may be in at once.
    seconds
        How long each may take.
    is_stopping
        Tells whether the service was asked to stop.
    """

    def __init__(self, places: int, seconds: float, is_stopping: Callable[[], bool]) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._seconds = seconds
        self._is_stopping = is_stopping

    @contextmanager
    def entered(self) -> Iterator[Deadline]:
        """Take a place, or raise a Problem, 503 ``TOO_BUSY``, at once if there is none."""
        if not self._places.acquire(blocking=False):
            detail = "As many games as this service solves at once are being solved; ask again."
            raise Problem(503, "TOO_BUSY", detail, headers={"Retry-After": "1"})
        try:
            yield Deadline(self._seconds, self._is_stopping)
        finally:
            self._places.release()
