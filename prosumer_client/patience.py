"""How long a client keeps trying, and how it spaces its attempts."""

import asyncio
import random
import time
from dataclasses import dataclass

from prosumer_client.errors import MarketUnavailable


class Interruption(Exception):
    """A failure that the next attempt may not meet: no connection, no answer in time, a service that asks for time.

    Parameters
    ----------
    wait_s
        How long the service asked us to wait, seconds (``Retry-After``).
    """

    def __init__(self, cause: str, wait_s: float = 0.0) -> None:
        self.cause = cause
        self.wait_s = wait_s
        super().__init__(cause)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried again before :class:`~prosumer_client.errors.MarketUnavailable` is raised.

    Delays double from ``first_delay_s`` to ``longest_delay_s``; each is shortened by up to half at random, so that many
    clients of a service that comes back do not all ask at once. What a service asks for in ``Retry-After`` is obeyed.

    Attributes
    ----------
    total_s
        Seconds from a call's beginning (for the event stream: from the last time it worked) to giving up.
    """

    total_s: float = 120.0
    first_delay_s: float = 0.1
    longest_delay_s: float = 5.0


class Attempts:
    """The attempts of one call."""

    def __init__(self, patience: Patience, url: str) -> None:
        self._patience = patience
        self._url = url
        self._gives_up_at = time.monotonic() + patience.total_s
        self._delay_s = patience.first_delay_s

    async def wait(self, interruption: Interruption) -> None:
        """Wait until the next attempt is due.

        Raises
        ------
        MarketUnavailable
            If that would be beyond our patience.
        """
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients in time, keeps no secret
        delay_s = interruption.wait_s + self._delay_s * spread
        self._delay_s = min(2 * self._delay_s, self._patience.longest_delay_s)
        if time.monotonic() + delay_s > self._gives_up_at:
            raise MarketUnavailable(
                f"{self._url} did not serve us within {self._patience.total_s:g} s; the last reason: "
                f"{interruption.cause}"
            ) from interruption
        await asyncio.sleep(delay_s)
