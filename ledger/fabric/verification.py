"""Checking a Fabric ledger from outside: its chain of hashes, what all peers have, and the state that follows."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

from fabric_protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from fabric_protos.ledger.rwset.rwset_pb2 import TxReadWriteSet

from ledger.fabric.gateway import ChannelBlock, FabricProfile, GatewayClient, GatewayError, Invocation
from ledger.fabric.ledger import market_events
from ledger.interface import LedgerUnavailable

_LOOKS = 50

TRUSTED = (
    "that not every peer lies in the same way: their blocks, their word on which transactions are valid, and their "
    "state were compared with one another, and the state with what the blocks wrote",
    "that organisations endorsed what their own copy of the rules said: signatures of endorsers and orderers, which "
    "every peer checks before it keeps a block, were not checked again, and the rules were not run again",
    "that the connection profile names the network's peers and the authorities of their TLS certificates",
)
"""What a verification takes for granted."""


class LedgersDiffer(Exception):
    """Something does not fit; the message says what, and in which block."""


@dataclass(frozen=True, slots=True)
class FabricVerification:
    """What a network's ledger was found to hold.

    Attributes
    ----------
    peers
        The addresses of those that were compared.
    blocks, transactions, events
        How many fit, counted to the first fault; transactions and events are the market's.
    head
        The hash of the last block that fits. Whoever noted it once can tell later that no other chain was put in its
        place.
    fault
        None if everything fits.
    """

    peers: Sequence[str]
    blocks: int
    transactions: int
    events: int
    head: str
    fault: str | None
    trusted: Sequence[str] = TRUSTED


async def verify_network(profile: FabricProfile) -> FabricVerification:
    """Recompute the chain of a channel's blocks, and compare blocks and state of all peers that the profile names.

    Raises
    ------
    LedgerUnavailable
        A peer does not answer, or transactions came in faster than all peers could be asked for their state.
    """
    async with AsyncExitStack() as opened:
        peers = {
            gateway.address: await opened.enter_async_context(
                GatewayClient.open(profile.model_copy(update={"gateways": (gateway,)}))
            )
            for gateway in profile.gateways
        }
        verifier = _Verifier(profile, peers)
        try:
            fault = await verifier.fault()
        except GatewayError as failure:
            raise LedgerUnavailable(str(failure)) from None
        return FabricVerification(
            tuple(peers), verifier.blocks, verifier.transactions, verifier.events, verifier.head, fault
        )


class _Verifier:
    """Goes through the blocks once, with every peer at the same block."""

    def __init__(self, profile: FabricProfile, peers: dict[str, GatewayClient]) -> None:
        self._chaincode = profile.chaincode
        self._peers = peers
        self._state: dict[str, str] = {}
        self.blocks = self.transactions = self.events = 0
        self.head = ""

    async def fault(self) -> str | None:
        """Return the first thing that does not fit."""
        try:
            for _ in range(_LOOKS):
                # Blocks go on being written: what one look missed the next one compares.
                await self._compare_up_to(min(await self._heights()))
                if await self._states_fit():
                    return None
        except LedgersDiffer as fault:
            return str(fault)
        heights = dict(zip(self._peers, await self._heights(), strict=True))
        raise LedgerUnavailable(f"the peers did not come to have the same blocks for a moment ({heights}); try again")

    async def _heights(self) -> list[int]:
        return await asyncio.gather(*(peer.height() for peer in self._peers.values()))

    async def _compare_up_to(self, height: int) -> None:
        async with AsyncExitStack() as opened:
            streams = [
                await opened.enter_async_context(aclosing(peer.blocks(self.blocks))) for peer in self._peers.values()
            ]
            while self.blocks < height:
                self._take(await asyncio.gather(*map(_next, streams)))

    def _take(self, copies: Sequence[ChannelBlock]) -> None:
        """Check a block, and put what it wrote into the state."""
        block, *others = copies
        for peer, other in zip(list(self._peers)[1:], others, strict=True):
            if (other.hash, other.content_hash, other.validity) != (block.hash, block.content_hash, block.validity):
                raise LedgersDiffer(f"block {block.number}: {peer} has another one than {next(iter(self._peers))}")
        if block.content_hash != block.data_hash:
            raise LedgersDiffer(f"block {block.number}: its transactions are not those that its header names")
        if block.previous_hash != self.head:
            raise LedgersDiffer(f"block {block.number} does not follow on the block before it")
        for transaction in block.transactions:
            for namespace in TxReadWriteSet.FromString(transaction.rwset).ns_rwset:
                if namespace.namespace == self._chaincode:
                    self._write(KVRWSet.FromString(namespace.rwset))
        self.transactions += sum(found.chaincode == self._chaincode for found in block.transactions)
        self.events += len(market_events(block, self._chaincode))
        self.blocks, self.head = block.number + 1, block.hash

    def _write(self, written: KVRWSet) -> None:
        for write in written.writes:
            if write.is_delete:
                self._state.pop(write.key, None)
            else:
                self._state[write.key] = write.value.decode()

    async def _states_fit(self) -> bool:
        """Compare every peer's state with what the blocks wrote; False if there are more blocks meanwhile."""
        question = Invocation(self._chaincode, "state", ("",))
        states = await asyncio.gather(*(peer.evaluate(question) for peer in self._peers.values()))
        if max(await self._heights()) > self.blocks:
            return False
        for peer, state in zip(self._peers, states, strict=True):
            found = dict(json.loads(state))
            for key in sorted(found.keys() | self._state.keys()):
                if found.get(key) != self._state.get(key):
                    raise LedgersDiffer(f"the state of {peer} has another value of {key!r} than the blocks wrote")
        return True


async def _next(stream: AsyncGenerator[ChannelBlock, None]) -> ChannelBlock:
    return await anext(stream)
