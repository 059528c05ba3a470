"""The gateways of a network: one connection each, asked in turn when one fails."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import structlog
from fabric_protos.gateway.gateway_pb2_grpc import GatewayStub
from fabric_protos.peer.events_pb2_grpc import DeliverStub

from ledger.fabric.gateway.errors import GatewayUnavailable
from ledger.fabric.gateway.failures import failure_of
from ledger.fabric.profile import GatewayAddress

MAX_CALLS = 200
"""At once. A gateway refuses more than 500, which many clients share."""

_MAX_MESSAGE_BYTES = 100 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),  # a network's peers are our neighbours, whatever way we reach the web
    ("grpc.keepalive_time_ms", 120_000),  # peers hang up on clients that ping more than once a minute
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),  # a peer that restarts is wanted back at once
]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to one peer and the services we use there."""

    address: str
    channel: grpc.aio.Channel
    gateway: GatewayStub
    deliver: DeliverStub

    @classmethod
    def to(cls, peer: GatewayAddress) -> "Connection":
        """Prepare a connection with TLS verified; it is made with the first call."""
        credentials = grpc.ssl_channel_credentials(root_certificates=peer.tls_ca.read_bytes())
        options: list[tuple[str, Any]] = list(_OPTIONS)
        if peer.server_name is not None:
            options.append(("grpc.ssl_target_name_override", peer.server_name))
        channel = grpc.aio.secure_channel(peer.address, credentials, options=options)
        return cls(peer.address, channel, GatewayStub(channel), DeliverStub(channel))


Method = Callable[[Connection], Callable[..., Any]]
"""Picks a service's method, for instance ``lambda connection: connection.gateway.Evaluate``."""


class Connections:
    """Several gateways; the one that answered last is asked first."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = list(connections)
        self._slots = asyncio.Semaphore(MAX_CALLS)

    @property
    def count(self) -> int:
        """How many gateways there are."""
        return len(self._connections)

    @property
    def first(self) -> Connection:
        """The gateway that is asked first."""
        return self._connections[0]

    def demote(self, failed: Connection) -> None:
        """Ask another gateway first from now on."""
        if self.count > 1 and self._connections[0] is failed:
            self._connections.append(self._connections.pop(0))
            _log.warning("going over to another gateway", failed=failed.address, next=self.first.address)

    async def call(
        self,
        method: Method,
        request: Any,
        *,
        timeout_s: float,
        endorsers: Collection[str] = (),
        everywhere: bool = True,
    ) -> Any:
        """Make a call at one gateway after the other until one answers.

        Parameters
        ----------
        everywhere
            False: ask one gateway only; if it does not answer, the next call goes to another.

        Raises
        ------
        GatewayError
            What the gateway's error means; GatewayUnavailable if none answered.
        """
        failures: list[str] = []
        for _ in range(self.count if everywhere else 1):
            connection = self.first
            try:
                async with self._slots:
                    return await method(connection)(request, timeout=timeout_s)
            except grpc.aio.AioRpcError as error:
                failure = failure_of(error, connection.address, endorsers)
                if not isinstance(failure, GatewayUnavailable):
                    raise failure from None
                failures.append(str(failure))
                self.demote(connection)
        raise GatewayUnavailable("; ".join(failures))

    async def ask_all(self, method: Method, request: Any, *, timeout_s: float) -> list[Any]:
        """Make a call at every gateway and return the answers of those that gave one.

        Raises
        ------
        GatewayUnavailable
            If none did.
        """

        async def ask(connection: Connection) -> Any:
            async with self._slots:
                return await method(connection)(request, timeout=timeout_s)

        found = await asyncio.gather(*map(ask, self._connections), return_exceptions=True)
        answers = [answer for answer in found if not isinstance(answer, BaseException)]
        if not answers:
            raise GatewayUnavailable(
                "; ".join(f"{c.address}: {e!r}" for c, e in zip(self._connections, found, strict=True))
            )
        return answers

    async def close(self) -> None:
        """Close all connections; open calls end."""
        await asyncio.gather(*(connection.channel.close(grace=None) for connection in self._connections))
