"""The stream to one peer: many transactions in flight, each with at most one request open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from fabric_protos.peer.chaincode_pb2 import ChaincodeID
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage

from ledger.fabric.chaincode_server import wire
from ledger.fabric.chaincode_server.errors import PeerGone, PeerRefusal, ProtocolViolation
from ledger.fabric.chaincode_server.execution import HostedChaincode, error
from ledger.fabric.chaincode_server.wire import PeerLimits

SHUTTING_DOWN = "the chaincode server is shutting down"

_log = structlog.get_logger()


class PeerStream:
    """One peer's connection, from REGISTER to its end.

    Parameters
    ----------
    incoming
        The peer's messages.
    write
        Sends one message; called by one task at a time, as gRPC demands.
    """

    def __init__(
        self,
        incoming: AsyncIterator[ChaincodeMessage],
        write: Callable[[ChaincodeMessage], Awaitable[None]],
        hosted: HostedChaincode,
    ) -> None:
        self._incoming = incoming
        self._write = write
        self._hosted = hosted
        self._writing = asyncio.Lock()
        self._limits = PeerLimits()
        self._answers: dict[tuple[str, str], asyncio.Future[bytes]] = {}
        self._transactions: set[asyncio.Task[None]] = set()
        self._draining = False

    async def serve(self, chaincode_id: str) -> None:
        """Speak the protocol until the peer ends the stream.

        Raises
        ------
        ProtocolViolation
            If the peer does not accept the chaincode. Whatever ends the stream, its open transactions end with it.
        """
        try:
            introduction = ChaincodeID(name=chaincode_id).SerializeToString()
            await self._send(ChaincodeMessage(type=ChaincodeMessage.REGISTER, payload=introduction))
            await self._expect(ChaincodeMessage.REGISTERED)
            ready = await self._expect(ChaincodeMessage.READY)
            self._limits = PeerLimits.announced(ready.payload)
            _log.info("a peer is connected", writes_per_batch=self._limits.writes, reads_per_batch=self._limits.reads)
            async for message in self._incoming:
                await self._handle(message)
        finally:
            await self._end()

    async def drain(self) -> None:
        """Refuse new transactions from now on and return when the open ones are answered."""
        self._draining = True
        while self._transactions:
            await asyncio.wait(self._transactions)

    async def _expect(self, wanted: int) -> ChaincodeMessage:
        async for message in self._incoming:
            if message.type == wanted:
                return message
            if message.type != ChaincodeMessage.KEEPALIVE:
                raise ProtocolViolation(f"the peer sent {wire.type_name(message)} before it accepted the chaincode")
            await self._send(message)
        raise ProtocolViolation("the peer ended the stream before it accepted the chaincode")

    async def _handle(self, message: ChaincodeMessage) -> None:
        match message.type:
            case ChaincodeMessage.TRANSACTION if self._draining:
                await self._send(error(message, SHUTTING_DOWN))
            case ChaincodeMessage.TRANSACTION:
                task = asyncio.create_task(self._run(message))
                self._transactions.add(task)
                task.add_done_callback(self._transactions.discard)
            case ChaincodeMessage.INIT:
                await self._send(
                    error(message, "this chaincode has no Init; commit its definition without init-required")
                )
            case ChaincodeMessage.RESPONSE | ChaincodeMessage.ERROR:
                self._deliver(message)
            case ChaincodeMessage.KEEPALIVE:
                await self._send(message)
            case _:
                _log.warning("ignored a message that means nothing here", type=wire.type_name(message))

    def _deliver(self, message: ChaincodeMessage) -> None:
        answer = self._answers.pop((message.channel_id, message.txid), None)
        if answer is None or answer.done():
            _log.warning("ignored an answer that nobody waits for", transaction=message.txid)
        elif message.type == ChaincodeMessage.ERROR:
            answer.set_exception(PeerRefusal(message.payload.decode(errors="replace")))
        else:
            answer.set_result(message.payload)

    async def _run(self, message: ChaincodeMessage) -> None:
        here = asyncio.get_running_loop()

        async def ask(request: ChaincodeMessage) -> bytes:
            asked = asyncio.run_coroutine_threadsafe(self._ask(message, request), here)
            return await asyncio.wrap_future(asked)

        try:
            await self._send(await self._hosted.run(message, self._limits, ask))
        except PeerGone:
            _log.warning("a transaction's peer went away", transaction=message.txid)

    async def _ask(self, transaction: ChaincodeMessage, request: ChaincodeMessage) -> bytes:
        key = (transaction.channel_id, transaction.txid)
        request.channel_id, request.txid = key
        wire.check_size(request)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        try:
            await self._send(request)
            return await answer
        finally:
            self._answers.pop(key, None)

    async def _send(self, message: ChaincodeMessage) -> None:
        async with self._writing:
            try:
                await self._write(message)
            except Exception as failure:  # gRPC raises several kinds, and all mean the same
                raise PeerGone(f"the stream to the peer broke: {type(failure).__name__}") from failure

    async def _end(self) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PeerGone("the stream to the peer ended"))
        transactions = list(self._transactions)
        for transaction in transactions:
            transaction.cancel()
        await asyncio.gather(*transactions, return_exceptions=True)
