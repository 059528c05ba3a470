"""The stream of events: each reader at its own place, woken by commits."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import partial

from ledger.embedded import store
from ledger.embedded.database import Database
from ledger.embedded.errors import LedgerClosed, LedgerDamaged
from ledger.interface import Cursor, InvalidCursor, LedgerEvent

PAGE = 256
"""How many events are read from the file at a time."""


class EventFeed:
    """Hands out committed events and waits, without polling, for those to come.

    A reader that had seen all gets a new block's events from whoever committed it; others read the file.
    """

    def __init__(self, database: Database, end: Cursor | None) -> None:
        self._database = database
        self._end = end
        self._before_newest = end
        self._newest: Sequence[LedgerEvent] = ()
        self._is_closed = False
        self._changed = asyncio.Event()

    @property
    def end(self) -> Cursor | None:
        """The cursor of the newest event."""
        return self._end

    def extend(self, events: Sequence[LedgerEvent]) -> None:
        """Wake the readers: these events were committed after all before them."""
        if events:
            self._before_newest, self._newest, self._end = self._end, events, events[-1].cursor
            self._wake()

    def close(self) -> None:
        """Let every reader end."""
        self._is_closed = True
        self._wake()

    async def follow(self, after: Cursor | None) -> AsyncGenerator[LedgerEvent, None]:
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
                page = self._newest if after == self._before_newest else await self._from_file(after)
            except LedgerClosed:
                return
            for event in page:
                yield event
                after = event.cursor

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _has_more(self, after: Cursor | None) -> bool:
        """Wait until there are events after a cursor; False when the feed is closed."""
        while not self._is_closed and self._end == after:
            await self._changed.wait()
        return not self._is_closed

    async def _from_file(self, after: Cursor | None) -> Sequence[LedgerEvent]:
        end = self._end
        page = await self._database.read(partial(store.events_after, after=after, limit=PAGE))
        # A block is in the file shortly before it is announced; nobody may know a cursor beyond ``end``.
        announced = [event for event in page if end is not None and event.cursor <= end]
        if not announced:
            raise LedgerDamaged(f"the events after {after} are missing; see energy-market ledger verify")
        return announced
