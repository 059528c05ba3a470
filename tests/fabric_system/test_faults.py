"""Parts of a real network die in the middle of a game; every promise is kept and the game comes to its usual end.

Whoever runs the network brings killed nodes back (``energy-market network restart NODE``, or ``up``): here the tests
do. The queue is started again by whoever started it.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from demo.scenario import Scenario
from fabric_network.launcher import ANY_FREE_PORTS, Network
from tests.fabric_system.audit import audit
from tests.fabric_system.conftest import NewNetwork, PlayedDemo, operator_of
from tests.fabric_system.market_in_play import MarketInPlay, market_in_play

pytestmark = pytest.mark.fabric

TURNS_BEFORE = 12
"""In the second round: everybody has a bid that can be lost."""
TURNS_WITHOUT = 8

Disturbed = Callable[[Network], AbstractAsyncContextManager[MarketInPlay]]


@pytest.fixture(scope="module")
def raft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A network with three Raft orderers that every test leaves complete."""
    network = Network(tmp_path_factory.mktemp("raft"))
    try:
        network.up({"base_port": ANY_FREE_PORTS}, operator_of(network))
        yield network
    finally:
        network.wipe()


@pytest.fixture
def disturbed(tmp_path: Path, original: Scenario, embedded_demo: PlayedDemo) -> Disturbed:
    """Give a market in the middle of the original's game; on leaving wait for the game's end and look through it."""

    @asynccontextmanager
    async def play(network: Network) -> AsyncIterator[MarketInPlay]:
        async with market_in_play(network, tmp_path / "home", original) as market:
            await market.turns(TURNS_BEFORE)
            yield market
            await market.end()
            await audit(market)
            game = await market.operator.game(market.game)
            bids = await market.operator.bids(market.game)
            undisturbed = embedded_demo.result
            assert game.stop is not None
            assert game.stop.rounds == undisturbed["rounds"]
            assert game.stop.total_cost == undisturbed["total_cost"]
            assert {bid.buyer: bid.amounts for bid in bids} == undisturbed["bids"]
            assert network.status().is_healthy

    return play


def leader_of(network: Network) -> str:
    """The orderer that leads, as the orderers say themselves."""
    for orderer in network.topology.orderers:
        address = f"http://{orderer.host}:{orderer.operations_port}/metrics"
        if re.search(r"^consensus_(etcdraft|BFT)_is_leader\{.*\} 1$", httpx.get(address).text, re.MULTILINE):
            return orderer.name
    raise AssertionError("no orderer leads although transactions are ordered")


async def play_on_without_leader(network: Network, disturbed: Disturbed) -> None:
    async with disturbed(network) as market:
        leader = leader_of(network)
        network.process(leader).kill()
        await market.further_turns(TURNS_WITHOUT)
        await asyncio.to_thread(network.restart, leader)


async def test_the_raft_leader_is_killed(raft: Network, disturbed: Disturbed) -> None:
    await play_on_without_leader(raft, disturbed)


async def test_the_leader_of_four_bft_orderers_is_killed(start_network: NewNetwork, disturbed: Disturbed) -> None:
    await play_on_without_leader(start_network(consensus="bft", nr_orderers=4), disturbed)


async def test_orderers_lose_their_majority_until_one_is_back(raft: Network, disturbed: Disturbed) -> None:
    async with disturbed(raft) as market:
        raft.process("orderer1").kill()
        raft.process("orderer2").kill()
        await asyncio.to_thread(raft.restart, "orderer2")
        await market.further_turns(TURNS_WITHOUT)
        await asyncio.to_thread(raft.restart, "orderer1")


@pytest.mark.parametrize("peer", ["cooperative-peer1", "utility-peer1"])
async def test_a_peer_is_killed(raft: Network, disturbed: Disturbed, peer: str) -> None:
    async with disturbed(raft):
        raft.process(peer).kill()
        await asyncio.to_thread(raft.restart, peer)


async def test_a_chaincode_server_is_killed(raft: Network, disturbed: Disturbed) -> None:
    async with disturbed(raft):
        raft.process("utility-chaincode").kill()
        await asyncio.to_thread(raft.restart, "utility-chaincode")


async def test_the_queue_is_killed(raft: Network, disturbed: Disturbed) -> None:
    async with disturbed(raft) as market:
        for _ in range(2):
            os.kill(market.services.pids["tx_queue"], signal.SIGKILL)
            await market.further_turns(TURNS_WITHOUT)


async def test_a_peer_hangs_for_ten_seconds(raft: Network, disturbed: Disturbed) -> None:
    async with disturbed(raft):
        assert raft.process("cooperative-peer1").send(signal.SIGSTOP)
        await asyncio.sleep(10)  # the fault itself, not a wait for something
        assert raft.process("cooperative-peer1").send(signal.SIGCONT)


async def test_the_whole_network_is_restarted(raft: Network, disturbed: Disturbed) -> None:
    async with disturbed(raft):
        await asyncio.to_thread(raft.down)
        await asyncio.to_thread(raft.up, {}, operator_of(raft))
