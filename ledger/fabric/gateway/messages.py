"""The messages a client signs: proposals, envelopes and requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fabric_protos.common.common_pb2 import (
    ENDORSER_TRANSACTION,
    ChannelHeader,
    Envelope,
    Header,
    HeaderType,
    Payload,
    SignatureHeader,
)
from fabric_protos.orderer.ab_pb2 import SeekInfo, SeekNewest, SeekPosition, SeekSpecified
from fabric_protos.peer.chaincode_pb2 import ChaincodeID, ChaincodeInput, ChaincodeInvocationSpec, ChaincodeSpec
from fabric_protos.peer.proposal_pb2 import (
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)

from ledger.fabric.gateway.identity import SigningIdentity, TransactionName

_NO_END = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function of a chaincode with its arguments.

    Attributes
    ----------
    transient
        Data for the endorsers that does not go onto the ledger.
    """

    chaincode: str
    function: str
    args: Sequence[str] = ()
    transient: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamedProposal:
    """A signed proposal and the id of the transaction it proposes."""

    transaction_id: str
    signed: SignedProposal


def propose(identity: SigningIdentity, channel: str, invocation: Invocation, at: datetime) -> NamedProposal:
    """Propose a new transaction, which claims to be of some time."""
    name = identity.name_transaction()
    chaincode = ChaincodeID(name=invocation.chaincode)
    extension = ChaincodeHeaderExtension(chaincode_id=chaincode).SerializeToString()
    header = _header(identity, name, ENDORSER_TRANSACTION, channel, at, extension)
    words = [invocation.function.encode(), *(arg.encode() for arg in invocation.args)]
    specification = ChaincodeInvocationSpec(
        chaincode_spec=ChaincodeSpec(
            type=ChaincodeSpec.GOLANG,  # the peer knows better; every client says this
            chaincode_id=chaincode,
            input=ChaincodeInput(args=words),
        )
    )
    payload = ChaincodeProposalPayload(input=specification.SerializeToString(), TransientMap=dict(invocation.transient))
    proposal = Proposal(header=header.SerializeToString(), payload=payload.SerializeToString()).SerializeToString()
    return NamedProposal(name.id, SignedProposal(proposal_bytes=proposal, signature=identity.sign(proposal)))


def sign_envelope(identity: SigningIdentity, prepared: Envelope) -> Envelope:
    """Sign a transaction that a gateway has prepared from its endorsements."""
    return Envelope(payload=prepared.payload, signature=identity.sign(prepared.payload))


def seek_blocks(identity: SigningIdentity, channel: str, first: int, at: datetime) -> Envelope:
    """Ask a peer for every block from the first on, those to come included."""
    start, stop = (SeekPosition(specified=SeekSpecified(number=number)) for number in (first, _NO_END))
    return _seek(identity, channel, at, SeekInfo(start=start, stop=stop, behavior=SeekInfo.BLOCK_UNTIL_READY))


def seek_word(identity: SigningIdentity, channel: str, at: datetime) -> Envelope:
    """Ask an orderer for its newest block's header: it sends one if it is well, and says what it lacks if not."""
    newest = SeekPosition(newest=SeekNewest())
    kind = {"behavior": SeekInfo.FAIL_IF_NOT_READY, "content_type": SeekInfo.HEADER_WITH_SIG}
    return _seek(identity, channel, at, SeekInfo(start=newest, stop=newest, **kind))


def _seek(identity: SigningIdentity, channel: str, at: datetime, seek: SeekInfo) -> Envelope:
    header = _header(identity, identity.name_transaction(), HeaderType.DELIVER_SEEK_INFO, channel, at)
    payload = Payload(header=header, data=seek.SerializeToString())
    return sign_envelope(identity, Envelope(payload=payload.SerializeToString()))


def _header(
    identity: SigningIdentity, name: TransactionName, kind: int, channel: str, at: datetime, extension: bytes = b""
) -> Header:
    channel_header = ChannelHeader(type=kind, channel_id=channel, tx_id=name.id, extension=extension)
    channel_header.timestamp.FromDatetime(at)
    signature_header = SignatureHeader(creator=identity.creator, nonce=name.nonce)
    return Header(
        channel_header=channel_header.SerializeToString(), signature_header=signature_header.SerializeToString()
    )
