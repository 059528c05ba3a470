'''A client of Hyperledger Fabric's gateway service in Python, over grpc.aio on Fabric's official protos.

It offers transactions (endorsed by the organisations that have to, ordered, committed, tried again where that helps),
questions, a channel's blocks and their hashes, and a chaincode's events from any checkpoint on. When a gateway hangs
for a second the next one is asked as well. What goes wrong is told apart by who has to do something about it.

It knows chaincodes, functions and arguments, and nothing of what they are about. A :class:`FabricProfile` says where
the network is and as whom we speak::

    async def keep(profile: FabricProfile, key: str, value: str) -> bytes:
        """Set a key through the example chaincode of ledger.fabric.chaincode_server, and read it again."""
        async with GatewayClient(profile) as client:
            done = await client.transact(Invocation(profile.chaincode, "set", (key, value)))
            async for block in client.blocks(done.block):
                assert done.transaction_id in [transaction.id for transaction in block.transactions]
                break
            return await client.evaluate(Invocation(profile.chaincode, "get", (key,)))
'''

from ledger.fabric.gateway.authorities import Authorities, NotVouchedFor, configuration_of
from ledger.fabric.gateway.channel_blocks import (
    BlockSignature,
    ChannelBlock,
    ChannelTransaction,
    ProvenBlock,
    decode_block,
    evidence_of,
)
from ledger.fabric.gateway.client import ChainTip, Committed, GatewayClient, TimeLimits
from ledger.fabric.gateway.errors import (
    ClaimedTimeRefused,
    ContractRefused,
    EndorsementMismatch,
    FateUnknown,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    IdentityExpired,
    TransactionInvalid,
)
from ledger.fabric.gateway.identity import SigningIdentity, UnusableIdentity
from ledger.fabric.gateway.messages import Invocation, propose
from ledger.fabric.gateway.profile import PROFILE_NAME, FabricProfile, GatewayAddress, OrdererAddress, UnusableProfile
from ledger.fabric.gateway.streams import ChaincodeEvent, Checkpoint

__all__ = [
    "PROFILE_NAME",
    "Authorities",
    "BlockSignature",
    "ChainTip",
    "ChaincodeEvent",
    "ChannelBlock",
    "ChannelTransaction",
    "Checkpoint",
    "ClaimedTimeRefused",
    "Committed",
    "ContractRefused",
    "EndorsementMismatch",
    "FabricProfile",
    "FateUnknown",
    "GatewayAddress",
    "GatewayClient",
    "GatewayError",
    "GatewayRefused",
    "GatewayUnavailable",
    "IdentityExpired",
    "Invocation",
    "NotVouchedFor",
    "OrdererAddress",
    "ProvenBlock",
    "SigningIdentity",
    "TimeLimits",
    "TransactionInvalid",
    "UnusableIdentity",
    "UnusableProfile",
    "configuration_of",
    "decode_block",
    "evidence_of",
    "propose",
]
