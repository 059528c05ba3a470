"""What a client proposed and who it is: the parts of a signed proposal that a contract may ask for."""

import json
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from fabric_protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from fabric_protos.msp.identities_pb2 import SerializedIdentity
from fabric_protos.peer.chaincode_pb2 import ChaincodeInput
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from fabric_protos.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal

from ledger.fabric.chaincode_server.errors import ProtocolViolation
from ledger.fabric.chaincode_server.wire import parse

_UNIT = x509.NameOID.ORGANIZATIONAL_UNIT_NAME
_ATTRIBUTES_OID = x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1")  # Fabric CA's own


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


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """The creator of a transaction, whose signature the peer has checked.

    Attributes
    ----------
    attributes
        What the certificate says of its owner, where Fabric's CA issued it with attributes.
    """

    msp_id: str
    certificate: x509.Certificate
    attributes: dict[str, str]

    @property
    def is_administrator(self) -> bool:
        """Tell whether it is an administrator of its organisation, as certificates with node roles say it."""
        return any(unit.value == "admin" for unit in self.certificate.subject.get_attributes_for_oid(_UNIT))

    @classmethod
    def of_creator(cls, creator: bytes) -> Self:
        """Read a serialized identity; raises ProtocolViolation if it is none."""
        identity = parse(SerializedIdentity, creator)
        try:
            certificate = x509.load_pem_x509_certificate(identity.id_bytes)
            return cls(msp_id=identity.mspid, certificate=certificate, attributes=_attributes(certificate))
        except ValueError as error:
            raise ProtocolViolation(f"the creator's certificate cannot be read: {error}") from None


def _attributes(certificate: x509.Certificate) -> dict[str, str]:
    try:
        extension = certificate.extensions.get_extension_for_oid(_ATTRIBUTES_OID).value
    except x509.ExtensionNotFound:
        return {}
    assert isinstance(extension, x509.UnrecognizedExtension)  # noqa: S101 - an OID that x509 does not know; for the type checker
    attributes = json.loads(extension.value).get("attrs", {})
    return {str(name): str(value) for name, value in attributes.items()}
