"""The gRPC server that peers connect to, and what it has to know."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any, Self

import grpc
import grpc.aio
import structlog
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from fabric_protos.peer.chaincode_shim_pb2_grpc import add_ChaincodeServicer_to_server
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.fabric.chaincode_server.errors import PeerGone, ProtocolViolation
from ledger.fabric.chaincode_server.execution import Chaincode, HostedChaincode, Workers
from ledger.fabric.chaincode_server.stream import PeerStream
from ledger.fabric.chaincode_server.wire import MAX_MESSAGE_BYTES

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # peers ping idle streams; do not call that abuse
    ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake, not a second chance
]

_log = structlog.get_logger()


class ChaincodeServerSettings(BaseSettings):
    """From the environment, under Fabric's usual names: ``CHAINCODE_ID``, ``CHAINCODE_SERVER_ADDRESS`` and so on."""

    model_config = SettingsConfigDict(env_prefix="CHAINCODE_", frozen=True)

    id: Annotated[str, Field(min_length=1)]
    """The package id under which the peers installed the chaincode."""
    server_address: Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")]
    """``host:port`` to listen on; port 0 takes a free one."""
    tls_key: Path | None = None
    tls_cert: Path | None = None
    client_ca_cert: Path | None = None
    """PEM of the authorities whose certificates a connecting peer may show."""
    tls_disabled: bool = False
    """Let anyone connect, unencrypted; for tests."""
    max_clock_difference_s: Annotated[float, Field(gt=0)] = 5.0
    """A transaction that claims a time further than this from this machine's clock is not endorsed. A peer takes what a
    client claims up to a quarter of an hour from its own."""
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """Threads that run contracts."""
    drain_seconds: Annotated[float, Field(ge=0)] = 10.0
    """How long open transactions may take to end once the server is told to stop."""

    @model_validator(mode="after")
    def _all_of_tls_or_none(self) -> Self:
        given = [file is not None for file in (self.tls_key, self.tls_cert, self.client_ca_cert)]
        if self.tls_disabled and any(given):
            raise ValueError("CHAINCODE_TLS_DISABLED contradicts the TLS files that are named")
        if not self.tls_disabled and not all(given):
            raise ValueError(
                "set CHAINCODE_TLS_KEY, CHAINCODE_TLS_CERT and CHAINCODE_CLIENT_CA_CERT, or CHAINCODE_TLS_DISABLED=true"
            )
        return self


class UnusableAddress(Exception):
    """The server cannot listen where it is told to."""


class ChaincodeServer:
    """Hosts one contract for any number of peers."""

    def __init__(self, settings: ChaincodeServerSettings, chaincode: Chaincode) -> None:
        self._settings = settings
        self._hosted = HostedChaincode(chaincode, settings.max_clock_difference_s, Workers(settings.workers))
        self._streams: set[PeerStream] = set()
        self._drained = asyncio.Event()
        self._server = grpc.aio.server(options=_OPTIONS)
        add_ChaincodeServicer_to_server(self, self._server)

    async def start(self) -> int:
        """Listen; return the port. Raises UnusableAddress, OSError for a TLS file that cannot be read."""
        credentials = _credentials(self._settings)
        address = self._settings.server_address
        try:
            if credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError:
            port = 0
        if port == 0:
            raise UnusableAddress(f"cannot listen on {address}; is the port taken, or a TLS file no PEM?")
        await self._server.start()
        _log.info("the chaincode server listens", port=port, chaincode=self._settings.id, tls=credentials is not None)
        return port

    async def stop(self) -> None:
        """Refuse new transactions, let the open ones end, then close the streams."""
        _log.info("the chaincode server stops")
        drained = [asyncio.create_task(stream.drain()) for stream in self._streams]
        if drained:
            _, late = await asyncio.wait(drained, timeout=self._settings.drain_seconds)
            for task in late:
                task.cancel()
        self._drained.set()
        await self._server.stop(grace=1)
        self._hosted.workers.close()

    async def Connect(  # noqa: N802 - gRPC's name for it
        self, incoming: AsyncIterator[ChaincodeMessage], context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Serve one peer's stream; what gRPC calls."""
        stream = PeerStream(incoming, context.write, self._hosted)
        self._streams.add(stream)
        try:
            await self._until_drained(stream.serve(self._settings.id))
        except ProtocolViolation as violation:
            _log.error("a peer's stream ended", reason=str(violation))
        except PeerGone as gone:
            _log.warning("a peer's stream ended", reason=str(gone))
        finally:
            self._streams.discard(stream)

    async def _until_drained(self, serving: Coroutine[Any, Any, None]) -> None:
        """Serve until the stream ends or the server stops; what is left to gRPC to cancel, it logs as an error."""
        served = asyncio.create_task(serving)
        drained = asyncio.create_task(self._drained.wait())
        try:
            await asyncio.wait({served, drained}, return_when=asyncio.FIRST_COMPLETED)
            if served.done():
                await served
        finally:
            served.cancel()
            drained.cancel()
            await asyncio.gather(served, drained, return_exceptions=True)


async def serve(settings: ChaincodeServerSettings, chaincode: Chaincode) -> None:
    """Host a contract until SIGTERM or SIGINT, then drain."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = ChaincodeServer(settings, chaincode)
    await server.start()
    await stopping.wait()
    await server.stop()


def _credentials(settings: ChaincodeServerSettings) -> grpc.ServerCredentials | None:
    if settings.tls_key is None or settings.tls_cert is None or settings.client_ca_cert is None:
        return None
    key, certificate, authority = (
        Path(file).read_bytes() for file in (settings.tls_key, settings.tls_cert, settings.client_ca_cert)
    )
    return grpc.ssl_server_credentials([(key, certificate)], root_certificates=authority, require_client_auth=True)
