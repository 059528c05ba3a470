"""Simulated time: a market's calendar that begins at a moment of its own and passes faster than the clocks on the wall.

Transactions, blocks and events keep their real times. What the rules compare and games show is the market's time. Pure
functions on whole milliseconds since 1970-01-01 UTC.
"""

from dataclasses import dataclass

MAX_FACTOR = 3600
"""An hour passes in a second."""
FIRST_START_MS = 0
LAST_START_MS = 32_503_680_000_000
"""The year 3000."""
LAST_MS = 221_845_392_000_000
"""The year 9000: there the market's time stands still, so that no factor leads it beyond what calendars can tell."""
LEAST_REAL_MS = 2_000
"""No turn and no time to post anything in is shorter than this in real time."""


@dataclass(frozen=True, slots=True)
class SimulatedTime:
    """The market's time as a function of the real one.

    Attributes
    ----------
    start_ms, began_ms
        The market's time and the real one at the beginning.
    factor
        How many times as fast as the real one it passes.

    >>> noon = SimulatedTime(start_ms=43_200_000, factor=600, began_ms=1_790_000_000_000)
    >>> noon.market_ms(1_790_000_001_500) - noon.start_ms  # a quarter of an hour in a second and a half
    900000
    """

    start_ms: int
    factor: int
    began_ms: int

    def market_ms(self, real_ms: int) -> int:
        """Return the market's time at a real one."""
        return min(self.start_ms + (real_ms - self.began_ms) * self.factor, LAST_MS)

    def real_ms(self, market_ms: int) -> int:
        """Return the first real time at which the market's time has come to a moment."""
        return self.began_ms - (self.start_ms - market_ms) // self.factor

    @property
    def least_ms(self) -> int:
        """What :data:`LEAST_REAL_MS` are on the market."""
        return LEAST_REAL_MS * self.factor
