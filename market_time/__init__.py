"""The time of this machine without its jumps: what is implausible against a clock that counts sleep is not believed.

A wall clock that stood 400 days ahead for a second must not freeze a market until then, nor one that was set back by an
hour for an hour. So who times phases or dates blocks asks :class:`SteadyTime`, and shows its ``trouble``. This room
knows no other one.

>>> time = SteadyTime()
>>> time.now() <= time.now()
True
>>> time.trouble is None
True
"""

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

__all__ = ["MOST_AHEAD", "MOST_APART", "SteadyTime", "elapsed_s", "is_synchronised"]

MOST_AHEAD: Final = timedelta(seconds=5)
"""So far a ledger's time may be ahead of this machine's before one is wrong, where this machine dates the ledger."""
MOST_APART: Final = timedelta(minutes=1)
"""So far where other machines do. Well above what chaincode servers endorse: two claims that they take may be twice
as far apart as each may be from a server's clock."""

MOST_AT_ONCE: Final = timedelta(seconds=2)
"""So far a wall clock may be set at once; whoever keeps its time (NTP) moves it by less, or slews it."""
DRIFT: Final = 0.001
"""The share of a time without a look that a wall clock may gain or lose beside."""
JUST_BOOTED_S: Final = 300.0
"""So long after the machine's start its time may still be corrected for the first time."""
_UNSYNCHRONISED = 5
"""What adjtimex returns before anybody has told the kernel that its time is right."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def elapsed_s() -> float:
    """Return the seconds since the machine's start, asleep or awake."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.clock_gettime(time.CLOCK_MONOTONIC)  # elsewhere it counts sleep, too


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def is_synchronised() -> bool | None:
    """Tell whether the kernel was told that its time is right (by NTP); None where it cannot be asked."""
    if sys.platform != "linux":
        return None
    try:
        state: int = _libc().adjtimex(ctypes.create_string_buffer(512))  # zeros: to read, not to set
    except (AttributeError, OSError):
        return None
    return state != _UNSYNCHRONISED if state >= 0 else None


class SteadyTime:
    """The wall clock's time, as long as it goes like the clock that also counts sleep; else the latter's.

    A first correction is believed: when the kernel's time was not synchronised and now is, or where the machine has
    just booted. Once the kernel's time is right none is, whether it took a jump or not. A machine that slept jumps in
    neither clock. Any other jump is not taken: time goes on as before it, and ``trouble`` says so until the wall clock
    is right again, or this process is begun anew, which takes over what the wall clock says then. Several threads
    may ask.

    Parameters
    ----------
    wall
        The wall clock.
    elapsed
        Seconds of a clock that counts sleep and is never set.
    synchronised
        See :func:`is_synchronised`.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        elapsed: Callable[[], float] = elapsed_s,
        synchronised: Callable[[], bool | None] = is_synchronised,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._synchronised = synchronised
        self._anchor = (wall(), elapsed())
        self._awaits_first_correction = synchronised() is not True
        self._asking = threading.Lock()

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._look()[0]

    def _look(self) -> tuple[datetime, timedelta | None]:
        """Return the time, and how far the wall clock jumped if it is not believed."""
        with self._asking:
            return self._compare()

    def _compare(self) -> tuple[datetime, timedelta | None]:
        (wall_then, elapsed_then), wall, elapsed = self._anchor, self._wall(), self._elapsed()
        passed_s = elapsed - elapsed_then
        expected = wall_then + timedelta(seconds=passed_s)
        jump = wall - expected
        is_jump = abs(jump) > MOST_AT_ONCE + timedelta(seconds=passed_s * DRIFT)
        may_be_corrected = self._awaits_first_correction and self._may_be_corrected(is_jump, elapsed)
        if is_jump and not may_be_corrected:
            return expected, jump
        self._anchor = (wall, elapsed)
        return wall, None

    @property
    def trouble(self) -> str | None:
        """Why the wall clock is not believed, None if it is."""
        now, jump = self._look()
        if jump is None:
            return None
        way = "ahead" if jump > timedelta() else "back"
        return (
            f"the time of this machine jumped {way} by {_in_words(abs(jump))} against the clock that also counts "
            f"sleep, and is not believed; it would be {now + jump:%Y-%m-%d %H:%M:%S} UTC. Set it right (NTP); if it "
            "is right now, start this program again"
        )

    def _may_be_corrected(self, is_jump: bool, elapsed: float) -> bool:
        """Tell whether a jump now would be the first correction; from then on, or from when time is right, none is."""
        is_right = self._synchronised() is True
        is_due = is_right or elapsed < JUST_BOOTED_S
        self._awaits_first_correction = not (is_right or (is_jump and is_due))
        return is_due


def _in_words(span: timedelta) -> str:
    """Return a span in its largest unit, roughly."""
    seconds = span.total_seconds()
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
