"""Killing any process at any moment loses nothing: the game goes on, and what was acknowledged takes effect."""

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode import Topic
from ledger.embedded import EmbeddedLedger, verify
from prosumer_client import Receipt
from prosumer_client.client import MarketClient
from prosumer_client.identity import Identity

pytestmark = pytest.mark.acceptance


def queue_url(demo: Any) -> str:
    """Read the demo's output until it tells where the queue is."""
    for line in demo.process.stdout:
        if "queue http://" in line:
            return str(line.split("queue ")[1].split(",")[0])
    raise AssertionError("the demo ended before its queue was up")


async def acknowledge(market: MarketClient, key: str, number: int) -> Receipt:
    """Post a command of our own; what comes back is the queue's promise."""
    return await market.post(Topic.REGISTER_PROSUMER, {"id": f"X{number:03}", "publicKey": key})


async def test_queue_clock_and_buyer_are_killed_in_mid_game(start_demo: Any, pids_with: Any) -> None:
    demo = start_demo("--prosumers", "14", "--seed", "3")
    url = await asyncio.to_thread(queue_url, demo)
    output = asyncio.create_task(asyncio.to_thread(demo.process.communicate, timeout=170))
    identity = Identity.load("operator", demo.home / "keys")
    posted = 0
    async with MarketClient(url, identity) as market, aclosing(market.events()) as events:
        turns = (event async for event in events if event.name == "BuyBidEvent" and event.data["round"] >= 2)
        for victim in ("tx_queue", "market_clock", "buyer", "tx_queue"):
            turn = await anext(turns)
            await acknowledge(market, identity.public_key, posted)
            posted += 1
            if victim == "buyer":
                (pid,) = pids_with(f"{turn.data['buyerInTurn']}.json")
            else:
                pid = demo.announced(victim)["pid"]
            os.kill(pid, signal.SIGKILL)
            await acknowledge(market, identity.public_key, posted)
            posted += 1
        async for event in events:
            if event.name == "GameStopEvent":
                break
        known = {view.prosumer for view in await market.prosumers()}
    said, _ = await output
    assert demo.process.returncode == 0, said
    assert demo.result()["stop_reason"] == "equilibrium"
    assert demo.result()["money_conserved"] is True
    assert said.count("killed by signal 9") == 4
    assert known >= {f"X{number:03}" for number in range(posted)}
    await assert_each_command_took_effect_once(demo.home / "ledger.sqlite")


async def assert_each_command_took_effect_once(file: Path) -> None:
    """The chain fits, and no command stands on it as taken effect twice."""
    assert verify(file).fault is None
    ledger = await EmbeddedLedger.open(file, "operator", None)
    try:
        blocks = [await ledger.block(number) for number in range(await ledger.height())]
    finally:
        await ledger.close()
    results = [result for block in blocks for transaction in block.transactions for result in transaction.results]
    effects = [(result["prosumer"], result["id"]) for result in results if not result.get("duplicate")]
    assert len(effects) == len(set(effects))
