"""Trying again, less and less often, until it is too late."""

import asyncio
import random
from collections.abc import AsyncIterator

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


async def attempts(deadline: float) -> AsyncIterator[int]:
    """Count attempts from 0, pausing between them; stop when the event loop's time passes ``deadline`` (seconds).

    Each pause is up to twice as long as the one before; its length is random, so that two who got into each other's way
    do not do so again.
    """
    loop = asyncio.get_running_loop()
    pause, number = _FIRST_PAUSE_S, 0
    while True:
        yield number
        number += 1
        rest = deadline - loop.time()
        if rest <= 0:
            return
        await asyncio.sleep(min(rest, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load, guards nothing
        pause = min(2 * pause, _LONGEST_PAUSE_S)
