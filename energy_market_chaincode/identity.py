"""Who signed a command: Ed25519 over the canonical JSON of its id, topic and payload."""

import base64
import binascii
import functools
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from energy_market_chaincode.canonical import signed_bytes

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


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
def public_key_from_text(text: str) -> bytes:
    """Read a public key as it stands on the ledger.

    Raises
    ------
    ValueError
        If it is no 32 bytes in base64 that are the one way to write a point of the curve's group of prime order: for
        others anybody could sign, or two readers might not agree who did.
    """
    # Where keys are only made and used to sign, as in a prosumer's process, libsodium need not be loaded.
    from nacl.bindings import crypto_core_ed25519_is_valid_point

    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is not an Ed25519 public key in base64: {error}") from None
    if len(raw) != PUBLIC_KEY_BYTES:
        raise ValueError(f"is not an Ed25519 public key in base64: it has {len(raw)} bytes, not {PUBLIC_KEY_BYTES}")
    if not crypto_core_ed25519_is_valid_point(raw):
        raise ValueError("is a public key for which anybody can sign, or no point of the curve in its one spelling")
    return raw


def is_signed_by(message: bytes, signature: str, public_key: str) -> bool:
    """Tell whether a base64 signature over ``message`` was made with the key of ``public_key``.

    This is libsodium's rule, the same in queue and contract: S below the group's order, R and key canonical and of no
    small order, R equal to S B - h A bit by bit. The key must be one that :func:`public_key_from_text` takes.
    """
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    try:
        raw = base64.b64decode(signature, validate=True)
        if len(raw) != SIGNATURE_BYTES:
            return False
        crypto_sign_open(raw + message, public_key_from_text(public_key))
    except (BadSignatureError, binascii.Error, ValueError):
        return False
    return True
