"""The durable store of one queue node, a SQLite file: what goes into it, and what comes out.

Writes share synchronous writes (:class:`~tx_queue.sqlite_file.SqliteWriter`); reads have a connection of their own and
never wait for them. What is claimed is kept in memory only: a node that starts again claims all that is not settled.
What was taken while this node runs is handed out from memory, and what is on its way is found there: a command goes
from its sender to the ledger and back without a read of the file.
"""

import asyncio
import sqlite3
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

from energy_market_chaincode import (
    DECIDED,
    BadSignature,
    Command,
    CommandExpired,
    LedgerDiffers,
    MalformedCommand,
    Status,
    UnknownSigner,
    ValidTooLong,
    exact_json,
    milliseconds,
    read_exact_json,
)
from market_files import private_home
from market_time import SteadyTime
from tx_queue.sqlite_file import (
    SqliteWriter,
    StoreUnavailable,
    connect_to_read,
    connect_to_write,
    exclusive,
    store_errors,
)

_Result = TypeVar("_Result")

MOST_BYTES_IN_MEMORY: Final = 16_000_000
"""Of commands that wait; what is taken beyond is read from the file when its turn comes."""

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
    result
        What the contract answered, decimals exact; None for a rejected one.
    transaction, block
        The transaction that brought the decision; None where no transaction could take the command.
    code, message
        Why it was rejected; None for a committed one.
    """

    position: int
    id: str
    prosumer: str
    topic: str
    status: Status = Status.QUEUED
    text: str = ""
    result: dict[str, Any] | None = None
    transaction: str | None = None
    block: int | None = None
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


class _Fresh:
    """Commands that were taken and not claimed: all of them, or the oldest if they are too many for memory."""

    def __init__(self, is_complete: bool) -> None:
        self._commands: deque[Entry] = deque()
        self._bytes = 0
        self.is_complete = is_complete
        """Whether none waits in the file alone."""

    def add(self, command: Entry) -> None:
        """Take the newest command."""
        self.is_complete = self.is_complete and self._bytes + len(command.text) <= MOST_BYTES_IN_MEMORY
        if self.is_complete:
            self._commands.append(command)
            self._bytes += len(command.text)

    def take(self, limits: TransactionLimits) -> list[Entry]:
        """Remove and return the oldest commands."""
        batch = limits.first_of(self._commands)
        for _ in batch:
            self._bytes -= len(self._commands.popleft().text)
        return batch


class SqliteStore:
    """A durable queue of commands, made by :meth:`open`.

    A node claims commands, submits them and settles them. What was claimed and never settled, because the node died, is
    handed out again: the contract counts a command once.
    """

    def __init__(
        self,
        opened: ExitStack,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        capacity: int,
        retention_ms: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._opened = opened
        self._writing = ThreadPoolExecutor(1, "queue-write")
        self._reading = ThreadPoolExecutor(1, "queue-read")
        self._writer = SqliteWriter(writer, self._writing)
        self._reader = reader
        self._capacity = capacity
        self._retention_ms = retention_ms
        self._now_ms = now_ms
        self._waiting: OrderedDict[int, int] = OrderedDict()
        self._on_their_way: dict[tuple[str, str], Entry] = {}  # what is not settled in the file
        for position, taken_at_ms, command_id, prosumer, topic in _unsettled(writer):
            self._waiting[position] = taken_at_ms
            self._on_their_way[command_id, prosumer] = Entry(position, command_id, prosumer, topic)
        self._fresh = _Fresh(is_complete=not self._waiting)
        self._newest = next(reversed(self._waiting), 0)
        self._claimed_to = 0
        self._arrived = asyncio.Event()
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_stopped = False
        self._is_closed = False

    @classmethod
    async def open(
        cls, path: Path, *, capacity: int, retention_ms: int, now_ms: Callable[[], int] | None = None
    ) -> Self:
        """Open the store in a file, new or not.

        Parameters
        ----------
        capacity
            How many commands may wait.
        retention_ms
            How long the answer to a settled command is kept at least; afterwards it stands on the ledger only.
        now_ms
            Milliseconds since 1970-01-01 UTC; else the machine's time without its jumps.

        Raises
        ------
        StoreUnavailable
        """

        def connect() -> tuple[ExitStack, sqlite3.Connection, sqlite3.Connection]:
            with ExitStack() as opened:
                private_home(path.parent)
                opened.enter_context(exclusive(path))
                writer = opened.enter_context(closing(connect_to_write(path)))
                reader = opened.enter_context(closing(connect_to_read(path)))
                return opened.pop_all(), writer, reader

        try:
            opened, writer, reader = await asyncio.to_thread(connect)
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be opened ({error}); make its folder writable") from error
        steady = SteadyTime()
        return cls(opened, writer, reader, capacity, retention_ms, now_ms or (lambda: milliseconds(steady.now())))

    async def accept(self, brought: Sequence[Command], *, is_promised: bool = True) -> list[Acceptance]:
        """Take commands whose form and signature are good.

        When this returns, they survive a power cut, if that is promised: else see :meth:`promise`.

        Raises
        ------
        StoreUnavailable
            Then none of them was taken.
        """
        now_ms = self._now_ms()

        def count_in(answers: Sequence[tuple[Acceptance, int]]) -> None:
            for c, (acceptance, position) in zip(brought, answers, strict=True):
                if acceptance is not Acceptance.TAKEN:
                    continue
                self._waiting[position] = now_ms
                self._newest = position
                self._on_their_way[c.id, c.prosumer] = Entry(position, c.id, c.prosumer, c.topic)
                if position > self._claimed_to:
                    self._fresh.add(Entry(position, c.id, c.prosumer, c.topic, text=c.text))
            self._arrived.set()

        work = partial(_accept, brought=brought, capacity=self._capacity, now_ms=now_ms)
        answers = await self._writer.write(work, then=count_in, is_promised=is_promised)
        return [acceptance for acceptance, _ in answers]

    async def promise(self) -> None:
        """Return when all that was taken before survives a power cut.

        Raises
        ------
        StoreUnavailable
        """
        await self._writer.write(_touch, then=lambda _: None)

    async def claim(self, limits: TransactionLimits) -> list[Entry]:
        """Wait for commands and hand out the oldest unclaimed ones; none once the store is stopped.

        Raises
        ------
        StoreUnavailable
        """
        while not self._is_stopped:
            self._arrived.clear()
            batch = self._fresh.take(limits)
            if not batch and not self._fresh.is_complete:
                batch = await self._read(partial(_next_batch, after=self._claimed_to, limits=limits))
                self._fresh.is_complete = not batch or batch[-1].position >= self._newest
            if batch:
                self._claimed_to = batch[-1].position
                return batch
            await self._arrived.wait()
        return []

    def settle(self, decided: Sequence[Entry]) -> asyncio.Future[None]:
        """Wake who watches claimed commands at once, and keep what became of them: the result is there once they are.

        Whoever is woken may bring a command anew: that is written after this.

        After a power cut a settled command may be a waiting one again; then it gets the same result from the contract.

        Raises
        ------
        StoreUnavailable
        """
        now_ms = self._now_ms()
        for entry in decided:
            self._waiting.pop(entry.position, None)
            self._on_their_way[entry.id, entry.prosumer] = entry
        self._wake(entry.id for entry in decided)

        def forget(_: None) -> None:
            for entry in decided:
                if self._on_their_way[entry.id, entry.prosumer] is entry:  # else its id was used anew
                    del self._on_their_way[entry.id, entry.prosumer]

        work = partial(_settle, decided=decided, now_ms=now_ms, retention_ms=self._retention_ms)
        return self._writer.write(work, then=forget, is_promised=False, may_wait=True)

    async def find(self, command_id: str, prosumer: str | None = None) -> list[Entry]:
        """Return the commands of an id, of one signer or of all who used it.

        Raises
        ------
        StoreUnavailable
        """
        if prosumer is not None and (on_its_way := self._on_their_way.get((command_id, prosumer))):
            return [self._as_of_now(on_its_way)]
        found = await self._read(partial(_find, command_id=command_id, prosumer=prosumer))
        latest = [self._on_their_way.get((entry.id, entry.prosumer), entry) for entry in found]
        if any(entry is new and entry.status not in DECIDED for entry, new in zip(found, latest, strict=True)):
            return await self.find(command_id, prosumer)  # it was settled while the file was read
        return [self._as_of_now(entry) for entry in latest]

    @contextmanager
    def watch(self, command_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set once a command of this id is settled, or the store stops."""
        event = asyncio.Event()
        if self._is_stopped:
            event.set()
        self._watchers[command_id].add(event)
        try:
            yield event
        finally:
            self._watchers[command_id].discard(event)
            if not self._watchers[command_id]:
                del self._watchers[command_id]

    def backlog(self) -> Backlog:
        """Say how much is waiting."""
        now_ms = self._now_ms()
        oldest_ms = next(iter(self._waiting.values()), now_ms)
        return Backlog(len(self._waiting), max(0, now_ms - oldest_ms))

    def stop(self) -> None:
        """Hand out nothing more and wake all who watch, now and later."""
        self._is_stopped = True
        self._arrived.set()
        self._wake(list(self._watchers))

    async def close(self) -> None:
        """Write what was asked for, then close the file."""
        if self._is_closed:
            return
        self._is_closed = True
        self.stop()
        await self._writer.close()
        await asyncio.to_thread(self._close)

    def _wake(self, command_ids: Iterable[str]) -> None:
        for command_id in command_ids:
            for event in self._watchers.get(command_id, ()):
                event.set()

    def _as_of_now(self, entry: Entry) -> Entry:
        is_submitted = entry.status is Status.QUEUED and entry.position <= self._claimed_to
        return entry._replace(status=Status.SUBMITTED) if is_submitted else entry

    async def _read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._is_closed:
            raise StoreUnavailable("the queue's store is closed")

        def read() -> _Result:
            with store_errors():
                return work(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._reading, read)

    def _close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._opened.close()


