"""The chain: what stands on it and how every block commits to all before it.

A transaction's content is stored as the very text that is hashed. With ``H(a, b, ...)`` the SHA-256 over its parts in
UTF-8, each preceded by its length as eight big-endian bytes:

- transaction digest = H(content, event 0, event 1, ...)
- block hash = H(number, at_ms, previous hash, digest 0, digest 1, ...)
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from energy_market_chaincode import exact_json, read_exact_json
from ledger.contract import Call

NO_PREVIOUS_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block: its number, the timestamp of its last transaction and its hash."""

    number: int
    at_ms: int
    hash: str


BEFORE_THE_FIRST_BLOCK = Head(number=-1, at_ms=0, hash=NO_PREVIOUS_HASH)


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transaction as it stands on the chain.

    Attributes
    ----------
    writes
        What it set in the world state, None for a removed key.
    events
        The exact JSON of each event.
    """

    call: Call
    answer: str
    writes: dict[str, str | None]
    events: tuple[str, ...]

    def content(self) -> str:
        """Return everything but the events as one JSON text."""
        return exact_json(
            {
                "id": self.call.id,
                "at": self.call.at_ms,
                "function": self.call.function,
                "arguments": self.call.arguments,
                "answer": self.answer,
                "writes": self.writes,
            }
        ).decode()

    @classmethod
    def read(cls, content: str, events: Sequence[str]) -> Self:
        """Read a stored transaction."""
        fields = read_exact_json(content)
        call = Call(fields["id"], fields["at"], fields["function"], tuple(fields["arguments"]))
        return cls(call, fields["answer"], fields["writes"], tuple(events))


def transaction_digest(content: str, events: Sequence[str]) -> str:
    """Return the digest of a stored transaction."""
    return _sha256(content, *events)


def block_hash(number: int, at_ms: int, previous_hash: str, digests: Sequence[str]) -> str:
    """Return the hash of a block with the given transactions' digests."""
    return _sha256(str(number), str(at_ms), previous_hash, *digests)


def _sha256(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
