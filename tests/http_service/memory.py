"""How large a service becomes."""

import asyncio
from contextlib import suppress

import psutil

ROOM_BYTES = 50_000_000
"""How much larger than when it is idle a service may become."""


async def largest_size(process: psutil.Process) -> int:
    """Look at a process's memory until cancelled; return the largest size seen."""
    largest = 0
    with suppress(asyncio.CancelledError):
        while True:
            largest = max(largest, process.memory_info().rss)
            await asyncio.sleep(0.05)
    return largest
