"""The worker: takes what waits, in order, and hands it to the ledger as one transaction (group commit).

While one transaction is in flight the next batch gathers by itself; there is no timer, and what became of the last one
is written meanwhile. What the ledger could not take
now is submitted again, for the contract counts each command once; what it will never take is found by halving. A single
command that is too much for the ledger's time limits is told from a ledger that is away by an empty transaction, which
a ledger that is well takes: no command may hold up for good what waits behind it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, TypeVar

import stamina

from energy_market_chaincode import BadSignature, Status, UnknownSigner, read_exact_json
from ledger import Ledger, LedgerUnavailable, Submission, TransactionFailed
from market_log import structlog
from tx_queue.health import Metrics, Readiness
from tx_queue.intake import Signers
from tx_queue.sqlite_file import StoreUnavailable
from tx_queue.store import TRANSACTION_FAILED, Entry, SqliteStore, TransactionLimits

ATTEMPTS_BEFORE_HALVING = 4
PROOFS_BEFORE_GIVING_UP = 3
"""How often the ledger takes an empty transaction, after as many attempts each, before a single command is given up."""

LATE_AFTER_S = 4.0
"""A transaction in flight for so long shows on /ready, before it is known whether it fails."""
_LATE = f"has not committed a transaction within {LATE_AFTER_S:.0f} s"

_Result = TypeVar("_Result")
_log = structlog.stdlib.get_logger(__name__)


class _TooMuchAtOnce(Exception):
    """The ledger did not take a batch several times; half of it may be easier."""


class _TooMuchAlone(Exception):
    """The ledger takes other transactions, but not this one command."""


class Worker:
    """Moves commands from the store to the ledger and keeps what became of them."""

    def __init__(
        self,
        store: SqliteStore,
        ledger: Ledger,
        signers: Signers,
        metrics: Metrics,
        readiness: Readiness,
        limits: TransactionLimits,
        retrying: stamina.AsyncRetryingCaller,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._signers = signers
        self._metrics = metrics
        self._readiness = readiness
        self._limits = limits
        self._retrying = retrying
        self._settling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work until the store is stopped."""
        try:
            while batch := await self._insist(lambda: self._store.claim(self._limits)):
                await self._decide(batch)
            await self._settled()
        finally:
            if self._settling is not None:
                self._settling.cancel()

    async def _decide(self, batch: Sequence[Entry]) -> None:
        try:
            submission = await self._submit(batch)
        except _TooMuchAtOnce:
            await self._decide_halves(batch)
        except _TooMuchAlone as failure:
            await self._settle([await self._last_word(batch[0], str(failure))])
        except TransactionFailed as refusal:
            if len(batch) > 1:
                await self._decide_halves(batch)
            else:
                await self._settle([_failed(batch[0], str(refusal))])
        else:
            results = zip(batch, submission.results, strict=True)
            await self._settle([_decision(command, submission, result) for command, result in results])

    async def _decide_halves(self, batch: Sequence[Entry]) -> None:
        middle = len(batch) // 2
        await self._decide(batch[:middle])
        await self._decide(batch[middle:])

    async def _submit(self, batch: Sequence[Entry]) -> Submission:
        """Commit a batch as one transaction, however often it takes.

        Raises
        ------
        TransactionFailed
        _TooMuchAtOnce, _TooMuchAlone
            After some attempts: what is too much for the ledger's time limits must not jam the queue.
        """
        attempts, proofs = 0, 0

        async def attempt() -> Submission:
            nonlocal attempts, proofs
            attempts += 1
            try:
                return await self._attempt(batch)
            except (LedgerUnavailable, TimeoutError) as error:
                reason = str(error) or f"no answer within {self._limits.seconds} s"
                self._note("ledger", reason, attempts, len(batch))
                if attempts % ATTEMPTS_BEFORE_HALVING == 0:
                    proofs += await self._takes_others(batch)
                if proofs == PROOFS_BEFORE_GIVING_UP:
                    raise _TooMuchAlone(reason) from None
                raise

        return await self._try((LedgerUnavailable, TimeoutError), attempt)

    async def _takes_others(self, batch: Sequence[Entry]) -> bool:
        """Tell whether the ledger commits a transaction without commands; raises _TooMuchAtOnce for one of several."""
        if len(batch) > 1:
            raise _TooMuchAtOnce
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._ledger.submit([])
        except (LedgerUnavailable, TransactionFailed, TimeoutError):
            return False
        return True

    async def _last_word(self, command: Entry, reason: str) -> Entry:
        """Give a command up, unless it took effect after all: then return what the ledger remembers of it."""
        remembered = await self._persist(
            "ledger", LedgerUnavailable, lambda: self._ledger.query("command", command.prosumer, command.id)
        )
        if (result := read_exact_json(remembered)) is not None:
            return _decision(command, None, result)
        return _failed(command, f"others are taken, this one is not within the time limits ({reason})")

    async def _attempt(self, batch: Sequence[Entry]) -> Submission:
        started = time.perf_counter()
        late = asyncio.get_running_loop().call_later(LATE_AFTER_S, self._readiness.lacks, "ledger", _LATE)
        try:
            async with asyncio.timeout(self._limits.seconds):
                submission = await self._ledger.submit([command.text for command in batch])
        except TransactionFailed:
            self._readiness.has("ledger")
            raise
        finally:
            late.cancel()
        self._readiness.has("ledger")
        self._metrics.commit_s.observe(time.perf_counter() - started)
        self._metrics.batch_size.observe(len(batch))
        return submission

    async def _settle(self, decided: Sequence[Entry]) -> None:
        doubted = {entry.prosumer for entry in decided if entry.code in (BadSignature.code, UnknownSigner.code)}
        self._signers.forget(doubted)
        await self._settled()
        first = self._store.settle(decided)  # at once: what those whom it wakes bring anew is written after it
        writing = chain([first], iter(lambda: self._store.settle(decided), None))
        self._settling = asyncio.create_task(self._insist(lambda: next(writing)))
        self._metrics.drain.note(len(decided))
        for entry in decided:
            self._metrics.settled.labels(entry.status, entry.code or "").inc()
            if entry.status is Status.REJECTED:
                _log.info("rejected", command=entry.id, code=entry.code, reason=entry.message)

    async def _settled(self) -> None:
        """Wait until what was decided before is written."""
        if self._settling is not None:
            await self._settling

    async def _insist(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        """Ask the store until it can answer."""
        return await self._persist("store", StoreUnavailable, ask)

    async def _persist(self, part: str, failure: type[Exception], ask: Callable[[], Awaitable[_Result]]) -> _Result:
        """Ask a part until it can answer."""
        attempts = 0

        async def attempt() -> _Result:
            nonlocal attempts
            attempts += 1
            try:
                return await ask()
            except failure as error:
                self._note(part, str(error), attempts, None)
                raise

        answer = await self._try((failure,), attempt)
        self._readiness.has(part)
        return answer

    async def _try(self, failures: tuple[type[Exception], ...], attempt: Callable[[], Awaitable[_Result]]) -> _Result:
        """Attempt something until it meets none of some failures.

        What goes at once, as nearly everything does, costs no bookkeeping of retries, a twentieth of a lone command.
        """
        try:
            return await attempt()
        except failures as error:
            failed = [error]

        async def next_attempt() -> _Result:
            if failed:
                raise failed.pop()
            return await attempt()

        return await self._retrying(failures, next_attempt)

    def _note(self, part: str, reason: str, attempt: int, commands: int | None) -> None:
        self._readiness.lacks(part, reason)
        self._metrics.retries.labels(part).inc()
        _log.warning("will be tried again", part=part, reason=reason, attempt=attempt, commands=commands)


def _decision(command: Entry, submission: Submission | None, result: dict[str, Any]) -> Entry:
    is_committed = result["status"] == Status.COMMITTED
    return command._replace(
        text="",
        status=Status.COMMITTED if is_committed else Status.REJECTED,
        transaction=submission.transaction_id if submission is not None else None,
        block=submission.block if submission is not None else None,
        result=result["result"] if is_committed else None,
        code=None if is_committed else result["code"],
        message=None if is_committed else result["message"],
    )


def _failed(command: Entry, reason: str) -> Entry:
    message = f"The ledger takes no transaction with this command: {reason}"
    return command._replace(text="", status=Status.REJECTED, code=TRANSACTION_FAILED, message=message)
