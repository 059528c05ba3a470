"""What goes into the queue's durable store, and what comes out: commands, decisions, and how much waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

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


class Entry(NamedTuple):
    """A command in the store: how far it came, and what became of it.

    Attributes
    ----------
    position
        Its place in the order of all that were taken.
    text
        The command as it goes to the ledger, as JSON with its signature; empty where it is not asked for.
    transaction, block
        The transaction that brought the decision; None where no transaction could take the command.
    result
        What the contract answered, exact JSON; None for a rejected one.
    code, message
        Why it was rejected; None for a committed one.
    """

    position: int
    id: str
    prosumer: str
    topic: str
    status: Status = Status.QUEUED
    text: str = ""
    transaction: str | None = None
    block: int | None = None
    result: str | None = None
    code: str | None = None
    message: str | None = None


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

    def first_of(self, waiting: Iterable[Entry]) -> list[Entry]:
        """Return the first of some commands, as many as may go together."""
        batch: list[Entry] = []
        room = self.bytes
        for entry in islice(waiting, self.commands):
            room -= len(entry.text.encode())
            if batch and room < 0:
                break
            batch.append(entry)
        return batch


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is taken and not settled: how many, and how long ago the oldest of them was taken (0 if there is none)."""

    depth: int
    oldest_age_ms: int
