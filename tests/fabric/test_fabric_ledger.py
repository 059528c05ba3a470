"""What a Fabric ledger makes of gateways that lag, refuse and forget. Needs no Fabric."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from energy_market_chaincode import EVENT_NAME, milliseconds
from ledger import Cursor, LedgerUnavailable, TransactionFailed
from ledger.fabric.gateway import (
    ChainTip,
    ChannelBlock,
    ChannelTransaction,
    ContractRefused,
    GatewayClient,
    GatewayRefused,
    GatewayUnavailable,
    IdentityExpired,
    TransactionInvalid,
)
from ledger.fabric.known_chain import OWN_BLOCK
from ledger.fabric.ledger import FabricLedger
from market_time import SteadyTime


class Blocks:
    """A client of a channel whose blocks hold nothing of the market's."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.lag = 0
        """Of the gateway that is asked for blocks."""
        self.era = "old"
        self.asked: list[int] = []

    async def tip(self) -> ChainTip:
        return ChainTip(self.height, hash_of(self.height - 1, self.era))

    async def block(self, number: int) -> ChannelBlock:
        self.asked.append(number)
        if number >= self.height - self.lag:
            raise ContractRefused(500, "no such block")
        before, transactions = hash_of(number - 1, self.era), self._transactions(number)
        return ChannelBlock(number, hash_of(number, self.era), before, "", "", b"", transactions)

    def _transactions(self, _number: int) -> tuple[ChannelTransaction, ...]:
        return ()


def hash_of(number: int, era: str) -> str:
    """Return a block's hash; of eras that are said of the channel the first block is the same."""
    return f"{number} {era if number > 0 else ''}"


def ledger_on(client: Any) -> FabricLedger:
    return FabricLedger(cast(GatewayClient, client), "energy-market")


async def test_no_block_is_searched_twice_for_the_newest_event() -> None:
    blocks = Blocks(50)
    ledger = ledger_on(blocks)
    assert set(await asyncio.gather(ledger.end(), ledger.end())) == {None}
    assert sorted(blocks.asked) == sorted([*range(50), OWN_BLOCK])
    blocks.height = 52
    await ledger.end()
    assert [number for number in blocks.asked[51:] if number != OWN_BLOCK] == [51, 50]


async def test_a_peer_that_lags_behind_its_fellows_is_no_reason_to_say_that_an_event_is_not_there() -> None:
    blocks = Blocks(10)
    blocks.lag = 2
    with pytest.raises(LedgerUnavailable, match="lags"):
        await ledger_on(blocks).end()


RIGHT = datetime(2026, 11, 30, 12, tzinfo=UTC)
WRONG = RIGHT + timedelta(days=400)


class Dated(Blocks):
    """A client of a channel with a block of the market's for each of some times, and at which it is past noon.

    What comes with the word "set" is the transaction that sets the ledger's time.
    """

    def __init__(self, *times: tuple[datetime, str]) -> None:
        super().__init__(len(times))
        self.times = list(times)
        self.time = SteadyTime(lambda: RIGHT, lambda: 0.0, lambda: True)

    def _transactions(self, number: int) -> tuple[ChannelTransaction, ...]:
        at, what = self.times[number]
        event = {
            "set": '[{"name":"LedgerTimeSetEvent"}]',
            "top-up": '[{"name":"AccountToppedUpEvent"}]',
            "nothing": "[]",
        }[what]
        name, at_ms = EVENT_NAME, milliseconds(at)
        return (ChannelTransaction(0, "t", at_ms, "energy-market", "1", (), b"", name, event.encode(), b"", True),)

    async def blocks(self, first: int) -> AsyncIterator[ChannelBlock]:
        for number in range(first, self.height):
            yield await self.block(number)

    async def obstacle(self, _probe: Any) -> str | None:
        return None


async def test_a_time_that_has_not_come_is_said_until_an_operator_sets_it() -> None:
    right, wrong = (RIGHT, "top-up"), (WRONG, "top-up")
    for times, is_wrong in (
        ([right], False),
        ([(RIGHT + timedelta(seconds=20), "top-up")], False),  # an organisation whose clock is ahead of ours
        ([(RIGHT + timedelta(seconds=60), "top-up")], False),
        ([(RIGHT + timedelta(seconds=61), "top-up")], True),
        ([right, wrong], True),
        ([right, wrong, right], True),  # what the wrong one timed waits all the same
        ([right, wrong, right, (RIGHT, "set")], False),
        ([wrong, (RIGHT, "set"), right, wrong], True),
    ):
        ledger = ledger_on(Dated(*times))
        assert len([event async for event in ledger.events()]) == len(times)
        assert bool(await ledger.obstacle()) is is_wrong, times
        if is_wrong:
            assert "energy-market ledger set-time --old-time" in str(await ledger.obstacle())


@pytest.mark.parametrize("heights", [(5, 3), (5, 5), (5, 9)], ids=["shorter", "as long", "longer"])
async def test_a_channel_that_was_made_anew_has_an_end_of_its_own(heights: tuple[int, int]) -> None:
    before, after = heights
    client = Dated(*[(WRONG, "top-up")] * before)
    ledger = ledger_on(client)
    assert await ledger.end() == Cursor(before - 1, 0, 0)
    client.era, client.height = "new", after
    client.times = [(RIGHT, "top-up"), (RIGHT, "top-up"), *[(RIGHT, "nothing")] * (after - 2)]
    assert await ledger.end() == Cursor(1, 0, 0)
    assert await ledger.obstacle() is None, "the wrong time was of the old one"


