"""As whom a client speaks: its certificate and the key that signs."""

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fabric_protos.msp.identities_pb2 import SerializedIdentity

from ledger.fabric.gateway.errors import GatewayError, IdentityExpired

_GROUP_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256 (SEC 2, section 2.4.2)."""


class UnusableIdentity(GatewayError):
    """The certificate or key cannot be used to sign for Fabric."""


class TransactionName(NamedTuple):
    """A transaction id and the nonce it is made of."""

    id: str
    nonce: bytes


class SigningIdentity:
    """An X.509 identity of an organisation, with its ECDSA P-256 key."""

    def __init__(self, msp_id: str, certificate: bytes, key: bytes) -> None:
        try:
            private = load_pem_private_key(key, password=None)
            issued = x509.load_pem_x509_certificate(certificate)
        except (ValueError, TypeError) as error:
            raise UnusableIdentity(f"the client's certificate or key is no PEM that can be read: {error}") from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise UnusableIdentity("the client's key is not ECDSA on P-256")
        if private.public_key() != issued.public_key():
            raise UnusableIdentity("the client's key does not belong to its certificate")
        self._key = private
        self._expires_at = issued.not_valid_after_utc
        self.creator: bytes = SerializedIdentity(mspid=msp_id, id_bytes=certificate).SerializeToString()

    @classmethod
    def read(cls, msp_id: str, certificate: Path, key: Path) -> Self:
        """Read an identity from PEM files; raises UnusableIdentity."""
        try:
            return cls(msp_id, certificate.read_bytes(), key.read_bytes())
        except OSError as error:
            raise UnusableIdentity(f"cannot read {error.filename}: {error.strerror}") from None

    def sign(self, message: bytes) -> bytes:
        """Sign with SHA-256; the signature is DER with the lower of both possible s, the only one Fabric takes.

        Raises
        ------
        IdentityExpired
            Nobody would take it.
        """
        if datetime.now(UTC) > self._expires_at:
            raise IdentityExpired(f"our certificate expired at {self._expires_at.isoformat()}; have it renewed")
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return encode_dss_signature(r, min(s, _GROUP_ORDER - s))

    def name_transaction(self) -> TransactionName:
        """Make a new transaction id: SHA-256 over a nonce and the creator."""
        nonce = secrets.token_bytes(24)
        return TransactionName(hashlib.sha256(nonce + self.creator).hexdigest(), nonce)
