"""The embedded ledger: the contract's host in one process, on one SQLite file, and the stream of its events."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from energy_market_chaincode import block_views, invoke, milliseconds
from ledger.contract import INIT, SUBMIT, Call, Contract, read_results
from ledger.embedded import store
from ledger.embedded.database import Database
from ledger.embedded.errors import LedgerClosed, LedgerDamaged, OperatorKeyMissing
from ledger.embedded.execution import NextBlock, ask
from ledger.interface import Block, Cursor, InvalidCursor, LedgerEvent, LedgerUnavailable, Submission, time_obstacle
from market_time import MOST_AHEAD, SteadyTime

EVENTS_AT_ONCE: Final = 256
"""How many events are read from the file at a time."""


class EventFeed:
    """Hands out committed events and waits, without polling, for those to come.

    A reader that had seen all gets a new block's events from whoever committed it; others read the file.
    """

    def __init__(self, database: Database, end: Cursor | None) -> None:
        self._database = database
        self.end = end
        """The cursor of the newest event."""
        self._before_newest = end
        self._newest: Sequence[LedgerEvent] = ()
        self._is_closed = False
        self._changed = asyncio.Event()

    def extend(self, events: Sequence[LedgerEvent]) -> None:
        """Wake the readers: these events were committed after all before them."""
        if events:
            self._before_newest, self._newest, self.end = self.end, events, events[-1].cursor
            self._wake()

    def close(self) -> None:
        """Let every reader end."""
        self._is_closed = True
        self._wake()

    async def follow(self, after: Cursor | None) -> AsyncGenerator[LedgerEvent, None]:
        """Yield every event after a cursor, then new ones as they commit, until the feed is closed.

        Raises
        ------
        InvalidCursor
            If the cursor lies beyond the newest event.
        LedgerUnavailable
        """
        if after is not None and (self.end is None or after > self.end):
            raise InvalidCursor(f"the cursor {after} lies beyond the ledger's newest event, {self.end}")
        while await self._has_more(after):
            try:
                page = self._newest if after == self._before_newest else await self._from_file(after)
            except LedgerClosed:
                return
            for event in page:
                yield event
                after = event.cursor

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _has_more(self, after: Cursor | None) -> bool:
        """Wait until there are events after a cursor; False when the feed is closed."""
        while not self._is_closed and self.end == after:
            await self._changed.wait()
        return not self._is_closed

    async def _from_file(self, after: Cursor | None) -> Sequence[LedgerEvent]:
        end = self.end
        page = await self._database.read(partial(store.events_after, after=after, limit=EVENTS_AT_ONCE))
        # A block is in the file shortly before it is announced; nobody may know a cursor beyond ``end``.
        announced = [event for event in page if end is not None and event.cursor <= end]
        if not announced:
            raise LedgerDamaged(f"the events after {after} are missing; see energy-market ledger verify")
        return announced


class EmbeddedLedger:
    """A :class:`~ledger.interface.Ledger` in this process; made by :meth:`open` or :meth:`on`.

    Each call of ``submit`` is a block of its own, in the order of the calls; reads never wait for them.
    """

    def __init__(
        self,
        database: Database,
        contract: Contract,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._database = database
        self._contract = contract
        self._time = SteadyTime()
        self._now_ms = now_ms or (lambda: milliseconds(self._time.now()))
        self._feed = EventFeed(database, None)

    @classmethod
    async def open(
        cls,
        path: Path,
        operator: str,
        public_key: str | None,
        *,
        contract: Contract = invoke,
        now_ms: Callable[[], int] | None = None,
    ) -> Self:
        """Open the ledger in a file, or begin one whose block 0 is the contract's ``init``.

        Parameters
        ----------
        operator, public_key
            The first operator and its key in base64. Needed for a new ledger; compared with an old one's if given.
        now_ms
            Milliseconds since 1970-01-01 UTC; else the machine's time without its jumps. Transactions' timestamps rise
            even where it does not.

        Raises
        ------
        LedgerUnavailable
            LedgerInUse if another process hosts it, LedgerDamaged if it is no database.
        NotALedger, OperatorKeyMissing
        TransactionFailed
            If the contract refuses the operator: the ledger began with another one.
        """
        database = await asyncio.to_thread(Database.at, path)
        return await cls.on(database, operator, public_key, contract=contract, now_ms=now_ms)

    @classmethod
    async def on(
        cls,
        database: Database,
        operator: str,
        public_key: str | None,
        *,
        contract: Contract = invoke,
        now_ms: Callable[[], int] | None = None,
    ) -> Self:
        """Open the ledger in a database, which is closed with it; as :meth:`open` otherwise."""
        ledger = cls(database, contract, now_ms)
        try:
            await ledger._begin(operator, public_key)
        except BaseException:
            await database.close()
            raise
        return ledger

    async def _begin(self, operator: str, public_key: str | None) -> None:
        def begin(connection: sqlite3.Connection) -> Cursor | None:
            if store.is_new(connection):
                if public_key is None:
                    raise OperatorKeyMissing
                store.create_tables(connection)
                block = NextBlock(connection, self._contract, self._now_ms)
                block.chain(block.run(INIT, operator, public_key))
            elif public_key is not None:
                NextBlock(connection, self._contract, self._now_ms).run(INIT, operator, public_key)  # refuses another
            return store.newest_event(connection)

        self._feed = EventFeed(self._database, await self._database.write(begin))

    async def submit(self, commands: Sequence[str]) -> Submission:
        """Commit commands as one transaction; it is on the disk when this returns.

        Raises
        ------
        LedgerUnavailable, TransactionFailed
        """

        def write_block(connection: sqlite3.Connection) -> tuple[Submission, Sequence[LedgerEvent]]:
            block = NextBlock(connection, self._contract, self._now_ms)
            record = block.run(SUBMIT, *commands)
            results = read_results(record.answer, len(commands))
            return Submission(record.call.id, block.number, results), block.chain(record)

        submission, _ = await self._database.write(write_block, then=lambda written: self._feed.extend(written[1]))
        return submission

    async def query(self, function: str, *args: str) -> bytes:
        """Ask the contract about the last committed state; the answer is exact JSON.

        Raises
        ------
        energy_market_chaincode.errors.Rejection, LedgerUnavailable
        """

        def on_snapshot(connection: sqlite3.Connection) -> bytes:
            at_ms = max(self._now_ms(), store.head(connection).at_ms)
            return ask(connection, self._contract, Call("query", at_ms, function, args))

        return await self._database.read(on_snapshot)

    async def obstacle(self) -> str | None:
        """Return why nothing could be committed now, or only with a wrong time; None if all is well."""
        if self._time.trouble is not None:
            return self._time.trouble
        try:
            newest_ms = (await self._database.write(store.head)).at_ms
        except LedgerUnavailable as error:
            return str(error)
        return time_obstacle(newest_ms, self._now_ms(), MOST_AHEAD) or self._database.obstacle()

    async def height(self) -> int:
        """Return the number of blocks; raises LedgerUnavailable."""
        head = await self._database.read(store.head)
        return head.number + 1

    async def block(self, number: int) -> Block:
        """Return one block; raises UnknownBlock, LedgerUnavailable."""
        return await self._database.read(partial(store.block, number=number))

    async def evidence(self, number: int) -> block_views.BlockEvidence:
        """Return what one block's hash covers; raises UnknownBlock, LedgerUnavailable."""
        return await self._database.read(partial(store.evidence, number=number))

    async def end(self) -> Cursor | None:
        """Return the cursor of the newest event, None if there is none yet."""
        return self._feed.end

    def events(self, after: Cursor | None = None) -> AsyncGenerator[LedgerEvent, None]:
        """Yield every event after a cursor (None: from the first), then go on with new ones as they commit.

        Ends when the ledger is closed. Raises InvalidCursor, LedgerUnavailable.
        """
        return self._feed.follow(after)

    async def close(self) -> None:
        """Commit what was submitted, let the readers of events end, and give the file free."""
        await self._database.close()
        self._feed.close()
