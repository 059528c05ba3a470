"""The blocks of a channel as a peer delivers them, and going over to another peer when one falls silent."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import grpc.aio
import structlog
from fabric_protos.common.common_pb2 import Block, Envelope, Status

from ledger.fabric.gateway.connections import Connections
from ledger.fabric.gateway.errors import GatewayRefused, GatewayUnavailable
from ledger.fabric.gateway.failures import failure_of

_SILENCE_S = 5.0
_MAX_FAILURES_IN_A_ROW = 10
_LONGEST_PAUSE_S = 1.0
_REFUSALS = {Status.BAD_REQUEST, Status.FORBIDDEN}

_log = structlog.get_logger()

Seek = Callable[[int], Envelope]
"""Makes the signed request for all blocks from a number on."""


class BlockStream:
    """Blocks in their order without a gap, from whichever gateway delivers them.

    Parameters
    ----------
    height
        Asks the network how many blocks there are. A stream that is silent while there are more than it delivered is
        given up: its peer is paused, cut off, or has lost its orderers.
    """

    def __init__(self, connections: Connections, seek: Seek, height: Callable[[], Awaitable[int]]) -> None:
        self._connections = connections
        self._seek = seek
        self._height = height
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
        number = first
        try:
            while True:
                yield await self._next(number)
                number += 1
        finally:
            self._leave()

    async def _next(self, number: int) -> Block:
        failures = 0
        while True:
            try:
                return await self._read(number)
            except GatewayUnavailable as failure:
                self._leave(failure)
                failures += 1
                if failures == _MAX_FAILURES_IN_A_ROW:
                    raise
                await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.05 * 2**failures))

    async def _read(self, number: int) -> Block:
        if self._stream is None:
            self._stream = _Delivery(self._connections, self._seek(number))
        while not await self._stream.has_word(_SILENCE_S):
            height = await self._height()
            if height > number:
                raise GatewayUnavailable(f"{self._stream.address} is silent at block {number} of {height}")
        block = await self._stream.block()
        if block.header.number != number:
            raise GatewayUnavailable(f"{self._stream.address} delivered block {block.header.number}, not {number}")
        return block

    def _leave(self, failure: GatewayUnavailable | None = None) -> None:
        if self._stream is None:
            return
        self._stream.cancel()
        if failure is not None:
            _log.warning("a stream of blocks broke", reason=str(failure))
            self._connections.demote(self._stream.connection)
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
