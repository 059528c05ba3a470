"""Whatever keeps a network from committing is known without a command, and which part it is."""

import asyncio
import signal

import pytest

from fabric_network import Network
from ledger.fabric.gateway import FabricProfile
from ledger.fabric.ledger import FabricLedger
from tests.fabric_system.conftest import NewNetwork

pytestmark = pytest.mark.fabric


async def test_an_outage_is_known_with_the_part_that_it_is_in(start_network: NewNetwork) -> None:
    network = await asyncio.to_thread(start_network)
    ledger = FabricLedger.on(FabricProfile.read(network.profile()))
    for number, nodes, part in (
        (signal.SIGKILL, ("orderer1", "orderer3"), "the orderers: "),
        (signal.SIGSTOP, ("orderer1", "orderer2"), "the orderers: "),
        (signal.SIGKILL, ("utility-peer1",), "the peers of UtilityMSP: "),
        (signal.SIGSTOP, ("cooperative-peer1",), "the peers of CooperativeMSP: "),
        (signal.SIGKILL, ("utility-chaincode",), "the peers of UtilityMSP: "),
    ):
        await until(ledger, None)
        for node in nodes:
            assert network.process(node).send(number)
        await until(ledger, part)
        await asyncio.to_thread(repair, network, nodes)
    await until(ledger, None)
    await ledger.close()


async def until(ledger: FabricLedger, part: str | None) -> None:
    """Ask again and again, as the queue does, until the network is well or a part of it is named."""

    def is_there(said: str | None) -> bool:
        return said is None if part is None else part in (said or "")

    async with asyncio.timeout(60):
        while not is_there(await ledger.obstacle()):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)


def repair(network: Network, nodes: tuple[str, ...]) -> None:
    for node in nodes:
        if network.process(node).pid is None:
            network.restart(node)
        else:
            assert network.process(node).send(signal.SIGCONT)
