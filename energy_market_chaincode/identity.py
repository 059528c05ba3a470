"""Who signed a command: Ed25519 over the canonical JSON of its id, topic and payload."""

import base64
import binascii
import functools
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from energy_market_chaincode.canonical import signed_bytes

_SIGN_BIT = 2**255
_PRIME = 2**255 - 19
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER = frozenset({0, 1, _ORDER_8, _PRIME - _ORDER_8, _PRIME - 1, _PRIME, _PRIME + 1})
"""The y-coordinates of the curve's points of order 1, 2, 4 and 8, and how two of them can be written otherwise
(RFC 8032, section 5.1). Signatures "verify" under such a key although nobody has a private one."""


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
    """Read a public key as it stands on the ledger; raises ValueError if it is none, or one that binds nobody."""
    try:
        raw = base64.b64decode(text, validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is not an Ed25519 public key in base64: {error}") from None
    if int.from_bytes(raw, "little") % _SIGN_BIT in _SMALL_ORDER:
        raise ValueError("is a public key of small order, for which anybody can sign")
    return key


def is_signed_by(message: bytes, signature: str, public_key: str) -> bool:
    """Tell whether a base64 signature over ``message`` was made with the key of ``public_key``."""
    try:
        public_key_from_text(public_key).verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
