"""A Fabric ledger's events, from a channel's blocks: every one after a cursor, once, in order. Needs no Fabric."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import EVENT_NAME, exact_json
from ledger import Cursor, LedgerEvent, LedgerReplaced, LedgerUnavailable
from ledger.fabric.gateway import (
    ChainTip,
    ChannelBlock,
    ChannelTransaction,
    ContractRefused,
    GatewayClient,
    GatewayUnavailable,
)
from ledger.fabric.ledger import FabricLedger

CHAINCODE = "energy-market"


class Channel:
    """A channel in memory; every block has one transaction of the market with as many events as it is told."""

    def __init__(self, *events_per_block: int) -> None:
        self.chain: list[ChannelBlock] = []
        self.failure: Exception | None = None
        self._grown = asyncio.Condition()
        for count in events_per_block:
            self.append(count)

    async def tip(self) -> ChainTip:
        return ChainTip(len(self.chain), self.chain[-1].hash if self.chain else "")

    async def block(self, number: int) -> ChannelBlock:
        if number >= len(self.chain):
            raise ContractRefused(500, "no such block")
        return self.chain[number]

    async def blocks(self, first: int) -> AsyncGenerator[ChannelBlock, None]:
        number = first
        while True:
            async with self._grown:
                await self._grown.wait_for(lambda: self.failure is not None or len(self.chain) > number)  # noqa: B023 - awaited before it changes
            if self.failure is not None:
                raise self.failure
            yield self.chain[number]
            number += 1

    async def close(self) -> None:
        """Have nothing to close."""

    async def grow(self, *events_per_block: int) -> None:
        async with self._grown:
            for count in events_per_block:
                self.append(count)
            self._grown.notify_all()

    async def fail(self, failure: Exception) -> None:
        async with self._grown:
            self.failure = failure
            self._grown.notify_all()

    def append(self, count: int, previous_hash: str | None = None) -> None:
        number = len(self.chain)
        payload = exact_json([{"name": "Event", "game": None, "number": index} for index in range(count)])
        transaction = ChannelTransaction(
            index=0, id=f"t{number}", at_ms=number, chaincode=CHAINCODE, version="1.0", args=(b"submit", b"[]"),
            result=b"[]", answers_proposal=True,
            event_name=EVENT_NAME if count else "", event_payload=payload if count else b"", rwset=b"",
        )  # fmt: skip
        previous = f"hash {number - 1}" if previous_hash is None else previous_hash
        self.chain.append(ChannelBlock(number, f"hash {number}", previous, "", "", b"", (transaction,)))

    @property
    def cursors(self) -> list[Cursor]:
        counts = [len(block.transactions[0].event_payload.split(b'"name"')) - 1 for block in self.chain]
        return [Cursor(number, 0, index) for number, count in enumerate(counts) for index in range(count)]


def ledger_on(channel: Channel) -> FabricLedger:
    return FabricLedger(cast(GatewayClient, channel), CHAINCODE)


async def take(ledger: FabricLedger, after: Cursor | None, count: int) -> list[LedgerEvent]:
    async with aclosing(ledger.events(after)) as events:
        return [await anext(events) for _ in range(count)]


@settings(max_examples=60, deadline=None)
@given(before=st.lists(st.integers(0, 3), max_size=8), later=st.lists(st.integers(0, 3), max_size=12), data=st.data())
async def test_a_reader_sees_every_event_after_its_cursor_once_in_order(
    before: list[int], later: list[int], data: st.DataObject
) -> None:
    channel = Channel(*before)
    ledger = ledger_on(channel)
    starts = [None, *channel.cursors]
    after = data.draw(st.sampled_from(starts))
    expected = len(channel.cursors) + sum(later) - starts.index(after)
    reading = asyncio.create_task(take(ledger, after, expected))
    await asyncio.sleep(0)
    await channel.grow(*later)
    found = await reading
    assert [event.cursor for event in found] == channel.cursors[starts.index(after) :]
    assert [event.data["number"] for event in found] == [event.cursor.index for event in found]
    await ledger.close()


async def test_a_broken_reading_reaches_its_reader_who_may_begin_anew() -> None:
    channel = Channel(1)
    ledger = ledger_on(channel)
    reading = asyncio.create_task(take(ledger, Cursor(0, 0, 0), 1))
    await asyncio.sleep(0)
    await channel.fail(GatewayUnavailable("the peers are gone"))
    with pytest.raises(LedgerUnavailable, match="the peers are gone"):
        await reading
    channel.failure = None
    await channel.grow(2)
    assert [event.cursor for event in await take(ledger, Cursor(0, 0, 0), 2)] == channel.cursors[1:]


async def test_readers_end_when_the_ledger_is_closed() -> None:
    ledger = ledger_on(Channel(1))
    reading = cast(Any, ledger.events())
    await anext(reading)
    ending = asyncio.create_task(anext(reading, None))
    await asyncio.sleep(0)
    await ledger.close()
    assert await ending is None


async def test_a_block_that_does_not_follow_on_the_one_before_is_another_channels() -> None:
    channel = Channel(1)
    channel.append(1, previous_hash="of another block 0")
    with pytest.raises(LedgerReplaced, match="block 1 does not follow"):
        await take(ledger_on(channel), None, 2)
