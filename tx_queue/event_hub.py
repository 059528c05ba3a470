"""One reader of the ledger's event stream for any number of followers.

The newest events are kept, each written once. A follower who is further behind gets pages from the ledger itself until
it has caught up. Nobody has a queue of its own, so a slow follower costs nothing but its place.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Self, cast

import structlog
from sse_starlette.event import ServerSentEvent

from energy_market_chaincode import iso_time
from energy_market_chaincode.canonical import exact_json
from ledger.interface import Cursor, InvalidCursor, Ledger, LedgerError, LedgerEvent, LedgerUnavailable
from tx_queue.backoff import Backoff
from tx_queue.trouble import Trouble

BEFORE_ALL = Cursor(-1, 0, 0)
"""The place of one who has seen no event."""
PAGE = 256
"""How many events a follower takes at a time."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class StreamedEvent:
    """An event as followers get it; ``text`` is its JSON with cursor and time."""

    cursor: Cursor
    name: str
    game: str | None
    text: str

    @cached_property
    def frame(self) -> bytes:
        """The event as a Server-Sent Event, written once for all followers."""
        return ServerSentEvent(self.text, event=self.name, id=str(self.cursor)).encode()

    @classmethod
    def of(cls, event: LedgerEvent) -> Self:
        """Write an event of the ledger for followers."""
        document = {**event.data, "cursor": str(event.cursor), "at": iso_time(event.at_ms)}
        return cls(event.cursor, event.name, event.data.get("game"), exact_json(document).decode())


class Window:
    """The newest events: all after ``start``, at least ``kept`` of them once there were as many."""

    def __init__(self, start: Cursor, kept: int) -> None:
        self.start = start
        self.newest = start
        self._kept = kept
        self._events: list[StreamedEvent] = []

    def add(self, event: StreamedEvent) -> None:
        """Append the next event."""
        self._events.append(event)
        self.newest = event.cursor
        if len(self._events) >= 2 * self._kept:
            self.start = self._events[-self._kept - 1].cursor
            del self._events[: -self._kept]

    def page(self, after: Cursor) -> list[StreamedEvent]:
        """Return the next events after a cursor that is not before ``start``."""
        first = bisect_right(self._events, after, key=lambda event: event.cursor)
        return self._events[first : first + PAGE]


class EventHub:
    """Reads the ledger's events, from the time it starts, and hands them to its followers."""

    def __init__(self, ledger: Ledger, trouble: Trouble, backoff: Backoff, kept: int) -> None:
        """Keep at least ``kept`` of the newest events in memory."""
        self._ledger = ledger
        self._trouble = trouble
        self._backoff = backoff
        self._pauses = backoff.pauses()
        self._kept = kept
        self._window: Window | None = None
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Read until the ledger is closed; take a broken stream up again where it broke."""
        while True:
            try:
                await self._read_on()
            except LedgerError as error:  # whatever it is: without this reader nobody hears of anything
                self._trouble.arose("event stream", str(error))
                _log.warning("event stream broke, will be resumed", reason=str(error))
            else:
                return
            await self._pause(next(self._pauses))

    def close(self) -> None:
        """Let all followers end."""
        self._closed.set()
        self._wake()

    async def end(self) -> Cursor:
        """Return the place of one who has seen every event; raises LedgerUnavailable."""
        return await self._ledger.end() or BEFORE_ALL

    async def check(self, after: Cursor) -> None:
        """Make sure that one can follow from a cursor.

        Raises
        ------
        InvalidCursor
            If it lies beyond the ledger's end.
        LedgerUnavailable
        """
        if self._window is not None and after <= self._window.newest:
            return
        end = await self.end()
        if after > end:
            shown = "there is none yet" if end == BEFORE_ALL else str(end)
            raise InvalidCursor(f"the cursor {after} lies beyond the ledger's newest event: {shown}")

    async def follow(self, after: Cursor, game: str | None = None) -> AsyncGenerator[StreamedEvent, None]:
        """Yield every event after a cursor, then new ones as they come, until the hub is closed.

        Parameters
        ----------
        game
            Leave out the events of other games.
        """
        while page := await self._next_page(after):
            for event in page if game is None else [event for event in page if event.game == game]:
                yield event
            after = page[-1].cursor

    async def _next_page(self, after: Cursor) -> list[StreamedEvent]:
        """Wait for events after a cursor; an empty page is the end."""
        while not self._closed.is_set():
            changed = self._changed
            if self._window is not None and after < self._window.start:
                return await self._past_page(after, self._window.start)
            if self._window is not None and (page := self._window.page(after)):
                return page
            await changed.wait()
        return []

    async def _past_page(self, after: Cursor, until: Cursor) -> list[StreamedEvent]:
        for pause_s in self._backoff.pauses():
            try:
                return await self._read_page(after, until)
            except LedgerUnavailable as error:
                _log.warning("reading past events failed, will be tried again", reason=str(error))
            if await self._pause(pause_s):
                break
        return []

    async def _read_page(self, after: Cursor, until: Cursor) -> list[StreamedEvent]:
        async with aclosing(self._events(after)) as events:
            return await _page_of(events, until)

    async def _read_on(self) -> None:
        """Read from where the window ends, or from the ledger's end at first, until the stream ends or breaks."""
        end = await self.end()
        if self._window is not None and end < self._window.newest:
            raise LedgerUnavailable(
                f"its newest event is {end}, but {self._window.newest} was read before: its peers lag, or it is another"
            )
        self._trouble.passed("event stream")
        if self._window is None:
            self._window = Window(end, self._kept)
            self._wake()
        async with aclosing(self._events(self._window.newest)) as events:
            async for event in events:
                self._pauses = self._backoff.pauses()
                self._window.add(StreamedEvent.of(event))
                self._wake()

    def _events(self, after: Cursor) -> AsyncGenerator[LedgerEvent, None]:
        events = self._ledger.events(None if after == BEFORE_ALL else after)
        return cast("AsyncGenerator[LedgerEvent, None]", events)  # every ledger's are; only so they can be closed

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _pause(self, seconds: float) -> bool:
        """Wait some time; True if the hub was closed meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        return self._closed.is_set()


async def _page_of(events: AsyncGenerator[LedgerEvent, None], until: Cursor) -> list[StreamedEvent]:
    """Take a page of events, or fewer where a cursor comes first."""
    page: list[StreamedEvent] = []
    async for event in events:
        page.append(StreamedEvent.of(event))
        if len(page) == PAGE or event.cursor >= until:
            break
    return page