async def test_a_channel_that_was_made_anew_is_known_though_the_newest_event_is_its_last() -> None:
    client = Dated(*[(WRONG, "top-up")] * 5)
    ledger = ledger_on(client)
    await ledger.end()
    client.era, client.times = "new", [(RIGHT, "top-up")] * 9
    client.height = 9
    assert await ledger.end() == Cursor(8, 0, 0)
    assert await ledger.obstacle() is None, "the wrong time was of the old one"


@pytest.mark.parametrize("height", [45, 10])
async def test_a_gateway_that_lags_is_no_new_channel(height: int) -> None:
    client = Dated(*[(RIGHT, "top-up")] * 50)
    ledger = ledger_on(client)
    assert await ledger.end() == Cursor(49, 0, 0)
    client.height = height
    assert await ledger.end() == Cursor(49, 0, 0)
    assert len([event async for event in ledger.events()]) == height
    assert await ledger.end() == Cursor(49, 0, 0)


@pytest.mark.parametrize("has_a_reader", [False, True])
async def test_a_channel_that_was_made_anew_is_known_though_nothing_of_the_old_ones_beginning_is(
    has_a_reader: bool,
) -> None:
    client = Dated(*[(RIGHT, "top-up")] * 50)
    ledger = ledger_on(client)
    await ledger.end()
    client.era, client.height = "new", 4
    if has_a_reader:
        assert len([event async for event in ledger.events()]) == 4
    assert await ledger.end() == Cursor(3, 0, 0)


WRONG_ONE, RIGHT_ONE, SET = (WRONG, "top-up"), (RIGHT, "top-up"), (RIGHT, "set")


@pytest.mark.parametrize(
    ("times", "is_wrong"),
    [
        ([WRONG_ONE, RIGHT_ONE], True),
        ([WRONG_ONE, *[RIGHT_ONE] * 19], True),
        ([WRONG_ONE, SET, RIGHT_ONE], False),
        ([WRONG_ONE, SET, WRONG_ONE, RIGHT_ONE], True),
        ([WRONG_ONE, *[RIGHT_ONE] * 18, SET, *[RIGHT_ONE] * 19], False),
    ],
)
async def test_a_queue_that_is_started_anew_finds_a_wrong_time_before_the_chains_end(
    times: list[tuple[datetime, str]], is_wrong: bool
) -> None:
    ledger = ledger_on(Dated(*times))
    end = await ledger.end()  # as the queue begins
    assert bool(await ledger.obstacle()) is is_wrong
    assert [event async for event in ledger.events(end)] == []
    assert bool(await ledger.obstacle()) is is_wrong
    assert len([event async for event in ledger.events()]) == len(times)  # somebody reads all from the beginning
    assert bool(await ledger.obstacle()) is is_wrong


@pytest.mark.parametrize(
    ("meanwhile", "is_wrong"),
    [
        ([WRONG_ONE, RIGHT_ONE], True),
        ([WRONG_ONE, SET, RIGHT_ONE], False),
        ([WRONG_ONE, SET, WRONG_ONE], True),
        ([SET, WRONG_ONE, RIGHT_ONE], True),
    ],
)
async def test_a_time_counts_though_a_later_block_was_known_before(
    meanwhile: list[tuple[datetime, str]], is_wrong: bool
) -> None:
    client = Dated(RIGHT_ONE)
    ledger = ledger_on(client)
    end = await ledger.end()
    client.times += meanwhile
    client.height = len(client.times)
    await ledger.end()  # somebody begins to follow from now on before the queue has read so far
    assert len([event async for event in ledger.events(end)]) == len(meanwhile)
    assert bool(await ledger.obstacle()) is is_wrong


class MadeAnewMeanwhile(Dated):
    """A client of a channel that becomes another one when so many blocks were read of it."""

    def __init__(self, reads: int, *times: tuple[datetime, str]) -> None:
        super().__init__(*times)
        self._reads = reads

    async def block(self, number: int) -> ChannelBlock:
        if len(self.asked) >= self._reads:
            self.era = "new"
        return await super().block(number)


@pytest.mark.parametrize("reads", range(5))
async def test_a_channel_that_is_made_anew_while_it_is_searched_is_searched_once_more(reads: int) -> None:
    ledger = ledger_on(MadeAnewMeanwhile(reads, (RIGHT, "nothing"), (RIGHT, "top-up"), *[(RIGHT, "nothing")] * 3))
    with pytest.raises(LedgerUnavailable, match="made anew"):
        await ledger.end()
    assert await ledger.end() == Cursor(1, 0, 0)


async def test_a_jump_of_this_machines_clock_is_said() -> None:
    client, wall = Dated((RIGHT, "top-up")), [RIGHT]
    client.time = SteadyTime(lambda: wall[0], lambda: 40 * 86_400.0, lambda: True)
    assert await ledger_on(client).obstacle() is None
    wall[0] = WRONG
    assert "jumped ahead by 400 days" in str(await ledger_on(client).obstacle())


class Failing:
    """A client whose every transaction fails in one way."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def transact(self, _invocation: Any) -> Any:
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (TransactionInvalid("t", "ENDORSEMENT_POLICY_FAILURE"), LedgerUnavailable),
        (TransactionInvalid("t", "BAD_CREATOR_SIGNATURE"), LedgerUnavailable),
        (TransactionInvalid("t", "MVCC_READ_CONFLICT"), LedgerUnavailable),
        (GatewayUnavailable("PERMISSION_DENIED"), LedgerUnavailable),
        (IdentityExpired("yesterday"), LedgerUnavailable),
        (TransactionInvalid("t", "BAD_RWSET"), TransactionFailed),
        (GatewayRefused("REQUEST_ENTITY_TOO_LARGE"), TransactionFailed),
        (ContractRefused(500, "a defect"), TransactionFailed),
    ],
    ids=lambda value: str(value),
)
async def test_only_what_hangs_on_the_commands_is_final(failure: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await ledger_on(Failing(failure)).submit([json.dumps({})])
