"""One reading of the channel serves every reader of events, wherever it begins and however slow it is."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.fabric import event_feed
from ledger.fabric.event_feed import EventFeed, EventsOfBlock
from ledger.interface import Cursor, LedgerEvent, LedgerUnavailable


class Chain:
    """A channel in memory; every block has as many events as it is told."""

    def __init__(self, *events_per_block: int) -> None:
        self.blocks: list[list[LedgerEvent]] = []
        self.readings = 0
        self.failure: Exception | None = None
        self._grown = asyncio.Condition()
        for count in events_per_block:
            self._append(count)

    @property
    def events(self) -> list[LedgerEvent]:
        return [event for block in self.blocks for event in block]

    async def height(self) -> int:
        return len(self.blocks)

    async def grow(self, *events_per_block: int) -> None:
        async with self._grown:
            for count in events_per_block:
                self._append(count)
            self._grown.notify_all()

    async def fail(self, failure: Exception) -> None:
        async with self._grown:
            self.failure = failure
            self._grown.notify_all()

    async def blocks_from(self, first: int) -> AsyncGenerator[EventsOfBlock, None]:
        self.readings += 1
        number = first
        while True:
            yield number, await self._block(number)
            number += 1

    async def _block(self, number: int) -> list[LedgerEvent]:
        async with self._grown:
            await self._grown.wait_for(lambda: self.failure is not None or len(self.blocks) > number)
        if self.failure is not None:
            raise self.failure
        return self.blocks[number]

    def _append(self, count: int) -> None:
        number = len(self.blocks)
        self.blocks.append(
            [LedgerEvent(Cursor(number, 0, index), 1000 * number, "Event", {}) for index in range(count)]
        )


async def take(feed: EventFeed, after: Cursor | None, count: int) -> list[LedgerEvent]:
    events = feed.follow(after)
    found = [await anext(events) for _ in range(count)]
    await events.aclose()
    return found


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(st.integers(0, 3), max_size=8),
    later=st.lists(st.integers(0, 3), max_size=12),
    in_memory=st.integers(1, 5),
    data=st.data(),
)
async def test_a_reader_sees_every_event_after_its_cursor_once_in_order(
    before: list[int], later: list[int], in_memory: int, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_feed, "_BLOCKS_IN_MEMORY", in_memory)
        patch.setattr(event_feed, "_BLOCKS_AT_ONCE", 2)
        chain = Chain(*before)
        feed = EventFeed(chain.blocks_from, chain.height)
        starts = [None, *(event.cursor for event in chain.events)]
        after = data.draw(st.sampled_from(starts))
        expected = len(chain.events) + sum(later) - starts.index(after)
        slow = feed.follow(after)
        early = [await anext(slow)] if len(chain.events) > starts.index(after) else []
        others = asyncio.create_task(take(feed, after, expected))
        await chain.grow(*later)
        wanted = chain.events[starts.index(after) :]
        assert await others == wanted
        assert early + [await anext(slow) for _ in range(expected - len(early))] == wanted
        await slow.aclose()
        await feed.close()


async def test_many_readers_share_one_reading() -> None:
    chain = Chain(1)
    feed = EventFeed(chain.blocks_from, chain.height)
    reading = [asyncio.create_task(take(feed, Cursor(0, 0, 0), 3)) for _ in range(20)]
    await take(feed, None, 1)
    await chain.grow(1, 1, 1)
    assert all(events == chain.events[1:] for events in await asyncio.gather(*reading))
    assert chain.readings == 1
    await feed.close()


async def test_a_broken_reading_reaches_every_reader_and_the_next_one_begins_anew() -> None:
    chain = Chain(1)
    feed = EventFeed(chain.blocks_from, chain.height)
    reading = [asyncio.create_task(take(feed, Cursor(0, 0, 0), 1)) for _ in range(3)]
    await take(feed, None, 1)
    await chain.fail(LedgerUnavailable("the peers are gone"))
    for ended in await asyncio.gather(*reading, return_exceptions=True):
        assert isinstance(ended, LedgerUnavailable)
        assert "the peers are gone" in str(ended)
    chain.failure = None
    await chain.grow(2)
    assert await take(feed, Cursor(0, 0, 0), 2) == chain.events[1:]
    await feed.close()


async def test_readers_end_when_the_feed_is_closed() -> None:
    chain = Chain(1)
    feed = EventFeed(chain.blocks_from, chain.height)
    reading = feed.follow(None)
    await anext(reading)
    ending = asyncio.create_task(anext(reading, None))
    await take(feed, None, 1)
    await feed.close()
    assert await ending is None
