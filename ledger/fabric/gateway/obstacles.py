"""What keeps transactions from being committed now, and which part of the network it is: endorsers or orderers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from fabric_protos.common.common_pb2 import Envelope, Status
from fabric_protos.orderer.ab_pb2_grpc import AtomicBroadcastStub

from ledger.fabric.gateway.connections import GatewayConnection, secure_channel
from ledger.fabric.gateway.errors import ContractRefused, failure_of
from ledger.fabric.gateway.profile import OrdererAddress

_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class OrdererConnection:
    """A connection to one orderer, to ask how it is."""

    address: str
    channel: grpc.aio.Channel
    service: AtomicBroadcastStub

    @classmethod
    def to(cls, orderer: OrdererAddress) -> "OrdererConnection":
        """Prepare a connection with TLS verified; it is made with the first call."""
        channel = secure_channel(orderer)
        return cls(orderer.address, channel, AtomicBroadcastStub(channel))

    async def obstacle(self, seek: Envelope) -> str | None:
        """Return why it orders nothing now, None if it does as far as it knows."""
        call = self.service.Deliver(iter((seek,)), timeout=_PATIENCE_S)
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