# The SQL, inside a transaction of the caller.


def _unsettled(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Return position, time, id, signer and topic of every command that is not settled, oldest first."""
    return connection.execute(
        "SELECT position, taken_at_ms, id, prosumer, topic FROM command WHERE status IS NULL ORDER BY position"
    )


def _accept(
    connection: sqlite3.Connection, brought: Sequence[Command], capacity: int, now_ms: int
) -> list[tuple[Acceptance, int]]:
    """Store commands that are new, in their order, as long as fewer than ``capacity`` wait.

    Returns
    -------
    What became of each, and its position if it was taken.
    """
    (before,) = connection.execute("SELECT depth FROM backlog").fetchone()
    depth = before
    answers: list[tuple[Acceptance, int]] = []
    for command in brought:
        position = _insert(connection, command, now_ms) if depth < capacity else None
        if position is None and (known := _known(connection, command)) is not None:
            answers.append((known, 0))
        elif depth >= capacity:
            answers.append((Acceptance.FULL, 0))
        else:
            answers.append((Acceptance.TAKEN, position or _replace(connection, command, now_ms)))
            depth += 1
    if depth > before:
        connection.execute("UPDATE backlog SET depth = ?", (depth,))
    else:
        _touch(connection)  # what is known may have been taken without a promise
    return answers


def _next_batch(connection: sqlite3.Connection, after: int, limits: TransactionLimits) -> list[Entry]:
    """Return the oldest waiting commands after a position, at most as many and as large as the limits say."""
    rows = connection.execute(
        "SELECT position, id, prosumer, topic, text FROM command"
        " WHERE status IS NULL AND position > ? ORDER BY position LIMIT ?",
        (after, limits.commands),
    )
    return limits.first_of(
        Entry(number, name, prosumer, topic, text=text) for number, name, prosumer, topic, text in rows
    )


def _settle(connection: sqlite3.Connection, decided: Sequence[Entry], now_ms: int, retention_ms: int) -> None:
    """Keep what was decided; for each, up to two older ones that were kept for long enough may go.

    So the file stops growing without a sweep that would hold up the queue. One that was settled far in the future, by a
    wrong time that got in, goes as well: it would keep all after it until then.
    """
    settled = connection.executemany(
        "UPDATE command SET text = NULL, settled_at_ms = ?, status = ?, transaction_id = ?, block = ?, result = ?,"
        " code = ?, message = ? WHERE position = ? AND status IS NULL",
        [
            (now_ms, d.status, d.transaction, d.block, _as_text(d.result), d.code, d.message, d.position)
            for d in decided
        ],
    )
    connection.execute("UPDATE backlog SET depth = depth - ?", (settled.rowcount,))
    oldest = connection.execute(
        "SELECT position, coalesce(settled_at_ms NOT BETWEEN ? AND ?, 0) FROM command ORDER BY position LIMIT ?",
        (now_ms - retention_ms, now_ms + retention_ms, 2 * len(decided)),
    )
    last_expired = None
    for position, is_expired in oldest:
        if not is_expired:
            break
        last_expired = position
    if last_expired is not None:
        connection.execute("DELETE FROM command WHERE position <= ?", (last_expired,))


def _touch(connection: sqlite3.Connection) -> None:
    """Write something, so that what was written before reaches the disk with it."""
    for change in (1, -1):  # SQLite writes no page that stays as it is
        connection.execute("UPDATE backlog SET depth = depth + ?", (change,))


def _find(connection: sqlite3.Connection, command_id: str, prosumer: str | None) -> list[Entry]:
    """Return the commands of an id."""
    rows = connection.execute(
        "SELECT position, id, prosumer, topic, status, result, transaction_id, block, code, message FROM command"
        " WHERE id = ? AND prosumer = coalesce(?, prosumer) ORDER BY position",
        (command_id, prosumer),
    )
    return [_entry(*row) for row in rows]


def _entry(
    position: int, command_id: str, prosumer: str, topic: str, status: str | None, result: str | None, *rest: Any
) -> Entry:
    read = None if result is None else read_exact_json(result)
    return Entry(position, command_id, prosumer, topic, Status(status or Status.QUEUED), "", read, *rest)


def _as_text(result: dict[str, Any] | None) -> str | None:
    return None if result is None else exact_json(result).decode()


def _known(connection: sqlite3.Connection, command: Command) -> Acceptance | None:
    """Compare a command with its signer's earlier one of the same id, if there is one that counts."""
    earlier = connection.execute(
        "SELECT digest, code FROM command WHERE id = ? AND prosumer = ?", (command.id, command.prosumer)
    ).fetchone()
    if earlier is None or earlier[1] in UNREMEMBERED:
        return None
    return Acceptance.KNOWN if earlier[0] == command.digest else Acceptance.ID_REUSED


def _insert(connection: sqlite3.Connection, command: Command, now_ms: int) -> int | None:
    """Store a command and return its position; None if its signer used its id before."""
    cursor = connection.execute(
        "INSERT INTO command (id, prosumer, topic, digest, text, taken_at_ms) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id, prosumer) DO NOTHING",
        (command.id, command.prosumer, command.topic, command.digest, command.text, now_ms),
    )
    return cursor.lastrowid if cursor.rowcount else None


def _replace(connection: sqlite3.Connection, command: Command, now_ms: int) -> int:
    """Store a command in the place of an earlier one of which the ledger knows nothing; return its position."""
    connection.execute("DELETE FROM command WHERE id = ? AND prosumer = ?", (command.id, command.prosumer))
    position = _insert(connection, command, now_ms)
    assert position is not None  # noqa: S101 - the id is free now; for the type checker
    return position
