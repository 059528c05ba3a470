"""What must hold on a network's ledger however it was disturbed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from energy_market_chaincode import read_exact_json
from fabric_network.launcher import Network
from ledger import Block, Ledger
from ledger.fabric import verify_network
from ledger.fabric.gateway import FabricProfile
from ledger.fabric.ledger import FabricLedger
from prosumer_client.events import MarketEvent
from tests.fabric_system.market_in_play import MarketInPlay


async def audit(market: MarketInPlay) -> None:
    """Compare what was promised and told with what stands on every peer's ledger, and that with the rules."""
    await market.bystander.stop()
    found = await verify_network(FabricProfile.read(market.network.profile()))
    assert found.fault is None
    assert not any("rules were not run" in trusted for trusted in found.trusted)
    assert found.signatures > 3 * found.transactions
    async with peers_ledgers(market.network) as ledgers:
        ours, *others = [await blocks_of(ledger, market.first_block) for ledger in ledgers]
        assert all(theirs == ours for theirs in others)
        state, *other_states = [await world_state(ledger) for ledger in ledgers]
        assert len(state) > 100
        assert all(other == state for other in other_states)
    effects = effects_in(ours)
    assert set(effects.values()) == {1}
    promised = {receipt.id for receipt in market.bystander.acknowledged}
    assert promised
    assert promised <= effects.keys()
    await compare_events(market, ours)


def effects_in(blocks: Sequence[Block]) -> Counter[str]:
    """How often each command took effect, by its id; the same command delivered again is marked a duplicate."""
    results = [result for block in blocks for transaction in block.transactions for result in transaction.results]
    return Counter(result["id"] for result in results if not result.get("duplicate"))


async def compare_events(market: MarketInPlay, blocks: Sequence[Block]) -> None:
    """The witness saw what stands in the blocks: all of it, once, in their order, under rising cursors."""
    written = [event for block in blocks for transaction in block.transactions for event in transaction.events]
    await market.witness.sees(len(written))
    seen = market.witness.events
    assert [without_place(event) for event in seen] == written
    cursors = [tuple(map(int, event.cursor.split("."))) for event in seen]
    assert cursors == sorted(set(cursors))


def without_place(event: MarketEvent) -> dict[str, Any]:
    """An event as the contract wrote it: the stream adds where and when."""
    return {name: value for name, value in event.data.items() if name not in ("cursor", "at")}


async def world_state(ledger: Ledger) -> dict[str, str]:
    """All keys of the contract with their values."""
    return dict(read_exact_json(await ledger.query("state", "")))


async def blocks_of(ledger: Ledger, first: int) -> list[Block]:
    """All blocks from a number on."""
    return [await ledger.block(number) for number in range(first, await ledger.height())]


@asynccontextmanager
async def peers_ledgers(network: Network) -> AsyncIterator[list[FabricLedger]]:
    """The ledger as each peer has it, each once it has all blocks."""
    profile = FabricProfile.read(network.profile())
    ledgers = [FabricLedger.on(profile.model_copy(update={"gateways": (peer,)})) for peer in profile.gateways]
    assert len(ledgers) > 1
    try:
        async with asyncio.timeout(30):
            # Peers tell nobody when they are level; so they are asked again and again.
            while len(await heights_of(ledgers)) > 1:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)
        yield ledgers
    finally:
        for ledger in ledgers:
            await ledger.close()


async def heights_of(ledgers: Collection[Ledger]) -> set[int]:
    """How many blocks there are, according to each."""
    return {await ledger.height() for ledger in ledgers}
