"""A network that is half made is not healthy, and a queue on it says in /ready which part is missing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from fabric_network import launcher
from fabric_network.command_line import CommandLine
from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.programs import fabric_programs
from fabric_network.setup import deploy, join_channel, join_orderers
from ledger import LedgerKind
from market_host import Processes
from tests.fabric_system.conftest import operator_of

pytestmark = pytest.mark.fabric


@pytest.fixture
def unjoined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """A network whose set-up was killed as soon as its nodes ran."""
    network = Network(tmp_path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        monkeypatch.setattr(launcher, "set_up", die)
        with pytest.raises(KeyboardInterrupt):
            network.up({"base_port": ANY_FREE_PORTS}, operator_of(network))
        monkeypatch.undo()
        yield network
    finally:
        network.wipe()


async def test_each_part_that_is_missing_yet_is_named(unjoined: Network) -> None:
    topology, first_block = unjoined.topology, unjoined.folder.first_block
    line = CommandLine(fabric_programs(topology.release), topology, unjoined.folder)

    def join_one_orderer() -> None:
        line.osnadmin(topology.orderers[0], "join", "--config-block", first_block)

    def join_one_peer() -> None:
        line.peer(topology.peers[0], "channel", "join", "--blockpath", first_block)

    orderers, ours, theirs = "the orderers: ", "the peers of CooperativeMSP: ", "the peers of UtilityMSP: "
    async with queue_on(unjoined) as queue:
        await says(queue, orderers, ours, theirs)
        for step, lacking, there in (
            (join_one_orderer, [orderers, ours, theirs], []),
            (lambda: join_orderers(line, print), [ours, theirs], [orderers]),
            (join_one_peer, [theirs], []),
            (lambda: join_channel(line, print), ["no peers available to evaluate"], ["failed to get config"]),
            (lambda: deploy(line, print), ["has no operator yet"], [ours, theirs]),
        ):
            await asyncio.to_thread(step)
            await says(queue, *lacking, nothing_of=there)
            assert not (await asyncio.to_thread(unjoined.status)).is_healthy
        await asyncio.to_thread(unjoined.up, {}, operator_of(unjoined))
        await is_ready(queue)


@asynccontextmanager
async def queue_on(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    """Run a queue as a process of its own."""
    home = network.folder.root.parent
    settings = {
        "ENERGY_MARKET_HOME": str(home),
        "ENERGY_MARKET_LEDGER": LedgerKind.FABRIC.value,
        "ENERGY_MARKET_FABRIC_PROFILE": str(network.profile()),
    }
    async with Processes(lambda process, text: print(f"{process}: {text}")) as services:
        url = await services.start_service("tx_queue", home / "tx_queue", 0, settings)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as queue:
            yield queue


async def says(queue: httpx.AsyncClient, *parts: str, nothing_of: list[str] | None = None) -> None:
    """Wait until /ready, which is red all the time, names all of some parts and none of others."""
    async with asyncio.timeout(60):
        while True:
            answer = await queue.get("/ready")
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            detail = answer.json()["detail"]
            if all(part in detail for part in parts) and not any(part in detail for part in nothing_of or ()):
                return
            await asyncio.sleep(0.1)


async def is_ready(queue: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while (await queue.get("/ready")).status_code != httpx.codes.OK:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
