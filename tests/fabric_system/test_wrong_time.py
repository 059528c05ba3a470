"""A wrong time that all of a network's machines believed is said until an operator sets it right."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from energy_market_chaincode import Topic, iso
from fabric_network.launcher import Network
from ledger.fabric.gateway import FabricProfile, GatewayClient
from ledger.fabric.ledger import FabricLedger
from market_time import SteadyTime
from prosumer_client import Identity, MarketClient, latest_time
from prosumer_client.identity import load_key
from tests.fabric_system.by_hand import CONTRACTS
from tests.fabric_system.conftest import OPERATOR, NewNetwork
from tests.fabric_system.test_half_made import is_ready, queue_on

pytestmark = pytest.mark.fabric

AHEAD = timedelta(minutes=10)
"""Within what a peer takes."""
GULLIBLE = {"CHAINCODE_MAX_CLOCK_DIFFERENCE_S": "1000"}
TOP_UP = (Topic.TOP_UP_ACCOUNT, {"prosumer": OPERATOR, "amount": "1"})


async def test_it_is_said_though_later_blocks_are_of_the_right_time(start_network: NewNetwork) -> None:
    network = await asyncio.to_thread(start_network, environment_of=dict.fromkeys(CONTRACTS, GULLIBLE), nr_orderers=1)
    operator = Identity(OPERATOR, load_key(network.folder.root.parent / "keys" / f"{OPERATOR}.pem"))
    async with queue_on(network) as queue:
        await is_ready(queue)
        await commit_ahead(network, operator)
        await is_said(queue, "energy-market ledger set-time --old-time")
        async with MarketClient(str(queue.base_url), operator) as market:
            await market.submit(*TOP_UP)
            assert (await queue.get("/ready")).status_code == httpx.codes.SERVICE_UNAVAILABLE
    async with queue_on(network) as queue:  # an operator starts it again first
        await is_said(queue, "energy-market ledger set-time --old-time")
        async with MarketClient(str(queue.base_url), operator) as market:
            wrong, right = await latest_time(market), datetime.now(UTC)
            assert wrong is not None
            assert wrong > right
            await market.submit(Topic.SET_LEDGER_TIME, {"oldTime": iso(wrong), "newTime": iso(right)})
            await is_ready(queue)
            assert (await latest_time(market) or wrong) < wrong


async def commit_ahead(network: Network, operator: Identity) -> None:
    """Commit a transaction that claims a time to come."""
    profile = FabricProfile.read(network.profile())
    client = GatewayClient(profile)
    client.time = SteadyTime(lambda: datetime.now(UTC) + AHEAD)
    ledger = FabricLedger(client, profile.chaincode)
    try:
        submission = await ledger.submit([operator.command(*TOP_UP).body.decode()])
    finally:
        await ledger.close()
    assert submission.results[0]["status"] == "committed"


async def is_said(queue: httpx.AsyncClient, part: str) -> None:
    """Wait until /ready says something."""
    async with asyncio.timeout(60):
        while part not in (await queue.get("/ready")).text:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
