"""The gateways of a network: one connection each; when one is silent or fails, the next one is asked as well.

And what keeps transactions from being committed now, and which part of the network it is: endorsers or orderers.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Any

import grpc
import grpc.aio
import structlog
from fabric_protos.common.common_pb2 import Envelope, Status
from fabric_protos.gateway.gateway_pb2_grpc import GatewayStub
from fabric_protos.orderer.ab_pb2_grpc import AtomicBroadcastStub
from fabric_protos.peer.events_pb2_grpc import DeliverStub

from ledger.fabric.gateway.errors import ContractRefused, GatewayUnavailable, failure_of
from ledger.fabric.gateway.profile import GatewayAddress, OrdererAddress

MAX_CALLS = 200
"""At once. A gateway refuses more than 500, which many clients share."""

_LOOK_S = 0.2
_LOOKS = 4
"""After so many looks without an answer the next gateway is asked as well. Counted in looks, for time passes as well
when it is us who are too busy to read answers."""
_STRAGGLERS_S = 0.4
"""How long others may take that are asked the same, once the first has answered."""
_PATIENCE_S = 2.0
"""How long whoever is asked how it is may take."""
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


def secure_channel(node: OrdererAddress) -> grpc.aio.Channel:
    """Prepare a connection with TLS verified."""
    credentials = grpc.ssl_channel_credentials(root_certificates=node.tls_ca.read_bytes())
    options: list[tuple[str, Any]] = list(_OPTIONS)
    if node.server_name is not None:
        options.append(("grpc.ssl_target_name_override", node.server_name))
    return grpc.aio.secure_channel(node.address, credentials, options=options)


class GatewayConnection:
    """A connection to one peer and the services we use there, with TLS verified; it is made with the first call."""

    def __init__(self, peer: GatewayAddress) -> None:
        self.address = peer.address
        self.organisation = peer.organisation
        self.channel = secure_channel(peer)
        self.gateway = GatewayStub(self.channel)
        self.deliver = DeliverStub(self.channel)
        self._last_word = -inf

    @property
    def is_alive(self) -> bool:
        """Tell whether it answered something a moment ago: then it is slow, and does not hang."""
        return asyncio.get_running_loop().time() - self._last_word < _LOOKS * _LOOK_S

    def ask(self, method: "Method", request: Any, timeout_s: float) -> asyncio.Future[Any]:
        """Make a call; its answer is to come."""
        loop = asyncio.get_running_loop()

        def hear(answer: asyncio.Future[Any]) -> None:
            if _has_answer(answer):
                self._last_word = loop.time()

        answer: asyncio.Future[Any] = asyncio.ensure_future(method(self)(request, timeout=timeout_s))
        answer.add_done_callback(hear)
        return answer


Method = Callable[[GatewayConnection], Callable[..., Any]]
"""Picks a service's method, for instance ``lambda connection: connection.gateway.Evaluate``."""


