"""The market's ledger on a real network: what every ledger promises, and what is Fabric's own."""

import asyncio
import json
from collections.abc import Callable

import pytest

from energy_market_chaincode import UnknownGame
from fabric_network.launcher import Network
from ledger import (
    Cursor,
    InvalidCursor,
    LedgerError,
    LedgerEvent,
    LedgerKind,
    LedgerSettings,
    LedgerUnavailable,
    TransactionFailed,
    UnknownBlock,
    open_ledger,
)
from ledger.fabric import verify_network
from ledger.fabric.gateway import FabricProfile, TimeLimits
from ledger.fabric.ledger import FabricLedger

pytestmark = pytest.mark.fabric

Command = Callable[..., str]


async def first_events(ledger: FabricLedger, after: Cursor | None, count: int) -> list[LedgerEvent]:
    found: list[LedgerEvent] = []
    async for event in ledger.events(after):
        found.append(event)
        if len(found) == count:
            break
    return found


async def test_a_submission_tells_each_commands_fate(ledger: FabricLedger, command: Command) -> None:
    done = await ledger.submit([command("resetMarket"), command("closeMarket", game="none"), command("resetMarket")])
    assert [result["status"] for result in done.results] == ["committed", "rejected", "committed"]
    assert done.results[1]["code"] == "UNKNOWN_GAME"
    block = await ledger.block(done.block)
    (transaction,) = block.transactions
    assert transaction.id == done.transaction_id
    assert [said["topic"] for said in transaction.commands] == ["resetMarket", "closeMarket", "resetMarket"]
    assert transaction.results == done.results
    assert [event["name"] for event in transaction.events] == ["MarketResetEvent", "MarketResetEvent"]


async def test_the_same_command_again_counts_once(ledger: FabricLedger, command: Command) -> None:
    reset = command("resetMarket")
    first = await ledger.submit([reset])
    again = await ledger.submit([reset])
    assert again.results == [first.results[0] | {"duplicate": True}]


async def test_a_rejected_question_is_the_contracts_rejection(ledger: FabricLedger) -> None:
    with pytest.raises(UnknownGame, match="There is no game nowhere on this ledger"):
        await ledger.query("game", "nowhere")


async def test_a_transaction_that_the_contract_refuses_as_a_whole_has_failed(ledger: FabricLedger) -> None:
    with pytest.raises(TransactionFailed):
        await ledger.submit(["no json"])


async def test_blocks_are_chained_by_their_hashes(ledger: FabricLedger, command: Command) -> None:
    done = await ledger.submit([command("resetMarket")])
    blocks = [await ledger.block(number) for number in range(done.block + 1)]
    assert [block.previous_hash for block in blocks[1:]] == [block.hash for block in blocks[:-1]]
    assert await ledger.height() > done.block
    with pytest.raises(UnknownBlock):
        await ledger.block(done.block + 1_000_000)


async def test_events_come_once_each_in_order_for_new_and_old_readers(ledger: FabricLedger, command: Command) -> None:
    start = await ledger.end()
    waiting = asyncio.create_task(first_events(ledger, start, 6))
    for _ in range(2):
        await ledger.submit([command("resetMarket") for _ in range(3)])
    live = await waiting
    assert [event.name for event in live] == ["MarketResetEvent"] * 6
    assert [event.cursor.index for event in live] == [0, 1, 2, 0, 1, 2]
    assert live == sorted(live, key=lambda event: event.cursor)
    assert await ledger.end() == live[-1].cursor
    for place, event in enumerate(live[:-1]):
        assert await first_events(ledger, event.cursor, 1) == [live[place + 1]]


async def test_events_from_the_first_block_are_those_of_all_blocks(ledger: FabricLedger, command: Command) -> None:
    done = await ledger.submit([command("resetMarket")])
    from_blocks = [
        (transaction.at_ms, event["name"])
        for number in range(done.block + 1)
        for transaction in (await ledger.block(number)).transactions
        for event in transaction.events
        if "name" in event
    ]
    seen = await first_events(ledger, None, len(from_blocks))
    assert [(event.at_ms, event.name) for event in seen] == from_blocks


async def test_two_organisations_deliver_the_same_events_under_the_same_cursors(
    network: Network, profile: FabricProfile, command: Command
) -> None:
    other = FabricLedger.on(profile.model_copy(update={"gateways": profile.gateways[::-1]}))
    ours = FabricLedger.on(profile)
    await ours.submit([command("resetMarket"), command("resetMarket")])
    end = await ours.end()
    assert end is not None
    seen = await first_events(ours, None, 2)
    assert await first_events(other, None, 2) == seen
    await asyncio.gather(ours.close(), other.close())


async def test_a_cursor_beyond_the_end_is_invalid(ledger: FabricLedger, command: Command) -> None:
    await ledger.submit([command("resetMarket")])
    end = await ledger.end()
    assert end is not None
    for beyond in (Cursor(end.block, end.transaction, end.index + 1), Cursor(end.block + 1_000, 0, 0)):
        with pytest.raises(InvalidCursor, match="beyond"):
            await anext(aiter(ledger.events(beyond)))


async def test_readers_end_when_the_ledger_is_closed(profile: FabricProfile, command: Command) -> None:
    ledger = FabricLedger.on(profile)
    await ledger.submit([command("resetMarket")])
    end = await ledger.end()
    seen = asyncio.Event()

    async def read() -> None:
        async for _ in ledger.events(end):
            seen.set()

    reading = asyncio.create_task(read())
    await ledger.submit([command("resetMarket")])
    async with asyncio.timeout(30):
        await seen.wait()
        await ledger.close()
        await reading


async def test_a_network_that_is_not_there_is_unavailable(
    profile: FabricProfile, free_port: int, command: Command
) -> None:
    nowhere = profile.gateways[0].model_copy(update={"address": f"127.0.0.1:{free_port}"})
    gone = FabricLedger.on(profile.model_copy(update={"gateways": (nowhere,)}), TimeLimits(transaction=0.3))
    with pytest.raises(LedgerUnavailable):
        await gone.submit([command("resetMarket")])
    with pytest.raises(LedgerUnavailable):
        await gone.query("market")
    with pytest.raises(LedgerUnavailable):
        await gone.height()
    await gone.close()


async def test_the_settings_lead_to_the_network_below_their_home(network: Network) -> None:
    home = network.folder.root.parent
    ledger = await open_ledger(LedgerSettings(ledger=LedgerKind.FABRIC, home=home))
    assert json.loads(await ledger.query("market"))["operators"] == ["operator"]
    await ledger.close()


async def test_a_home_without_a_network_is_an_error_that_says_what_to_do(network: Network) -> None:
    with pytest.raises(LedgerError, match="network up"):
        await open_ledger(LedgerSettings(ledger=LedgerKind.FABRIC, home=network.folder.root / "nowhere"))


async def test_a_network_that_was_left_alone_is_verified(
    profile: FabricProfile, ledger: FabricLedger, command: Command
) -> None:
    done = await ledger.submit([command("resetMarket")])
    found = await verify_network(profile, contract=None)  # others' transactions here are not of the market's rules
    assert found.fault is None
    assert found.blocks > done.block
    assert found.head == (await ledger.block(found.blocks - 1)).hash
    assert len(found.peers) == 2
