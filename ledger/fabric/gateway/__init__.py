"""A client of Fabric's gateway service on the official protos, over grpc.aio.

It knows chaincodes, functions and arguments, and nothing of the market.
"""

from ledger.fabric.gateway.client import Committed, GatewayClient, Patience
from ledger.fabric.gateway.decoding import ChannelBlock, ChannelTransaction
from ledger.fabric.gateway.errors import (
    ContractRefused,
    EndorsementMismatch,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    TransactionInvalid,
)
from ledger.fabric.gateway.events import ChaincodeEvent, Checkpoint
from ledger.fabric.gateway.identity import SigningIdentity, UnusableIdentity
from ledger.fabric.gateway.messages import Invocation

__all__ = [
    "ChaincodeEvent",
    "ChannelBlock",
    "ChannelTransaction",
    "Checkpoint",
    "Committed",
    "ContractRefused",
    "EndorsementMismatch",
    "GatewayClient",
    "GatewayError",
    "GatewayRefused",
    "GatewayUnavailable",
    "Invocation",
    "Patience",
    "SigningIdentity",
    "TransactionInvalid",
    "UnusableIdentity",
]
