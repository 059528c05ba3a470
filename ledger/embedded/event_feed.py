"""The stream of events: any number of readers, each at its own place, woken by commits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import takewhile

from ledger.embedded import store
from ledger.embedded.database import Database
from ledger.embedded.errors import LedgerClosed, LedgerDamaged
from ledger.interface import Cursor, InvalidCursor, LedgerEvent

PAGE = 256
"""How many events are read at a time, and how many of the newest are kept in memory for all readers together."""


class EventFeed:
    """Hands out committed events from the database and waits, without polling, for those to come.

    A reader that keeps up is served from memory: with many readers, one reading of the database for each of them after
    each commit is what a turn would wait for.
    """

    def __init__(self, database: Database, end: Cursor | None) -> None:
        self._database = database
        self._end = end
        self._newest: deque[LedgerEvent] = deque(maxlen=PAGE)
        self._is_closed = False
        self._changed = asyncio.Condition()

    @property
    def end(self) -> Cursor | None:
        """The cursor of the newest event."""
        return self._end

    async def extend(self, events: Sequence[LedgerEvent]) -> None:
        """Wake the readers: these events were committed after all before them."""
        if not events:
            return
        async with self._changed:
            self._newest.extend(events)
            self._end = events[-1].cursor
            self._changed.notify_all()

    async def close(self) -> None:
        """Let every reader end."""
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    async def follow(self, after: Cursor | None) -> AsyncIterator[LedgerEvent]:
        """Yield every event after a cursor, then new ones as they commit, until the feed is closed.

        Raises
        ------
        InvalidCursor
            If the cursor lies beyond the newest event.
        LedgerUnavailable
        """
        if after is not None and (self._end is None or after > self._end):
            raise InvalidCursor(f"the cursor {after} lies beyond the ledger's newest event, {self._end}")
        while await self._has_more(after):
            try:
                page = self._from_memory(after) or await self._from_database(after)
            except LedgerClosed:
                return
            for event in page:
                yield event
                after = event.cursor

    async def _has_more(self, after: Cursor | None) -> bool:
        """Wait until there are events after a cursor; False when the feed is closed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._is_closed or self._end != after)
            return not self._is_closed

    def _from_memory(self, after: Cursor | None) -> list[LedgerEvent]:
        """Return all events after a cursor, or none if some of them are no longer in memory."""
        if after is None or not self._newest or self._newest[0].cursor > after:
            return []
        page = list(takewhile(lambda event: event.cursor > after, reversed(self._newest)))
        page.reverse()
        return page

    async def _from_database(self, after: Cursor | None) -> list[LedgerEvent]:
        end = self._end
        page = await self._database.read(partial(store.events_after, after=after, limit=PAGE))
        # A block is in the database shortly before it is announced; nobody may know a cursor beyond ``end``.
        announced = [event for event in page if end is not None and event.cursor <= end]
        if not announced:
            raise LedgerDamaged(f"the events after {after} are missing; see energy-market ledger verify")
        return announced
