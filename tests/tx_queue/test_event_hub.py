"""The hub: every follower gets every event once, in order, from wherever it starts, whatever breaks."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any, cast

import pytest
import stamina
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import exact_json
from ledger import (
    Cursor,
    InvalidCursor,
    Ledger,
    LedgerError,
    LedgerEvent,
    LedgerReplaced,
    LedgerUnavailable,
)
from tx_queue.event_hub import BEFORE_ALL, PAGE, EventHub, Interest, StreamedEvent
from tx_queue.health import Readiness
from tx_queue.intake import LedgerName

QUICK = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_initial=0.0001, wait_max=0.001, wait_jitter=0)


class EventsOnly:
    """The part of a ledger that the hub needs, as a list; its streams break where it is told."""

    def __init__(self, count: int = 0) -> None:
        self.cursors = [_cursor(number) for number in range(count)]
        self.breaks_at: list[Cursor] = []
        self.is_away = False
        self.id = "ledger-1"
        self.reads = 0
        self.read = asyncio.Event()
        self._grown = asyncio.Event()

    def grow(self, count: int = 1) -> None:
        self.cursors += [_cursor(len(self.cursors) + number) for number in range(count)]
        self._grown.set()
        self._grown = asyncio.Event()

    async def end(self) -> Cursor | None:
        if self.is_away:
            raise LedgerUnavailable("away")
        return self.cursors[-1] if self.cursors else None

    async def query(self, function: str, *_: str) -> bytes:
        if self.is_away:
            raise LedgerUnavailable("away")
        return exact_json({function: "", "ledger": self.id})

    async def events(self, after: Cursor | None = None) -> AsyncGenerator[LedgerEvent, None]:
        self.reads += 1
        self.read.set()
        place = 0 if after is None else self.cursors.index(after) + 1
        while True:
            for cursor in self.cursors[place:]:
                if cursor in self.breaks_at:
                    self.breaks_at.remove(cursor)
                    raise LedgerUnavailable("the stream broke")
                yield LedgerEvent(cursor, 0, '{"game":null,"name":"Event"}')
                place += 1
            if place == len(self.cursors):
                await self._grown.wait()


def _cursor(number: int) -> Cursor:
    """Three events to a transaction, two transactions to a block."""
    return Cursor(number // 6, number // 3 % 2, number % 3)


def new_hub(events: EventsOnly, kept: int = 4) -> EventHub:
    return hub_on(events, Readiness(), kept)


def hub_on(events: EventsOnly, readiness: Readiness, kept: int = 4) -> EventHub:
    ledger = cast(Ledger, events)
    return EventHub(ledger, LedgerName(ledger), readiness, QUICK, kept)


async def first(count: int, stream: AsyncGenerator[list[StreamedEvent], None]) -> list[Cursor]:
    """The cursors of so many events, or of a few more that came with them."""
    found: list[Cursor] = []
    while len(found) < count:
        found += [event.cursor for event in await anext(stream)]
    return found


async def cursors(stream: AsyncGenerator[list[StreamedEvent], None]) -> list[Cursor]:
    """The cursors of the next page."""
    return [event.cursor for event in await anext(stream)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_every_follower_gets_every_event_once_from_wherever_it_starts(data: st.DataObject) -> None:
    before = data.draw(st.integers(0, 30), label="events before the hub starts")
    growth = data.draw(st.lists(st.integers(1, 12), max_size=5), label="growth")
    events = EventsOnly(before)
    total = before + sum(growth)
    events.breaks_at = data.draw(st.lists(st.builds(_cursor, st.integers(0, 60)), max_size=5), label="breaks")
    starts = data.draw(st.lists(st.integers(0, before), min_size=1, max_size=4), label="followers start after")
    hub = new_hub(events, kept=data.draw(st.integers(1, 8), label="kept"))
    running = asyncio.create_task(hub.run())
    streams = [hub.follow(_cursor(start - 1) if start else BEFORE_ALL) for start in starts]
    eager = asyncio.create_task(first(total - starts[0], streams[0]))
    for count in growth:
        events.grow(count)
        await asyncio.sleep(0)
    expected = [_cursor(number) for number in range(total)]
    assert await eager == expected[starts[0] :]
    for start, stream in zip(starts[1:], streams[1:], strict=True):
        assert await first(total - start, stream) == expected[start:]
    hub.close()
    for stream in streams:
        assert [page async for page in stream] == []
    running.cancel()
    await asyncio.wait([running])


async def test_followers_share_one_reader_of_the_ledger() -> None:
    events = EventsOnly(3)
    hub = new_hub(events)
    running = asyncio.create_task(hub.run())
    followers = [asyncio.create_task(first(3, hub.follow(_cursor(2)))) for _ in range(20)]
    await events.read.wait()
    events.grow(3)
    assert {tuple(cursors) for cursors in await asyncio.gather(*followers)} == {(_cursor(3), _cursor(4), _cursor(5))}
    assert events.reads == 1
    running.cancel()
    await asyncio.wait([running])


async def test_a_follower_far_behind_reads_the_past_page_by_page() -> None:
    events = EventsOnly(3 * PAGE + 5)
    hub = new_hub(events)
    running = asyncio.create_task(hub.run())
    assert await first(len(events.cursors), hub.follow(BEFORE_ALL)) == events.cursors
    assert events.reads == 1 + 4
    running.cancel()
    await asyncio.wait([running])


async def test_a_cursor_beyond_the_end_is_refused_and_one_at_the_end_is_not() -> None:
    events = EventsOnly(5)
    hub = new_hub(events)
    await hub.check(_cursor(4))
    with pytest.raises(InvalidCursor, match=r"0\.1\.2"):
        await hub.check(_cursor(5))
    events.grow()
    await hub.check(_cursor(5))


async def test_on_a_ledger_without_events_no_cursor_is_valid() -> None:
    with pytest.raises(InvalidCursor, match="none yet"):
        await new_hub(EventsOnly()).check(_cursor(0))


async def test_followers_wait_for_a_ledger_that_is_away_when_the_hub_starts(until: Any) -> None:
    events = EventsOnly(5)
    events.is_away = True
    readiness = Readiness()
    hub = hub_on(events, readiness)
    running = asyncio.create_task(hub.run())
    following = asyncio.create_task(first(5, hub.follow(BEFORE_ALL)))

    async def is_known() -> bool:
        return readiness.obstacle == "event stream: away"

    await until(is_known)
    events.is_away = False
    assert await following == events.cursors
    assert readiness.obstacle is None
    running.cancel()
    await asyncio.wait([running])


async def test_closing_the_hub_ends_followers_that_wait() -> None:
    events = EventsOnly()
    hub = new_hub(events)
    running = asyncio.create_task(hub.run())
    following = asyncio.create_task(first(1, hub.follow(BEFORE_ALL)))
    await asyncio.sleep(0)
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await following
    running.cancel()
    await asyncio.wait([running])


class ReadinessToWaitFor(Readiness):
    """Tells when the ledger was found to be behind."""

    def __init__(self) -> None:
        super().__init__()
        self.is_behind = asyncio.Event()

    def lacks(self, part: str, reason: str) -> None:
        super().lacks(part, reason)
        if "was read before" in reason:
            self.is_behind.set()


async def test_a_ledger_that_is_behind_what_was_read_is_waited_for() -> None:
    """As a peer is that answers first after all of them were restarted; nothing is skipped and nothing repeated."""
    events = EventsOnly(count=3)
    readiness = ReadinessToWaitFor()
    hub = hub_on(events, readiness)
    reading = asyncio.create_task(hub.run())
    followed = hub.follow(_cursor(2))
    events.breaks_at = [_cursor(4)] * 100_000
    first = asyncio.create_task(cursors(followed))
    await events.read.wait()
    whole = [_cursor(number) for number in range(5)]
    events.grow(2)
    assert await first == [_cursor(3)]
    events.cursors = whole[:2]
    events.breaks_at.clear()
    await readiness.is_behind.wait()
    assert not reading.done()
    events.cursors = whole
    assert await cursors(followed) == [_cursor(4)]
    assert readiness.obstacle is None
    hub.close()
    reading.cancel()


class Refusing(EventsOnly):
    """A ledger that says once what no reader expects."""

    has_refused = False

    async def end(self) -> Cursor | None:
        if not self.has_refused:
            self.has_refused = True
            raise LedgerError("no peer knows the channel yet")
        return await super().end()


async def test_no_word_of_the_ledger_ends_the_reader() -> None:
    events = Refusing()
    hub = new_hub(events)
    reading = asyncio.create_task(hub.run())
    following = asyncio.create_task(cursors(hub.follow(BEFORE_ALL)))
    await events.read.wait()
    events.grow()
    assert await following == [_cursor(0)]
    hub.close()
    reading.cancel()


async def test_a_hub_that_is_closed_while_the_ledger_is_away_ends_at_once() -> None:
    events = EventsOnly(5)
    events.is_away = True
    hub = new_hub(events)
    running = asyncio.create_task(hub.run())
    await asyncio.sleep(0)
    hub.close()
    async with asyncio.timeout(60):
        await running


async def replaced(events: EventsOnly, count: int) -> None:
    """Put another ledger of so many events in the place of one that is read, and wait until the hub has seen it."""
    events.id = "ledger-2"
    events.cursors = [_cursor(number) for number in range(count)]
    events.breaks_at = [events.cursors[-1]]
    events.read.clear()
    events.grow()
    await events.read.wait()


async def test_a_follower_is_told_when_another_ledger_takes_the_place_of_the_one_it_followed() -> None:
    events = EventsOnly(3)
    hub = new_hub(events)
    running = asyncio.create_task(hub.run())
    waiting = asyncio.create_task(first(1, hub.follow(_cursor(2))))
    slow = hub.follow(BEFORE_ALL)
    assert await first(3, slow) == [_cursor(number) for number in range(3)]
    await replaced(events, count=30)
    for late in (waiting, first(1, slow)):
        with pytest.raises(LedgerReplaced):
            await late
    hub.close()
    running.cancel()


async def test_no_event_of_a_new_ledger_is_served_at_a_cursor_that_may_be_of_the_old_one() -> None:
    events = EventsOnly(3)
    hub = new_hub(events)
    running = asyncio.create_task(hub.run())
    await hub.check(_cursor(2))
    await first(3, hub.follow(BEFORE_ALL))
    await replaced(events, count=30)
    with pytest.raises(LedgerReplaced, match="ledger="):
        await hub.check(_cursor(2))
    with pytest.raises(LedgerReplaced):
        await hub.check(_cursor(2), "ledger-1")
    await hub.check(_cursor(2), "ledger-2")
    assert await first(31, hub.follow(BEFORE_ALL)) == events.cursors
    hub.close()
    running.cancel()


def told(number: int, **event: Any) -> StreamedEvent:
    data = {"name": "MarketClosedEvent", "game": "G", **event}
    return StreamedEvent(LedgerEvent(_cursor(number), 0, exact_json(data).decode()))


def test_an_interest_in_a_prosumer_covers_what_concerns_it_and_what_concerns_everybody() -> None:
    turn = told(0, name="BuyBidEvent", buyerInTurn="P1")
    transfer = told(1, name="TransferFulfilledEvent", seller="P2", buyer="P1")
    short = told(2, name="AccountTopUpRequired", prosumer="P2")
    stop = told(3, name="GameStopEvent")
    all_of_them = [turn, transfer, short, stop]
    assert Interest(prosumers=frozenset({"P1"})).of(all_of_them) == [turn, transfer, stop]
    assert Interest(prosumers=frozenset({"P2"})).of(all_of_them) == [transfer, short, stop]
    assert Interest(prosumers=frozenset({"P1", "P2"})).of(all_of_them) == all_of_them
    assert Interest(prosumers=frozenset({"P3"})).of(all_of_them) == [stop]
    assert Interest(game="H").of(all_of_them) == []
    assert Interest().of(all_of_them) == all_of_them


def test_an_event_is_streamed_as_the_contract_wrote_it_with_cursor_and_time_behind() -> None:
    event = told(4, price=Decimal("0.100"))
    assert event.text == (
        '{"game":"G","name":"MarketClosedEvent","price":0.100,"at":"1970-01-01T00:00:00.000Z","cursor":"0.1.1"}'
    )
    assert event.frame == f"id: 0.1.1\r\nevent: MarketClosedEvent\r\ndata: {event.text}\r\n\r\n".encode()


class Woken(EventsOnly):
    """Events of which every third is about a prosumer of its own."""

    async def events(self, after: Cursor | None = None) -> AsyncGenerator[LedgerEvent, None]:
        async for event in super().events(after):
            data = {"name": "BuyBidEvent", "game": "G", "buyerInTurn": f"P{event.cursor.index}"}
            yield LedgerEvent(event.cursor, 0, exact_json(data).decode())


async def test_a_follower_of_one_prosumer_gets_its_events_from_the_window_and_from_before_it() -> None:
    events = Woken(30)
    hub = new_hub(events, kept=2)
    running = asyncio.create_task(hub.run())
    following = hub.follow(BEFORE_ALL, Interest(prosumers=frozenset({"P1"})))
    wanted = [_cursor(number) for number in range(60) if number % 3 == 1]
    assert await first(10, following) == wanted[:10]
    more = asyncio.create_task(first(10, following))
    for _ in range(10):
        events.grow(3)
        await asyncio.sleep(0)
    assert await more == wanted[10:]
    hub.close()
    running.cancel()
