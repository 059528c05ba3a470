"""A market that a test drives by hand, without a clock, and whose queue and chaincode servers it kills."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from energy_market_chaincode import Topic
from fabric_network.launcher import Network
from market_host import Processes
from prosumer_client import Identity, MarketClient, MarketError
from tests.fabric_system.conftest import OPERATOR
from tests.fabric_system.market_in_play import settings_on

CONTRACTS = ("cooperative-chaincode", "utility-chaincode")


@asynccontextmanager
async def market_by_hand(
    services: Processes, home: Path, settings: Mapping[str, str], operator: Identity
) -> AsyncIterator[MarketClient]:
    """Run a queue; nobody drives its games but the test, for there is no clock."""
    url = await services.start_service("tx_queue", home / "tx_queue", 0, settings)
    async with MarketClient(url, operator) as market:
        yield market


@asynccontextmanager
async def market_on(network: Network, home: Path, services: Processes) -> AsyncIterator[MarketClient]:
    """Run a queue before a network."""
    operator = Identity.load(OPERATOR, network.folder.root.parent / "keys")
    async with market_by_hand(services, home, settings_on(network, home), operator) as market:
        yield market


def kill_queue(services: Processes) -> None:
    """Kill the queue without warning; it is started again at once, on its port."""
    os.kill(services.pids["tx_queue"], signal.SIGKILL)


async def kill_all_that_remembers(network: Network, services: Processes) -> None:
    """Kill the chaincode servers and the queue, all before the first is there again."""
    for server in CONTRACTS:
        network.process(server).kill()
    kill_queue(services)
    for server in CONTRACTS:
        await asyncio.to_thread(network.restart, server)


def speaking_as(market: MarketClient, name: str) -> MarketClient:
    """Return a client of somebody; everybody has the operator's key."""
    return market.speaking_as(Identity(name, market.identity.key))


async def all_taken(market: MarketClient, commands: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Give commands, none of which may be refused."""
    refused = [outcome for outcome in await market.submit_all(commands) if isinstance(outcome, MarketError)]
    assert not refused


async def further(market: MarketClient, topic: Topic, data: Mapping[str, Any]) -> int:
    """Give a command that does a part; return how many steps are left."""
    left: int = (await market.submit(topic, data))["left"]
    return left
