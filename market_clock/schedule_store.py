"""The schedule on disk: one SQLite file, written before the clock answers."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from market_files import SECRET, private_store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    handled_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS clock (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), paused INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO clock VALUES (1, 0);
CREATE TABLE IF NOT EXISTS command (
    prosumer TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    answer TEXT NOT NULL,
    valid_until_ms INTEGER NOT NULL,
    PRIMARY KEY (prosumer, id)
) STRICT;
"""


class ScheduleUnavailable(Exception):
    """The schedule's file cannot be written now (its disk is full, say); what was asked did not happen."""


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ScheduleUnavailable(f"the schedule cannot be written now: {error}") from error


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry of the schedule.

    Attributes
    ----------
    document
        The entry as JSON.
    created_ms, handled_ms
        When it was made, and up to which moment its slots are dealt with; milliseconds since 1970-01-01 UTC.
    """

    id: str
    document: str
    created_ms: int
    handled_ms: int


@dataclass(frozen=True, slots=True)
class RememberedCommand:
    """A command that was carried out, and what was answered.

    Attributes
    ----------
    digest
        SHA-256 of what was signed.
    answer
        As JSON.
    valid_until_ms
        So long it is remembered.
    """

    prosumer: str
    id: str
    digest: str
    answer: str
    valid_until_ms: int


class ScheduleStore:
    """Entries, how far each is dealt with, whether the clock is paused, and the commands that made it so.

    Every call is one short transaction that is on the disk when it returns. The file may be shared by two clocks. What
    writes may raise ScheduleUnavailable.
    """

    def __init__(self, path: Path) -> None:
        if str(path) != ":memory:":
            path.touch(mode=SECRET)
            private_store(path)  # of an older version's file, too
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA fullfsync = ON")  # macOS needs it to reach the disk, others ignore it
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def entries(self) -> list[StoredEntry]:
        """Return all entries, oldest first."""
        query = "SELECT id, document, created_ms, handled_ms FROM entry ORDER BY created_ms, id"
        return [StoredEntry(*row) for row in self._connection.execute(query).fetchall()]

    @_store_errors()
    def add(self, entry: StoredEntry) -> None:
        """Store an entry, in place of one with the same id."""
        self._connection.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)",
            (entry.id, entry.document, entry.created_ms, entry.handled_ms),
        )

    @_store_errors()
    def remove(self, entry_id: str) -> None:
        """Forget an entry."""
        self._connection.execute("DELETE FROM entry WHERE id = ?", (entry_id,))

    @_store_errors()
    def handle_until(self, entry_id: str, moment_ms: int) -> None:
        """Note that an entry's slots up to a moment are dealt with; never goes back."""
        self._connection.execute("UPDATE entry SET handled_ms = max(handled_ms, ?) WHERE id = ?", (moment_ms, entry_id))

    @_store_errors()
    def set_back(self, entry_id: str, now_ms: int) -> None:
        """Take back that an entry is of the future, or that slots of the future are dealt with."""
        self._connection.execute(
            "UPDATE entry SET handled_ms = min(handled_ms, ?), created_ms = min(created_ms, ?) WHERE id = ?",
            (now_ms, now_ms, entry_id),
        )

    def is_paused(self) -> bool:
        """Tell whether the clock is paused."""
        (paused,) = self._connection.execute("SELECT paused FROM clock").fetchone()
        return bool(paused)

    @_store_errors()
    def pause(self) -> None:
        """Note that the clock is paused."""
        self._connection.execute("UPDATE clock SET paused = 1")

    @_store_errors()
    def resume(self, moment_ms: int) -> None:
        """Note that the clock runs again; slots up to this moment are given up, all in one transaction."""
        with self._connection:  # commits, or takes back
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("UPDATE entry SET handled_ms = max(handled_ms, ?)", (moment_ms,))
            self._connection.execute("UPDATE clock SET paused = 0")

    def remembered(self, prosumer: str, command_id: str) -> RememberedCommand | None:
        """Return a command that was carried out, None if there is none."""
        query = "SELECT prosumer, id, digest, answer, valid_until_ms FROM command WHERE prosumer = ? AND id = ?"
        rows = self._connection.execute(query, (prosumer, command_id)).fetchall()
        return RememberedCommand(*rows[0]) if rows else None

    @_store_errors()
    def remember(self, command: RememberedCommand, now_ms: int) -> None:
        """Note that a command was carried out; forget those that are not valid any more."""
        with self._connection:  # commits, or takes back
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM command WHERE valid_until_ms < ?", (now_ms,))
            row = (command.prosumer, command.id, command.digest, command.answer, command.valid_until_ms)
            self._connection.execute("INSERT INTO command VALUES (?, ?, ?, ?, ?)", row)
