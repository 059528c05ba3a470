"""What a client proposed: the parts of a signed proposal that a contract may ask for."""

from dataclasses import dataclass
from typing import Self

from fabric_protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from fabric_protos.peer.chaincode_pb2 import ChaincodeInput
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from fabric_protos.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal

from ledger.fabric.chaincode_server.errors import ProtocolViolation
from ledger.fabric.chaincode_server.wire import parse


@dataclass(frozen=True, slots=True)
class TransactionProposal:
    """One transaction as it reached the chaincode.

    Attributes
    ----------
    creator
        The serialized identity that signed the proposal.
    transient
        Data for the endorsers that does not go onto the ledger.
    """

    channel: str
    transaction_id: str
    timestamp_ms: int
    function: str
    args: tuple[str, ...]
    creator: bytes
    transient: dict[str, bytes]

    @classmethod
    def of_message(cls, message: ChaincodeMessage) -> Self:
        """Read a TRANSACTION message; raises ProtocolViolation, also for arguments that are no UTF-8."""
        try:
            function, *args = [arg.decode() for arg in parse(ChaincodeInput, message.payload).args] or [""]
        except UnicodeDecodeError as error:
            raise ProtocolViolation(f"an argument is not UTF-8: {error.reason}") from None
        proposal = parse(Proposal, message.proposal.proposal_bytes)
        header = parse(Header, proposal.header)
        timestamp = parse(ChannelHeader, header.channel_header).timestamp
        return cls(
            channel=message.channel_id,
            transaction_id=message.txid,
            timestamp_ms=timestamp.seconds * 1000 + timestamp.nanos // 1_000_000,
            function=function,
            args=tuple(args),
            creator=parse(SignatureHeader, header.signature_header).creator,
            transient=dict(parse(ChaincodeProposalPayload, proposal.payload).TransientMap),
        )
