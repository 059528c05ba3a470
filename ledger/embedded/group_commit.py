"""Group commit: what waits while a block is written goes into the next one, under one synchronous write."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from ledger.contract import Contract
from ledger.embedded.database import Database
from ledger.embedded.errors import LedgerClosed
from ledger.embedded.next_block import NextBlock
from ledger.interface import LedgerEvent, Submission, TransactionFailed

MAX_TRANSACTIONS_PER_BLOCK = 100


_Outcome = Submission | Exception


@dataclass(frozen=True, slots=True)
class _Waiting:
    commands: Sequence[str]
    outcome: asyncio.Future[Submission] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, outcome: _Outcome) -> None:
        if self.outcome.done():  # whoever asked has gone; what was committed stays
            return
        if isinstance(outcome, Submission):
            self.outcome.set_result(outcome)
        else:
            self.outcome.set_exception(outcome)


class GroupCommit:
    """Takes transactions from many callers at once and commits them in their order, several to a block."""

    def __init__(
        self,
        database: Database,
        contract: Contract,
        now_ms: Callable[[], int],
        announce: Callable[[Sequence[LedgerEvent]], Awaitable[None]],
    ) -> None:
        """Call ``announce`` with the events of each block once it is committed."""
        self._database = database
        self._contract = contract
        self._now_ms = now_ms
        self._announce = announce
        self._waiting: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._is_closed = False
        self._task = asyncio.create_task(self._commit_blocks())

    async def submit(self, commands: Sequence[str]) -> Submission:
        """Commit commands as one transaction.

        Raises
        ------
        LedgerUnavailable, TransactionFailed
        """
        if self._is_closed:
            raise LedgerClosed
        waiting = _Waiting(tuple(commands))
        self._waiting.put_nowait(waiting)
        return await waiting.outcome

    async def close(self) -> None:
        """Commit what waits, then end."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put_nowait(None)
        await self._task

    async def _commit_blocks(self) -> None:
        while group := await self._next_group():
            for waiting, outcome in zip(group, await self._commit(group), strict=True):
                waiting.settle(outcome)

    async def _next_group(self) -> list[_Waiting]:
        """Wait for a transaction and take all that wait with it; empty when the ledger is closed."""
        group: list[_Waiting] = []
        while not group or (len(group) < MAX_TRANSACTIONS_PER_BLOCK and not self._waiting.empty()):
            waiting = await self._waiting.get()
            if waiting is None:
                self._waiting.put_nowait(None)  # the end, to be met again after this group
                return group
            group.append(waiting)
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> Sequence[_Outcome]:
        def write_block(connection: sqlite3.Connection) -> tuple[Sequence[_Outcome], Sequence[LedgerEvent]]:
            block = NextBlock(connection, self._contract, self._now_ms)
            outcomes = [_outcome(block, waiting.commands) for waiting in group]
            return outcomes, block.chain()

        try:
            outcomes, events = await self._database.write(write_block)
            await self._announce(events)
        except Exception as error:  # whatever it is, those who wait must hear it
            return [error] * len(group)
        return outcomes


def _outcome(block: NextBlock, commands: Sequence[str]) -> _Outcome:
    try:
        return block.submit(commands)
    except TransactionFailed as refused:
        return refused
