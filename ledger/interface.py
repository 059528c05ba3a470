"""What every ledger offers: one transaction of many commands, reads, blocks and a gap-free event stream."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self

from energy_market_chaincode import block_views, iso_time, read_exact_json

_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})\.([0-9]{1,9})")


class LedgerError(Exception):
    """Something between us and the ledger, not a rule of the market, stood in the way; ``code`` is stable."""

    code: ClassVar[str] = "LEDGER_ERROR"


class LedgerUnavailable(LedgerError):
    """The ledger did not answer in time or not at all; the same call may be made again."""

    code = "LEDGER_UNAVAILABLE"


class TransactionFailed(LedgerError):
    """The transaction as a whole was refused and will be refused again; none of its commands took effect."""

    code = "TRANSACTION_FAILED"


class UnknownBlock(LedgerError):
    """The ledger has no such block."""

    code = "UNKNOWN_BLOCK"


class LedgerReplaced(LedgerError):
    """Another ledger stands where one was read before; what was known of that one does not count here."""

    code = "LEDGER_REPLACED"


class InvalidCursor(LedgerError):
    """The cursor is not of the form block.tx.index or lies beyond the ledger's end."""

    code = "INVALID_CURSOR"


@dataclass(frozen=True, order=True, slots=True)
class Cursor:
    """Where an event stands: the index-th event of the transaction-th transaction of a block.

    Cursors are ordered as events are. All three count from 0.
    """

    block: int
    transaction: int
    index: int

    def __str__(self) -> str:
        return f"{self.block}.{self.transaction}.{self.index}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``block.tx.index``; raises InvalidCursor."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise InvalidCursor(f"{text[:64]!r} is not a cursor of the form block.tx.index")
        return cls(*map(int, match.groups()))


@dataclass(frozen=True)
class LedgerEvent:
    """An event of a committed transaction.

    Attributes
    ----------
    at_ms
        The transaction's timestamp, milliseconds since 1970-01-01 UTC.
    text
        The event as the contract wrote it: exact JSON of an object, never written anew on its way to a reader.
    """

    cursor: Cursor
    at_ms: int
    text: str

    @cached_property
    def data(self) -> dict[str, Any]:
        """The event read (``name`` and ``game`` included), decimals as Decimal."""
        data: dict[str, Any] = read_exact_json(self.text)
        return data

    @property
    def name(self) -> str:
        """For instance ``BuyBidEvent``."""
        return str(self.data["name"])


@dataclass(frozen=True, slots=True)
class Submission:
    """A committed transaction and the contract's result for each of its commands, in their order."""

    transaction_id: str
    block: int
    results: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A committed transaction of the contract: what went in, what came out."""

    id: str
    at_ms: int
    commands: list[dict[str, Any]]
    results: list[dict[str, Any]]
    events: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Block:
    """A block; hashes are hexadecimal SHA-256. Transactions that are not the contract's are left out."""

    number: int
    hash: str
    previous_hash: str
    transactions: list[Transaction]


def time_obstacle(newest_ms: int, now_ms: int, most: timedelta) -> str | None:
    """Tell that the newest time on the ledger is further ahead than it may be; None if it may be true.

    Somewhat ahead it may be: on the embedded ledger every block is later than the one before it, on Fabric the clocks
    of others have their say.
    """
    if timedelta(milliseconds=newest_ms - now_ms) <= most:
        return None
    return (
        f"the ledger's time, {iso_time(newest_ms)}, is ahead of this machine's: a wrong time got into it. "
        "What it times waits until the machine's time gets there. If the machine's is right, an operator sets the "
        f"ledger's: energy-market ledger set-time --old-time {iso_time(newest_ms)}"
    )


class Ledger(Protocol):
    """A ledger that hosts the contract of :mod:`energy_market_chaincode`.

    Contract: what ``submit`` returned is durable and in effect; a call that raised LedgerUnavailable may or may not
    have taken effect and may be repeated with the same commands, for the contract counts each command once.
    """

    async def submit(self, commands: Sequence[str]) -> Submission:
        """Commit commands (each the JSON text its sender signed) as one transaction.

        Raises
        ------
        LedgerUnavailable, TransactionFailed
        """

    async def query(self, function: str, *args: str) -> bytes:
        """Ask the contract; the answer is exact JSON.

        Raises
        ------
        energy_market_chaincode.errors.Rejection
            What the contract says to the question, ``UNKNOWN_GAME`` for instance.
        LedgerUnavailable
        """

    async def obstacle(self) -> str | None:
        """Return why commands cannot be committed now, as far as the ledger can tell without one; None if they can."""

    async def height(self) -> int:
        """Return the number of blocks."""

    async def block(self, number: int) -> Block:
        """Return one block; raises UnknownBlock."""

    async def evidence(self, number: int) -> block_views.BlockEvidence:
        """Return what one block proves by itself; raises UnknownBlock, LedgerUnavailable."""

    async def end(self) -> Cursor | None:
        """Return the cursor of the newest event, None if there is none yet."""

    def events(self, after: Cursor | None = None) -> AsyncGenerator[LedgerEvent, None]:
        """Yield every event after a cursor (None: from the first), then go on with new ones as they commit.

        No gap, no repeat, the same order for every reader. For a few readers, each at its own place: whoever serves
        many keeps the newest events for all of them. Raises InvalidCursor for a cursor beyond the end,
        LedgerUnavailable when the stream broke (call again with the last cursor seen).
        """

    async def close(self) -> None:
        """Release what the ledger holds; readers of ``events`` end."""
