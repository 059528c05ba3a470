"""Who speaks: a prosumer or operator with its key, and the commands it signs."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import iso, public_key_text, sign, signed_bytes
from prosumer_client.keys import key_file, load_key

VALID_FOR = timedelta(hours=24)
"""How long a command of ours may wait for the ledger; it takes none that is valid for more than 48 h."""
_NAMESPACE = uuid.UUID("f3c1c2f0-6f0e-5b57-9f7c-5a4c0b7f6f1d")


@dataclass(frozen=True, slots=True)
class SignedCommand:
    """A command as it goes over the wire; ``body`` is its canonical JSON."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """A prosumer or operator and the key that its record on the ledger names."""

    prosumer: str
    key: Ed25519PrivateKey

    @classmethod
    def load(cls, prosumer: str, keys: Path) -> Self:
        """Take the key from ``<prosumer>.pem`` in a folder; raises KeyFileError."""
        return cls(prosumer, load_key(key_file(keys, prosumer)))

    @property
    def public_key(self) -> str:
        """The public key as it stands on the ledger, in base64."""
        return public_key_text(self.key.public_key())

    def command(
        self,
        topic: str,
        data: Mapping[str, Any],
        command_id: str | None = None,
        *,
        ledger: str | None = None,
        valid_until: datetime | None = None,
    ) -> SignedCommand:
        """Sign a command.

        Parameters
        ----------
        data
            As docs/reference/protocol.md has it for the topic. Decimals go out as strings with exactly their digits.
        command_id
            A UUID; default a random one.
        ledger
            The id of the ledger that it is for. Without, it counts on every ledger that knows our key.
        valid_until
            When the ledger refuses it, for instance :func:`usual_end`. Without, it is remembered for good.

        Raises
        ------
        ValueError
            If ``data`` holds what JSON cannot.
        """
        payload = {"prosumer": self.prosumer, "data": wire_value(data)}
        if valid_until is not None:
            payload["validUntil"] = iso(valid_until)
        if ledger is not None:
            payload["ledger"] = ledger
        command: dict[str, Any] = {"id": command_id or str(uuid.uuid4()), "topic": str(topic), "payload": payload}
        body = signed_bytes({**command, "signature": sign(command, self.key)})
        return SignedCommand(command["id"], body)


def usual_end() -> datetime:
    """Return until when a command of ours is valid, by this machine's clock."""
    return datetime.now(UTC) + VALID_FOR


def repeatable_id(prosumer: str, topic: str, *occasion: object) -> str:
    """Return the id of a prosumer's command on an occasion: a restarted process comes to the same one.

    Parameters
    ----------
    occasion
        What tells this occasion from every other one, for instance a game's id, its beginning and the round.
    """
    return str(occasion_uuid(prosumer, topic, *occasion))


def occasion_uuid(*occasion: object) -> uuid.UUID:
    """Return a UUID made from what tells an occasion from every other one; times count as moments, in any zone."""
    parts = [part.astimezone(UTC).isoformat() if isinstance(part, datetime) else str(part) for part in occasion]
    return uuid.uuid5(_NAMESPACE, "\n".join(parts))


def wire_value(value: Any) -> Any:
    """Return a value as JSON can carry it, at any depth: Decimals as strings, enumerations as what they stand for."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): wire_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [wire_value(item) for item in value]
    return value
