"""The SQL of the queue: commands taken, claimed and settled, inside a transaction of the caller."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from energy_market_chaincode import Status
from tx_queue.store import (
    UNREMEMBERED,
    Acceptance,
    CheckedCommand,
    Decision,
    Entry,
    TransactionLimits,
    WaitingCommand,
)


class Taken(NamedTuple):
    """What became of each command that was brought, and the positions of those taken."""

    acceptances: list[Acceptance]
    positions: list[int]


class Unsettled(NamedTuple):
    """A command that is not settled."""

    position: int
    taken_at_ms: int
    id: str
    prosumer: str
    topic: str


def unsettled(connection: sqlite3.Connection) -> list[Unsettled]:
    """Return every command that is not settled, oldest first."""
    rows = connection.execute(
        "SELECT position, taken_at_ms, id, prosumer, topic FROM command WHERE status IS NULL ORDER BY position"
    )
    return [Unsettled(*row) for row in rows]


def accept(connection: sqlite3.Connection, brought: Sequence[CheckedCommand], capacity: int, now_ms: int) -> Taken:
    """Store commands that are new, in their order, as long as fewer than ``capacity`` wait."""
    (depth,) = connection.execute("SELECT depth FROM backlog").fetchone()
    taken = Taken([], [])
    for command in brought:
        acceptance = _known(connection, command)
        if acceptance is None and depth + len(taken.positions) >= capacity:
            acceptance = Acceptance.FULL
        if acceptance is None:
            taken.positions.append(_insert(connection, command, now_ms))
        taken.acceptances.append(acceptance or Acceptance.TAKEN)
    if taken.positions:
        connection.execute("UPDATE backlog SET depth = depth + ?", (len(taken.positions),))
    else:
        touch(connection)  # what is known may have been taken without a promise
    return taken


def next_batch(connection: sqlite3.Connection, after: int, limits: TransactionLimits) -> list[WaitingCommand]:
    """Return the oldest waiting commands after a position, at most as many and as large as the limits say."""
    rows = connection.execute(
        "SELECT position, id, prosumer, topic, text FROM command"
        " WHERE status IS NULL AND position > ? ORDER BY position LIMIT ?",
        (after, limits.commands),
    )
    batch: list[WaitingCommand] = []
    room = limits.bytes
    for row in rows:
        command = WaitingCommand(*row)
        room -= len(command.text.encode())
        if batch and room < 0:
            break
        batch.append(command)
    return batch


def settle(connection: sqlite3.Connection, decisions: Sequence[Decision], now_ms: int, expired_ms: int) -> None:
    """Keep decisions; for each, up to two older ones that were settled before ``expired_ms`` may go.

    So the file stops growing without a sweep that would hold up the queue.
    """
    settled = connection.executemany(
        "UPDATE command SET text = NULL, settled_at_ms = ?, status = ?, transaction_id = ?, block = ?, result = ?,"
        " code = ?, message = ? WHERE position = ? AND status IS NULL",
        [
            (now_ms, d.status, d.transaction, d.block, d.result, d.code, d.message, d.command.position)
            for d in decisions
        ],
    )
    connection.execute("UPDATE backlog SET depth = depth - ?", (settled.rowcount,))
    oldest = connection.execute(
        "SELECT position, coalesce(settled_at_ms < ?, 0) FROM command ORDER BY position LIMIT ?",
        (expired_ms, 2 * len(decisions)),
    )
    last_expired = None
    for position, is_expired in oldest:
        if not is_expired:
            break
        last_expired = position
    if last_expired is not None:
        connection.execute("DELETE FROM command WHERE position <= ?", (last_expired,))


def touch(connection: sqlite3.Connection) -> None:
    """Write something, so that what was written before reaches the disk with it."""
    for change in (1, -1):  # SQLite writes no page that stays as it is
        connection.execute("UPDATE backlog SET depth = depth + ?", (change,))


def find(
    connection: sqlite3.Connection, command_id: str, prosumer: str | None, status: Callable[[int], Status]
) -> list[Entry]:
    """Return the commands of an id; ``status`` says how far one came that is not settled."""
    rows = connection.execute(
        "SELECT position, id, prosumer, topic, status, transaction_id, block, result, code, message FROM command"
        " WHERE id = ? AND prosumer = coalesce(?, prosumer) ORDER BY position",
        (command_id, prosumer),
    )
    return [
        Entry(row[1], row[2], row[3], Status(row[4]) if row[4] is not None else status(row[0]), *row[5:])
        for row in rows
    ]


def _known(connection: sqlite3.Connection, command: CheckedCommand) -> Acceptance | None:
    """Compare a command with its signer's earlier one of the same id, if there is one that counts."""
    earlier = connection.execute(
        "SELECT digest, code FROM command WHERE id = ? AND prosumer = ?", (command.id, command.prosumer)
    ).fetchone()
    if earlier is None or earlier[1] in UNREMEMBERED:
        return None
    return Acceptance.KNOWN if earlier[0] == command.digest else Acceptance.ID_REUSED


def _insert(connection: sqlite3.Connection, command: CheckedCommand, now_ms: int) -> int:
    """Store a command, in the place of an earlier one of which the ledger knows nothing; return its position."""
    connection.execute("DELETE FROM command WHERE id = ? AND prosumer = ?", (command.id, command.prosumer))
    cursor = connection.execute(
        "INSERT INTO command (id, prosumer, topic, digest, text, taken_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (command.id, command.prosumer, command.topic, command.digest, command.text, now_ms),
    )
    assert cursor.lastrowid is not None  # noqa: S101 - there is one after an INSERT; for the type checker
    return cursor.lastrowid
