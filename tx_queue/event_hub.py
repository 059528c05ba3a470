"""One reader of the ledger's event stream, and the one window of recent events, for any number of followers.

A follower who is further behind than the window gets pages from the ledger itself until it has caught up. Nobody has a
queue of its own, so a slow follower costs nothing but its place; who waits is woken only by what it wants to hear.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import stamina
from sse_starlette.event import ServerSentEvent

from energy_market_chaincode import errors, events, is_same_ledger, iso_time
from ledger import Cursor, InvalidCursor, Ledger, LedgerError, LedgerEvent, LedgerReplaced, LedgerUnavailable
from market_log import structlog
from tx_queue.health import Readiness
from tx_queue.intake import LedgerName

BEFORE_ALL: Final = Cursor(-1, 0, 0)
"""The place of one who has seen no event."""
PAGE: Final = 256
"""How many events a follower takes at a time."""

_BREAKS = (LedgerError, errors.Rejection)
"""Whatever the ledger says: without its reader nobody hears of anything."""
_PAUSE_S = 0.1
"""Before a follower of past events tries again; whether the ledger is away at all, the reader finds out."""
_log = structlog.stdlib.get_logger(__name__)


class StreamedEvent:
    """An event as followers get it, written once for all of them."""

    def __init__(self, event: LedgerEvent) -> None:
        self.cursor = event.cursor
        self.name = event.name
        self.game = event.data.get("game")
        self.concerned = events.concerned(event.data)
        # The contract's own text; cursor and time are put behind what it wrote.
        self.text = f'{event.text[:-1]},"at":"{iso_time(event.at_ms)}","cursor":"{event.cursor}"}}'

    @cached_property
    def frame(self) -> bytes:
        """The event as a Server-Sent Event."""
        return ServerSentEvent(self.text, event=self.name, id=str(self.cursor)).encode()


@dataclass(frozen=True, slots=True)
class Interest:
    """What a follower wants to hear.

    Attributes
    ----------
    game
        Only the events of this game; None for those of all.
    prosumers
        Only what concerns one of these; None for everything.
    """

    game: str | None = None
    prosumers: frozenset[str] | None = None

    def covers(self, event: StreamedEvent) -> bool:
        """Tell whether an event is to be sent."""
        if self.game is not None and event.game != self.game:
            return False
        return self.prosumers is None or event.concerned is None or not self.prosumers.isdisjoint(event.concerned)

    def of(self, page: Iterable[StreamedEvent]) -> list[StreamedEvent]:
        """Return those of some events that are to be sent."""
        return [event for event in page if self.covers(event)]


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


@dataclass(eq=False, slots=True)
class _Waiter:
    """A follower that has seen all there is; it is told after which cursor to go on."""

    interest: Interest
    word: asyncio.Future[Cursor | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def tell(self, cursor: Cursor | None) -> None:
        if not self.word.done():
            self.word.set_result(cursor)


class EventHub:
    """Reads the ledger's events, from the time it starts, and hands them to its followers."""

    def __init__(
        self,
        ledger: Ledger,
        ledger_name: LedgerName,
        readiness: Readiness,
        retrying: stamina.AsyncRetryingCaller,
        kept: int,
    ) -> None:
        """Keep at least ``kept`` of the newest events in memory."""
        self._ledger = ledger
        self._ledger_name = ledger_name
        self._readiness = readiness
        self._retrying = retrying
        self._kept = kept
        self._window: Window | None = None
        self._waiters: set[_Waiter] = set()
        self._read_ledger: str | None = None
        self._replaced = 0
        self._is_reading = False
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Read until the ledger or the hub is closed; take a broken stream up again where it broke."""
        await first_of(self._read(), self._closed.wait())

    def close(self) -> None:
        """Let all followers end."""
        self._closed.set()
        self._wake_all()

    async def end(self) -> Cursor:
        """Return the place of one who has seen every event; raises LedgerUnavailable."""
        return await self._ledger.end() or BEFORE_ALL

    async def check(self, after: Cursor, ledger: str | None = None) -> None:
        """Make sure that one can follow from a cursor.

        Parameters
        ----------
        ledger
            The id of the ledger that the cursor is of; who does not say it is believed, unless the ledger was replaced
            while this hub ran: then it may be of the old one.

        Raises
        ------
        InvalidCursor
            If it lies beyond the ledger's end.
        LedgerReplaced
            If it is, or may be, another ledger's.
        LedgerUnavailable
        """
        if ledger is not None:
            ours = await self._ledger_name.read_unless({ledger})
            if ours is not None and not is_same_ledger(ours, ledger):
                raise LedgerReplaced(f"the cursor {after} is of another ledger than the one that stands here")
        if ledger is None and self._replaced:
            raise LedgerReplaced(f"say with ledger= of which ledger the cursor {after} is: it was replaced")
        if self._window is not None and after <= self._window.newest:
            return
        end = await self.end()
        if after > end:
            shown = "there is none yet" if end == BEFORE_ALL else str(end)
            raise InvalidCursor(f"the cursor {after} lies beyond the ledger's newest event: {shown}")

    def follow(self, after: Cursor, interest: Interest | None = None) -> AsyncGenerator[list[StreamedEvent], None]:
        """Yield the events after a cursor, some at a time, then new ones as they come, until the hub is closed.

        Raises
        ------
        LedgerReplaced
            When another ledger stands where this one was.
        """
        return self._pages(after, interest or Interest(), self._replaced)

    async def _pages(self, after: Cursor, interest: Interest, era: int) -> AsyncGenerator[list[StreamedEvent], None]:
        while not self._closed.is_set():
            if era != self._replaced:
                raise LedgerReplaced(
                    "another ledger stands where this one was; begin anew, its cursors mean other events"
                )
            if self._window is None or after >= self._window.newest or not self._can_serve(after):
                after = max(after, await self._word(interest) or after)
                continue
            page = self._window.page(after) if after >= self._window.start else await self._past_page(after)
            if era == self._replaced and page:
                after = page[-1].cursor
                if wanted := interest.of(page):
                    yield wanted

    def _can_serve(self, after: Cursor) -> bool:
        """Tell whether what comes after a cursor is in memory, or may be asked for: the ledger is known to be ours."""
        return self._window is not None and (after >= self._window.start or self._is_reading)

    async def _word(self, interest: Interest) -> Cursor | None:
        """Wait for an event of interest and return the cursor before it; None if something else happened."""
        waiter = _Waiter(interest)
        self._waiters.add(waiter)
        try:
            return await waiter.word
        finally:
            self._waiters.discard(waiter)

    async def _past_page(self, after: Cursor) -> list[StreamedEvent]:
        """Read events that are no longer in memory; none if the ledger cannot be asked now."""
        assert self._window is not None  # noqa: S101 - for the type checker
        try:
            return await self._read_page(after, self._window.start)
        except LedgerError as error:
            _log.warning("reading past events failed, will be tried again", reason=str(error))
            await self._pause(_PAUSE_S)
            return []

    async def _read_page(self, after: Cursor, until: Cursor) -> list[StreamedEvent]:
        page: list[StreamedEvent] = []
        async with aclosing(self._events(after)) as stream:
            async for event in stream:
                page.append(StreamedEvent(event))
                if len(page) == PAGE or event.cursor >= until:
                    break
        return page if self._is_reading else []  # who stopped reading may find another ledger

    async def _read(self) -> None:
        """Read on and on, until the ledger is closed."""
        while await self._retrying(_BREAKS, self._read_on):
            _log.info("event stream is resumed")

    async def _read_on(self) -> bool:
        """Read from where the window ends; tell whether to go on because the stream broke after it had worked.

        Raises
        ------
        LedgerError, Rejection
            If nothing could be read.
        """
        has_worked = False
        try:
            window = await self._open_window()
            async with aclosing(self._events(window.newest)) as stream:
                async for event in stream:
                    self._take(window, StreamedEvent(event))
                    has_worked = True
            return False  # the ledger was closed
        except _BREAKS as error:
            self._readiness.lacks("event stream", str(error))
            _log.warning("event stream broke, will be resumed", reason=str(error))
            if not has_worked:
                raise
        finally:
            self._is_reading = False
        return True

    async def _open_window(self) -> Window:
        """Return the window to go on with, or a new one from the ledger's end."""
        await self._recognise()
        end = await self.end()
        if self._window is None:
            self._window = Window(end, self._kept)
        elif end < self._window.newest:
            seen = self._window.newest
            raise LedgerUnavailable(f"its newest event is {end}, but {seen} was read before: its peers lag")
        self._readiness.has("event stream")
        self._is_reading = True
        self._wake_all()
        return self._window

    async def _recognise(self) -> None:
        """Look whether the ledger is still the one that was read; if not, begin anew and let everybody know."""
        before, self._read_ledger = self._read_ledger, await self._ledger_name.read()
        if before is None or before == self._read_ledger or is_same_ledger(before, self._read_ledger):
            return
        _log.warning("another ledger stands where one was read before", ledger=self._read_ledger, before=before)
        self._replaced += 1
        self._window = None
        self._wake_all()

    def _take(self, window: Window, event: StreamedEvent) -> None:
        if event.name == events.LedgerTimeSetEvent.__name__:
            self._ledger_name.forget()
        before = window.newest
        window.add(event)
        for waiter in self._waiters:
            if waiter.interest.covers(event):
                waiter.tell(before)

    def _events(self, after: Cursor) -> AsyncGenerator[LedgerEvent, None]:
        return self._ledger.events(None if after == BEFORE_ALL else after)

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            waiter.tell(None)

    async def _pause(self, seconds: float) -> None:
        """Wait some time, or until the hub is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()


async def first_of(*works: Coroutine[Any, Any, object]) -> None:
    """Do several things at once, until one of them is done."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()
