"""The stream of events: one reading of the channel for any number of readers, each at its own place."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from ledger.interface import Cursor, LedgerEvent, LedgerUnavailable

_BLOCKS_IN_MEMORY = 256
_BLOCKS_AT_ONCE = 256

EventsOfBlock = tuple[int, list[LedgerEvent]]
"""A block's number, and its events."""

BlocksFrom = Callable[[int], AsyncGenerator[EventsOfBlock, None]]
"""Yields every block from a number on, those to come included; raises LedgerError when it cannot."""


class EventFeed:
    """Follows the channel's newest blocks once, in memory, for all who wait for events.

    Who is behind what is in memory catches up by a reading of its own. The following begins with the first reader.
    """

    def __init__(self, blocks_from: BlocksFrom, height: Callable[[], Awaitable[int]]) -> None:
        self._blocks_from = blocks_from
        self._height = height
        self._newest: deque[EventsOfBlock] = deque(maxlen=_BLOCKS_IN_MEMORY)
        self._next_block = 0
        self._following: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._changed = asyncio.Condition()
        self._failure: Exception | None = None
        self._is_closed = False

    async def follow(self, after: Cursor | None) -> AsyncGenerator[LedgerEvent, None]:
        """Yield every event after a cursor, then new ones as they commit, until the feed is closed.

        Raises
        ------
        LedgerUnavailable
            The channel can no longer be read; the next reader tries again.
        """
        await self._start()
        block = 0 if after is None else after.block
        while not self._is_closed:
            page = await self._from_memory(block) if block >= self._oldest else await self._from_channel(block)
            for number, events in page:
                for event in events:
                    if after is None or event.cursor > after:
                        yield event
                block = number + 1

    async def close(self) -> None:
        """Let every reader end."""
        self._is_closed = True
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._announce()

    @property
    def _oldest(self) -> int:
        """The first block that is in memory, or will be."""
        return self._newest[0][0] if self._newest else self._next_block

    async def _from_memory(self, block: int) -> list[EventsOfBlock]:
        """Wait until a block is there; return it and those after it, nothing if memory no longer reaches back to it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._is_closed or self._failure or self._next_block > block)
        if self._failure is not None and self._next_block <= block:
            raise LedgerUnavailable(f"the channel's blocks no longer arrive: {self._failure}") from self._failure
        return [found for found in self._newest if found[0] >= block] if block >= self._oldest else []

    async def _from_channel(self, block: int) -> list[EventsOfBlock]:
        """Read some blocks, at most up to where memory begins."""
        page: list[EventsOfBlock] = []
        async with aclosing(self._blocks_from(block)) as blocks:
            async for found in blocks:
                page.append(found)
                if found[0] + 1 >= self._oldest or len(page) == _BLOCKS_AT_ONCE:
                    break
        return page

    async def _start(self) -> None:
        async with self._starting:
            if self._following is None:
                # Most readers begin near the end: with the newest blocks in memory none of them reads for itself.
                self._next_block = max(0, await self._height() - _BLOCKS_IN_MEMORY)
            elif not self._following.done():
                return
            self._failure = None
            self._following = asyncio.create_task(self._keep_following())

    async def _keep_following(self) -> None:
        try:
            async with aclosing(self._blocks_from(self._next_block)) as blocks:
                async for number, events in blocks:
                    self._newest.append((number, events))
                    self._next_block = number + 1
                    await self._announce()
        except Exception as failure:  # whatever it is, every reader has to hear of it
            self._failure = failure
            await self._announce()

    async def _announce(self) -> None:
        async with self._changed:
            self._changed.notify_all()
