"""What the contract asks of a ledger: the key-value stub of one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a transaction, on a ledger that several organisations run.

    Attributes
    ----------
    organisation
        The organisation that vouches for the sender.
    is_administrator
        Whether it is one of that organisation's administrators.
    founders
        The organisations that were named when the contract was approved.
    """

    organisation: str
    is_administrator: bool
    founders: Collection[str]


class Stub(Protocol):
    """One transaction's view of the ledger.

    Contract: reads see the state before the transaction (a ledger need not show a transaction its own writes; the
    contract keeps them itself, see :mod:`energy_market_chaincode.context`). Writes take effect together or not at
    all. Keys are non-empty text; a range is ordered by the keys' UTF-8 bytes.
    """

    @property
    def transaction_id(self) -> str:
        """The transaction's id, the same on every endorsing peer."""

    @property
    def timestamp_ms(self) -> int:
        """The transaction's timestamp, milliseconds since 1970-01-01 UTC, the same on every endorsing peer."""

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none."""

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of many keys in their order, in as few exchanges as the ledger allows."""

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all keys that begin with a prefix, with their values, in the order of the keys."""

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, as :meth:`range` does."""

    async def put(self, key: str, value: bytes) -> None:
        """Set a key; value is not empty."""

    async def delete(self, key: str) -> None:
        """Remove a key, if it is there."""

    async def set_event(self, name: str, payload: bytes) -> None:
        """Attach the transaction's one event."""
