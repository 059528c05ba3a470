"""Who sent a transaction: the X.509 certificate of its creator and the attributes that Fabric's CA put into it."""

import json
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from fabric_protos.msp.identities_pb2 import SerializedIdentity

from ledger.fabric.chaincode_server.errors import ProtocolViolation
from ledger.fabric.chaincode_server.wire import parse

_ATTRIBUTES_OID = x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1")  # Fabric CA's own


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
