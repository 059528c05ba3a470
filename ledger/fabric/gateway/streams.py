"""What peers stream: a channel's blocks, from another peer when one falls silent, and a chaincode's events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import grpc.aio
import stamina
from fabric_protos.common.common_pb2 import Block, Envelope, Status
from fabric_protos.gateway.gateway_pb2 import ChaincodeEventsRequest, SignedChaincodeEventsRequest
from fabric_protos.orderer.ab_pb2 import SeekPosition, SeekSpecified

from ledger.fabric.gateway.connections import Connections
from ledger.fabric.gateway.errors import GatewayRefused, GatewayUnavailable, failure_of
from ledger.fabric.gateway.identity import SigningIdentity

_SILENCE_S = 0.5
_LAST_CHANCE_S = 0.3
"""For a block that the others have had for a moment only."""
_ON_FAILURE = stamina.AsyncRetryingCaller(attempts=10, timeout=None, wait_initial=0.05, wait_max=1.0, wait_jitter=0.05)
_REFUSALS = {Status.BAD_REQUEST, Status.FORBIDDEN}

Seek = Callable[[int], Envelope]
"""Makes the signed request for all blocks from a number on."""


class BlockStream:
    """Blocks in their order without a gap, from whichever gateway delivers them.

    Parameters
    ----------
    highest
        Asks all gateways how many blocks there are, more than so many. A stream that is silent while there are more
        than it delivered is given up: its peer is paused, cut off, or has lost its orderers.
    """

    def __init__(self, connections: Connections, seek: Seek, highest: Callable[[int], Awaitable[int]]) -> None:
        self._connections = connections
        self._seek = seek
        self._highest = highest
        self._stream: _Delivery | None = None

    async def blocks(self, first: int) -> AsyncGenerator[Block, None]:
        """Yield blocks from a number on, those to come included.

        Raises
        ------
        GatewayUnavailable
            No gateway delivers.
        GatewayRefused
            We may not read the channel.
        """
        try:
            for number in count(first):
                yield await _ON_FAILURE(GatewayUnavailable, self._next, number)
        finally:
            self._leave()

    async def _next(self, number: int) -> Block:
        try:
            return await self._read(number)
        except GatewayUnavailable:
            self._go_over()
            raise

    async def _read(self, number: int) -> Block:
        if self._stream is None:
            self._stream = _Delivery(self._connections, self._seek(number))
        while not await self._stream.has_word(_SILENCE_S):
            height = await self._highest(number)
            if height > number and not await self._stream.has_word(_LAST_CHANCE_S):
                raise GatewayUnavailable(f"{self._stream.address} is silent at block {number} of {height}")
        block = await self._stream.block()
        if block.header.number != number:
            raise GatewayUnavailable(f"{self._stream.address} delivered block {block.header.number}, not {number}")
        return block

    def _go_over(self) -> None:
        if self._stream is not None:
            self._connections.demote(self._stream.connection)
        self._leave()

    def _leave(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
        self._stream = None


class _Delivery:
    """One peer's stream of blocks, read by a task so that a wait for a block can be given up without losing it."""

    def __init__(self, connections: Connections, seek: Envelope) -> None:
        self.connection = connections.first
        self._call = self.connection.deliver.Deliver(iter((seek,)))
        self._reading: asyncio.Task[Any] | None = None

    @property
    def address(self) -> str:
        """Of the peer."""
        return self.connection.address

    async def has_word(self, patience_s: float) -> bool:
        """Wait for the peer's next message, or its end, for some seconds; tell whether it came."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._call.read())
        await asyncio.wait((self._reading,), timeout=patience_s)
        return self._reading.done()

    async def block(self) -> Block:
        """Return the block that has come; raises GatewayUnavailable or GatewayRefused if it was something else."""
        assert self._reading is not None  # noqa: S101 - has_word began it; for the type checker
        reading, self._reading = self._reading, None
        try:
            response = await reading
        except grpc.aio.AioRpcError as error:
            raise failure_of(error, self.address) from None
        if not response:  # gRPC's mark for the end of a stream is the one false answer
            raise GatewayUnavailable(f"{self.address} ended its stream of blocks")
        if response.WhichOneof("Type") == "block":
            return response.block
        said = f"{self.address} does not deliver blocks: {Status.Name(response.status)}"
        raise GatewayRefused(said) if response.status in _REFUSALS else GatewayUnavailable(said)

    def cancel(self) -> None:
        """Give the stream up."""
        self._call.cancel()
        if self._reading is not None:
            self._reading.cancel()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a reader of events stands: in a block, after one of its transactions or before the first."""

    block: int = 0
    transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class ChaincodeEvent:
    """The one event of a committed transaction."""

    block: int
    transaction_id: str
    name: str
    payload: bytes

    @property
    def checkpoint(self) -> Checkpoint:
        """The place right after this event."""
        return Checkpoint(self.block, self.transaction_id)


async def chaincode_events(
    channel: str, identity: SigningIdentity, connections: Connections, chaincode: str, after: Checkpoint
) -> AsyncGenerator[ChaincodeEvent, None]:
    """Yield a chaincode's events after a checkpoint; see :meth:`GatewayClient.chaincode_events`."""
    request = ChaincodeEventsRequest(
        channel_id=channel,
        chaincode_id=chaincode,
        identity=identity.creator,
        start_position=SeekPosition(specified=SeekSpecified(number=after.block)),
        after_transaction_id=after.transaction_id,
    ).SerializeToString()
    signed = SignedChaincodeEventsRequest(request=request, signature=identity.sign(request))
    connection = connections.first
    call = connection.gateway.ChaincodeEvents(signed)
    try:
        async for response in call:
            for event in response.events:
                yield ChaincodeEvent(response.block_number, event.tx_id, event.event_name, event.payload)
    except grpc.aio.AioRpcError as error:
        connections.demote(connection)
        raise failure_of(error, connection.address) from None
    finally:
        call.cancel()
