"""Who signed a command: Ed25519 over the canonical JSON of its id, topic and payload."""

import base64
import binascii
import functools
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from energy_market_chaincode.canonical import signed_bytes


def signed_part(command: dict[str, Any]) -> bytes:
    """Return the bytes a signature covers: canonical JSON of ``id`` (where there is one), ``topic``, ``payload``."""
    return signed_bytes({name: command[name] for name in ("id", "topic", "payload") if name in command})


def sign(command: dict[str, Any], key: Ed25519PrivateKey) -> str:
    """Return the signature of a command, in base64."""
    return base64.b64encode(key.sign(signed_part(command))).decode()


def public_key_text(key: Ed25519PublicKey) -> str:
    """Return a public key as it stands on the ledger: its 32 bytes in base64."""
    return base64.b64encode(key.public_bytes_raw()).decode()


@functools.lru_cache(maxsize=4096)
def public_key_from_text(text: str) -> Ed25519PublicKey:
    """Read a public key as it stands on the ledger; raises ValueError if it is none."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is not an Ed25519 public key in base64: {error}") from None


def is_signed_by(message: bytes, signature: str, public_key: str) -> bool:
    """Tell whether a base64 signature over ``message`` was made with the key of ``public_key``."""
    try:
        public_key_from_text(public_key).verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
