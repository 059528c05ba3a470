"""Queue and chaincode servers die between parts of a settlement; it goes on where it stopped and pays nobody twice."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.result import Accounts, accounts_of
from energy_market_chaincode import GRID_OPERATOR, Topic, read_exact_json
from energy_market_chaincode.settlement import PART, SETTLED
from fabric_network.launcher import Network
from market_host import Processes
from prosumer_client import MarketClient, MarketError
from tests.fabric_system.audit import peers_ledgers, world_state
from tests.fabric_system.by_hand import (
    all_taken,
    further,
    kill_all_that_remembers,
    kill_queue,
    market_on,
    speaking_as,
)
from tests.fabric_system.conftest import NewNetwork

pytestmark = pytest.mark.fabric

GAME = "Game-in-parts"
BUYER, HELPER = "B", "S0000"
AT_ONCE = PART // SETTLED
SELLERS = [f"S{number:04}" for number in range(2 * AT_ONCE + 10)]
"""With the buyer they are settled in three parts."""
TERMS = {
    "game": GAME,
    "deliverySlot": "parts",
    "roundLimit": 1,
    "deliveryDurationMs": 1,
    "registrationDurationMs": 600_000,
    "expectedParticipants": len(SELLERS) + 1,
}


async def test_a_settlement_goes_on_after_queue_and_chaincode_servers_were_killed(
    start_network: NewNetwork, tmp_path: Path
) -> None:
    network = await asyncio.to_thread(start_network, nr_orderers=1)
    async with Processes(lambda _, __: None) as services, market_on(network, tmp_path / "home", services) as market:
        await deliver(market)
        before = await accounts(market)
        left = await close(market)
        assert AT_ONCE < left <= len(SELLERS)
        await kill_all_that_remembers(network, services)
        game = await market.game(GAME, brief=True)
        assert game.phase == "delivery"

        data = {"game": GAME, "left": left}
        receipt = await market.post(Topic.CLOSE_MARKET, data)
        kill_queue(services)
        assert 0 < (await market.outcome(receipt))["left"] <= left - AT_ONCE
        with pytest.raises(MarketError, match="steps are left"):
            await market.submit(Topic.CLOSE_MARKET, data)

        assert await close(market) == 0
        await require_everybody_paid_once(market, network, before)


async def deliver(market: MarketClient) -> None:
    """Play a game of many sellers, of whom one sells, up to the end of its delivery."""
    key = market.identity.public_key
    names = [*SELLERS, BUYER]
    commands: list[tuple[str, dict[str, Any]]] = [
        (Topic.REGISTER_PROSUMER, {"id": name, "publicKey": key}) for name in names
    ]
    commands += [(Topic.TOP_UP_ACCOUNT, {"prosumer": name, "amount": "10"}) for name in (*names, GRID_OPERATOR)]
    commands += [(Topic.SET_TOPOLOGY, {"hops": {BUYER: dict.fromkeys(SELLERS, 1)}}), (Topic.PUBLISH_GAME, TERMS)]
    await all_taken(market, commands)
    await asyncio.gather(*(say(market, name, Topic.PUBLISH_OFFER, amount="10", price="0.1") for name in SELLERS))
    await say(market, BUYER, Topic.PUBLISH_DEMAND, amount="10")
    await market.submit(Topic.STOP_GAME_REGISTRATION, {"game": GAME})
    await say(market, BUYER, Topic.PUBLISH_BUY_BID, bidAmounts={HELPER: "4"})
    while (await market.game(GAME, brief=True)).phase != "delivery":
        await market.submit(Topic.STOP_GAME, {"game": GAME})


async def say(market: MarketClient, name: str, topic: Topic, **data: object) -> None:
    """Let somebody give a command about the game."""
    await speaking_as(market, name).submit(topic, {"game": GAME, **data})


async def close(market: MarketClient) -> int:
    """Settle one part; return how many steps are left."""
    return await further(market, Topic.CLOSE_MARKET, {"game": GAME})


async def accounts(market: MarketClient) -> Accounts:
    """Everybody's account."""
    return accounts_of(await market.prosumers(), await market.market())


async def require_everybody_paid_once(market: MarketClient, network: Network, before: Accounts) -> None:
    """Every account moved by what its line says, on every peer; no money came or went, and none stays set aside."""
    after = await accounts(market)
    assert after.total == before.total
    assert after.frozen == 0
    assert (await market.game(GAME, brief=True)).phase == "closed"
    async with peers_ledgers(network) as peers:
        shown = [read_exact_json(await peer.query("lines", GAME)) for peer in peers]
        states = [await world_state(peer) for peer in peers]
    assert all(lines == shown[0] for lines in shown)
    assert all(state == states[0] for state in states)
    nets = {line["prosumer"]: line["net"] for line in shown[0]["lines"]}
    assert nets.keys() == {*SELLERS, BUYER}
    assert nets[BUYER] < 0
    moved = {name: held(after, name) - held(before, name) for name in nets}
    assert moved == nets
    assert not any(key.startswith("settling/") for key in states[0])


def held(accounts: Accounts, name: str) -> Decimal:
    """What somebody has, with what is set aside."""
    purse = accounts.of[name]
    return purse["balance"] + purse["frozen"]
