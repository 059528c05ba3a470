"""Chaincode events as the gateway service streams them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import grpc.aio
from fabric_protos.gateway.gateway_pb2 import ChaincodeEventsRequest, SignedChaincodeEventsRequest
from fabric_protos.orderer.ab_pb2 import SeekPosition, SeekSpecified

from ledger.fabric.gateway.connections import Connections
from ledger.fabric.gateway.failures import failure_of
from ledger.fabric.gateway.identity import SigningIdentity


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
