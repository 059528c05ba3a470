"""What the queue asks of its durable store: take commands in, hand them out in order, keep what became of them.

A node claims commands, submits them and settles them. What was claimed and never settled, because the node died, is
handed out again: the contract counts a command once. The store of one node is :mod:`tx_queue.sqlite_store`; one shared
by several nodes keeps claims as leases and wakes the other nodes' watchers.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from energy_market_chaincode import (
    BadSignature,
    CommandExpired,
    LedgerDiffers,
    MalformedCommand,
    Status,
    UnknownSigner,
    ValidTooLong,
)


class StoreUnavailable(Exception):
    """The store cannot write or read now (its disk is full, say); what was asked did not happen."""


TRANSACTION_FAILED = "TRANSACTION_FAILED"
"""The code of a command that no transaction could take."""

UNREMEMBERED = frozenset(
    {
        *(MalformedCommand.code, LedgerDiffers.code, UnknownSigner.code, BadSignature.code),
        *(CommandExpired.code, ValidTooLong.code, TRANSACTION_FAILED),
    }
)
"""Rejections of which the ledger keeps nothing: whoever brings a command again under the id, perhaps signed anew, is
heard again. Everything else is decided for good."""


class Acceptance(StrEnum):
    """What the store made of a command that was brought to it."""

    TAKEN = "taken"
    KNOWN = "known"
    """The same command was taken before, and waits or is decided."""
    ID_REUSED = "id-reused"
    """Its signer's earlier command of the same id, which waits or is decided, is another one."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class CheckedCommand:
    """A command whose form and signature are good.

    Attributes
    ----------
    digest
        SHA-256 of what it says, but for its end.
    text
        The command as it goes to the ledger: JSON, signature included.
    """

    id: str
    prosumer: str
    topic: str
    digest: bytes
    text: str


@dataclass(frozen=True, slots=True)
class WaitingCommand:
    """A command on its way to the ledger; ``position`` is its place in the order of all that were taken."""

    position: int
    id: str
    prosumer: str
    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a waiting command.

    Attributes
    ----------
    status
        Committed or rejected.
    transaction, block
        The transaction that brought the decision; None where no transaction could take the command.
    result
        What the contract answered, exact JSON; None for a rejected one.
    code, message
        Why it was rejected; None for a committed one.
    """

    command: WaitingCommand
    status: Status
    transaction: str | None
    block: int | None
    result: str | None
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """All that the store knows of a command; see :class:`Decision`."""

    id: str
    prosumer: str
    topic: str
    status: Status
    transaction: str | None
    block: int | None
    result: str | None
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class TransactionLimits:
    """How much may go into one transaction; a single command may always.

    Attributes
    ----------
    seconds
        How long the ledger may take for it before it counts as unavailable.
    """

    commands: int = 1000
    bytes: int = 2_000_000
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is taken and not settled: how many, and how long ago the oldest of them was taken (0 if there is none)."""

    depth: int
    oldest_age_ms: int


class QueueStore(Protocol):
    """A durable queue of commands. Every method may raise StoreUnavailable, except where it says otherwise."""

    async def accept(self, commands: Sequence[CheckedCommand], *, is_promised: bool = True) -> list[Acceptance]:
        """Take commands; when this returns, they survive a power cut, if that is promised: else see :meth:`promise`."""

    async def promise(self) -> None:
        """Return when all that was taken before survives a power cut."""

    async def claim(self, limits: TransactionLimits) -> list[WaitingCommand]:
        """Wait for commands and hand out the oldest unclaimed ones; none once the store is stopped."""

    async def settle(self, decisions: Sequence[Decision]) -> None:
        """Keep what became of claimed commands and wake who watches them.

        After a power cut a settled command may be a waiting one again; then it gets the same result from the contract.
        """

    async def find(self, command_id: str, prosumer: str | None = None) -> list[Entry]:
        """Return the commands of an id, of one signer or of all who used it."""

    def watch(self, command_id: str) -> AbstractContextManager[asyncio.Event]:
        """Give an event that is set once a command of this id is settled, or the store stops; never raises."""

    def backlog(self) -> Backlog:
        """Say how much is waiting; never raises."""

    def stop(self) -> None:
        """Hand out nothing more and wake all who watch, now and later: the service is ending; never raises."""

    async def close(self) -> None:
        """Finish what runs and release the store."""


class Watchers:
    """Events to be set when a command of some id is settled."""

    def __init__(self) -> None:
        self._events: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_stopped = False

    @contextmanager
    def watch(self, command_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set once the command is settled; after :meth:`stop` it is set from the start."""
        event = asyncio.Event()
        if self._is_stopped:
            event.set()
        self._events[command_id].add(event)
        try:
            yield event
        finally:
            self._events[command_id].discard(event)
            if not self._events[command_id]:
                del self._events[command_id]

    def wake(self, command_ids: Iterable[str]) -> None:
        """Set the events of all who watch these commands."""
        for command_id in command_ids:
            for event in self._events.get(command_id, ()):
                event.set()

    def stop(self) -> None:
        """Wake everybody, now and later."""
        self._is_stopped = True
        self.wake(list(self._events))
