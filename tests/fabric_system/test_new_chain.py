"""A channel that is made anew beneath a running queue: readers of events are told, and hear of what happens on it."""

import asyncio
import os
import shutil
import signal
from contextlib import aclosing

import psutil
import pytest

from energy_market_chaincode import Topic
from fabric_network.launcher import Network
from prosumer_client import FROM_NOW, AnotherLedger, Identity, MarketClient, MarketEvent
from prosumer_client.identity import load_key
from tests.fabric_system.conftest import OPERATOR, NewNetwork, operator_of
from tests.fabric_system.test_half_made import is_ready, queue_on

pytestmark = pytest.mark.fabric

TOPOLOGY = (Topic.SET_TOPOLOGY, {"edges": [["S1", "B1"]]})


async def test_events_of_the_new_chain_come_though_it_is_shorter_than_the_old_one(start_network: NewNetwork) -> None:
    network = await asyncio.to_thread(start_network, nr_orderers=1)
    operator = Identity(OPERATOR, load_key(network.folder.root.parent / "keys" / f"{OPERATOR}.pem"))
    async with queue_on(network) as queue:
        await is_ready(queue)
        address = str(queue.base_url)
        async with MarketClient(address, operator) as market:
            await market.submit(*TOPOLOGY)
            for number in range(12):
                await market.submit(*game(f"old-{number}"))
            await _first_event_of(market, "old-12")
            before, (_, own_before) = await market.queue(), (await market.blocks(limit=2)).blocks
            reader = asyncio.create_task(_until_told(market))
            await asyncio.to_thread(_make_anew, network)
            with pytest.raises(AnotherLedger):
                await reader
        await is_ready(queue)
        async with MarketClient(address, operator) as market:
            async with asyncio.timeout(60):
                told = await _first_event_of(market, "new")
            after, (_, own_after) = await market.queue(), (await market.blocks(limit=2)).blocks
            assert own_before.hash != own_after.hash, "by this block a chain is told from one that was made anew"
            assert after.ledger_height is not None
            assert before.ledger_height is not None
            assert int(told.cursor.split(".")[0]) < after.ledger_height < before.ledger_height


def game(name: str) -> tuple[Topic, dict[str, object]]:
    return Topic.PUBLISH_GAME, {"game": name, "deliverySlot": name, "registrationDurationMs": 600_000}


async def _until_told(market: MarketClient) -> None:
    async with aclosing(market.events("0")) as events:
        async for _ in events:
            pass


async def _first_event_of(market: MarketClient, name: str) -> MarketEvent:
    """Listen from now on, publish a game, and return the first event that is heard."""

    async def publish() -> None:
        await market.submit(*TOPOLOGY)
        await market.submit(*game(name))

    async with aclosing(market.events(FROM_NOW, on_now=publish)) as events:
        return await anext(events)


def _make_anew(network: Network) -> None:
    """Let the nodes forget all while a running queue sees nothing of it."""
    (queue,) = (each for each in psutil.Process().children(recursive=True) if "tx_queue" in _words(each))
    os.kill(queue.pid, signal.SIGSTOP)
    network.down()
    for data in network.folder.root.glob("nodes/*/data"):
        shutil.rmtree(data)
    network.up({}, operator_of(network))
    os.kill(queue.pid, signal.SIGCONT)


def _words(process: psutil.Process) -> str:
    """What a process was started with; nothing of nodes of earlier networks, which have ended and are still listed."""
    return " ".join(process.as_dict(["cmdline"])["cmdline"] or [])