class Connections:
    """Several gateways; the one that answered last is asked first."""

    def __init__(self, connections: Sequence[GatewayConnection]) -> None:
        self._connections = list(connections)
        self._slots = asyncio.Semaphore(MAX_CALLS)

    @property
    def first(self) -> GatewayConnection:
        """The gateway that is asked first."""
        return self._connections[0]

    def of(self, organisation: str) -> list[GatewayConnection]:
        """Return an organisation's gateways."""
        return [connection for connection in self._connections if connection.organisation == organisation]

    def demote(self, failed: GatewayConnection) -> None:
        """Ask another gateway first from now on."""
        if len(self._connections) > 1 and self._connections[0] is failed:
            self._connections.append(self._connections.pop(0))
            _log.warning("going over to another gateway", failed=failed.address, next=self.first.address)

    async def call(self, method: Method, request: Any, *, timeout_s: float, endorsers: Collection[str] = ()) -> Any:
        """Make a call at the first gateway, and at the next as well whenever one fails or hangs; one answer counts.

        So every call may be made twice. What has an effect is a transaction's envelope alone, and that counts once.

        Raises
        ------
        GatewayError
            What a gateway's error means; GatewayUnavailable if none answered.
        """
        failures: list[str] = []
        async with self._slots:
            calls = _Calls(self._connections, lambda connection: connection.ask(method, request, timeout_s))
            try:
                async for answer, connection in calls:
                    error = answer.exception()
                    if error is None:
                        for silent in calls.open.values():
                            self.demote(silent)
                        return answer.result()
                    failures.append(self._heard(error, connection, endorsers))
            finally:
                _cancel(calls.open)
        raise GatewayUnavailable("; ".join(failures))

    async def ask_all(
        self, method: Method, request: Any, *, timeout_s: float, is_enough: Callable[[Any], bool] = lambda _: False
    ) -> list[Any]:
        """Make a call at every gateway and return the answers of those that gave one, stragglers' not included.

        Parameters
        ----------
        is_enough
            Tells of an answer whether it makes the others superfluous.

        Raises
        ------
        GatewayUnavailable
            If none did.
        """
        answers: list[Any] = []
        async with self._slots:
            asked = {connection.ask(method, request, timeout_s): connection for connection in self._connections}
            pending = set(asked)
            while pending and not any(map(is_enough, answers)):
                patience_s = _STRAGGLERS_S if answers else None
                done, pending = await asyncio.wait(pending, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                answers += [answer.result() for answer in done if _has_answer(answer)]
            _cancel(pending)
        if not answers:
            errors = [f"{gateway.address}: {call.exception()!r}" for call, gateway in asked.items()]
            raise GatewayUnavailable("; ".join(errors))
        return answers

    async def close(self) -> None:
        """Close all connections; open calls end."""
        await asyncio.gather(*(connection.channel.close(grace=None) for connection in self._connections))

    def _heard(self, error: BaseException, connection: GatewayConnection, endorsers: Collection[str]) -> str:
        """Return what an error says if another gateway may do better; raises GatewayError if not."""
        if not isinstance(error, grpc.aio.AioRpcError):
            raise error
        failure = failure_of(error, connection.address, endorsers)
        if not isinstance(failure, GatewayUnavailable):
            raise failure from None
        self.demote(connection)
        return str(failure)


class _Calls:
    """The same call at one gateway after the other, each as soon as those before it failed or hang."""

    def __init__(
        self, gateways: Iterable[GatewayConnection], ask: Callable[[GatewayConnection], asyncio.Future[Any]]
    ) -> None:
        self.open: dict[asyncio.Future[Any], GatewayConnection] = {}
        self._left = deque(gateways)
        self._ask = ask
        self._looks = 0

    async def __aiter__(self) -> AsyncGenerator[tuple[asyncio.Future[Any], GatewayConnection], None]:
        """Yield what comes, answers and errors."""
        while self._left or self.open:
            if self._left and (not self.open or self._all_hang()):
                gateway = self._left.popleft()
                self.open[self._ask(gateway)] = gateway
                self._looks = 0
            look_s = _LOOK_S if self._left else None
            done, _ = await asyncio.wait(self.open, timeout=look_s, return_when=asyncio.FIRST_COMPLETED)
            self._looks += 1
            for answer in done:
                yield answer, self.open.pop(answer)

    def _all_hang(self) -> bool:
        return self._looks >= _LOOKS and not any(gateway.is_alive for gateway in self.open.values())


def _has_answer(asked: asyncio.Future[Any]) -> bool:
    return asked.done() and not asked.cancelled() and asked.exception() is None


def _cancel(asked: Iterable[asyncio.Future[Any]]) -> None:
    for answer in asked:
        answer.cancel()


class OrdererConnection:
    """A connection to one orderer, to ask how it is, with TLS verified; it is made with the first call."""

    def __init__(self, orderer: OrdererAddress) -> None:
        self.address = orderer.address
        self.channel = secure_channel(orderer)
        self._service = AtomicBroadcastStub(self.channel)

    async def obstacle(self, seek: Envelope) -> str | None:
        """Return why it orders nothing now, None if it does as far as it knows."""
        call = self._service.Deliver(iter((seek,)), timeout=_PATIENCE_S)
        try:
            answer: Any = await call.read()
        except grpc.aio.AioRpcError as error:
            return f"{self.address} does not answer ({error.code().name})"
        finally:
            call.cancel()
        if not answer:
            return f"{self.address} ended its answer"
        if answer.HasField("block"):
            return None
        if answer.status == Status.NOT_FOUND:
            return f"{self.address} has not joined the channel"
        return f"{self.address} says {Status.Name(answer.status)}"


async def ordering_obstacle(orderers: Sequence[OrdererConnection], quorum: int, seek: Envelope) -> str | None:
    """Return why nothing is ordered: fewer orderers than have to take part are in order."""
    found = await asyncio.gather(*(orderer.obstacle(seek) for orderer in orderers))
    reasons = [obstacle for obstacle in found if obstacle is not None]
    in_order = len(orderers) - len(reasons)
    if not orderers or in_order >= quorum:
        return None
    return f"the orderers: {in_order} of the {quorum} that it takes are in order ({'; '.join(reasons)})"


async def endorsing_obstacle(
    peers: Mapping[str, Sequence[GatewayConnection]], question: Callable[[str], Any]
) -> str | None:
    """Return which organisations' peers endorse nothing, and why.

    Parameters
    ----------
    peers
        By the organisations' MSP ids.
    question
        Makes a request that an organisation's peer can only answer if it and its chaincode are well.
    """
    asked = ((owner, gateways, question(owner)) for owner, gateways in peers.items())
    found = await asyncio.gather(*(_organisation_obstacle(*one) for one in asked))
    return "; ".join(filter(None, found)) or None


async def _organisation_obstacle(owner: str, gateways: Sequence[GatewayConnection], request: Any) -> str | None:
    found = await asyncio.gather(*(_peer_obstacle(gateway, request) for gateway in gateways))
    return None if None in found else f"the peers of {owner}: {'; '.join(filter(None, found)) or 'none is known'}"


async def _peer_obstacle(gateway: GatewayConnection, request: Any) -> str | None:
    try:
        await gateway.gateway.Evaluate(request, timeout=_PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        failure = failure_of(error, gateway.address)
        return None if isinstance(failure, ContractRefused) else str(failure)
    return None
