"""How long to wait before the same is tried again."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double from the first to the longest, in seconds, and then stay."""

    first_s: float = 0.05
    longest_s: float = 5.0

    def pauses(self) -> Iterator[float]:
        """Yield the pauses without end."""
        pause_s = self.first_s
        while True:
            yield pause_s
            pause_s = min(2 * pause_s, self.longest_s)
