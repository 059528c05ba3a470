"""Processes that solve whole games, so that a hard one neither holds up an easy one nor goes on when nobody waits."""

import asyncio
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from starlette.requests import ClientDisconnect, Request

from energy_market_chaincode import exact_json
from http_service import Problem
from market_log import structlog
from optimization_api.answers import Answer

LONG_S = 1.0
"""From then on a solve counts as long; one place is kept for those that are not."""
BEGINNING_S = 60.0
"""How long a process may take to begin; it loads NumPy and SciPy."""
WAITING = 16
"""How many may wait for a place."""
PROGRESS_S = 0.1
"""How often a process says how far it is, at most."""

_HEAVY = ("optimization_api.original", "market_solver.clearing", "scipy.sparse")
"""What a process loads before its first question."""

Task = Callable[[Any, Callable[[], None]], Answer]
"""Answers a question; calls the second argument after every step. A function of a module, for other processes."""

_Ends = dict[asyncio.Future[Any], Exception]
"""What ends the wait for an answer early, and the exception that says so."""

_BUSY = {"Retry-After": "1"}
_log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Solve:
    """A question that is being answered.

    Attributes
    ----------
    steps
        How many steps its method has taken so far.
    """

    began: float = field(default_factory=time.monotonic)
    steps: int = 0
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float:
        """For how long it has been at work."""
        return time.monotonic() - self.began


class SolverPool:
    """Solves questions in processes of its own, at most so many at once.

    There is one process more than ``solves_at_once``: when so many solves are long, the next one that becomes long is
    given up, and those that are not always find a place within a second.

    Parameters
    ----------
    solves_at_once
        How many long solves there may be at once.
    seconds
        How long a solve may take.
    stopping
        Is set when the service stops.
    """

    def __init__(self, solves_at_once: int, seconds: float, stopping: asyncio.Event) -> None:
        self._most_long = solves_at_once
        self._seconds = seconds
        self._stopping = stopping
        self._places = asyncio.Semaphore(solves_at_once + 1)
        self._threads = ThreadPoolExecutor(solves_at_once + 1, "solver")
        self._idle: list[_Process] = []
        self._waiting = 0
        self._long = 0
        self._solves: dict[str, Solve] = {}

    def prepare(self) -> None:
        """Begin a process for the first question, which then need not wait for one."""
        self._idle.append(_Process())

    def find(self, request_id: str) -> Solve:
        """Return what is being solved for a request; raises a Problem, 404 ``NOT_FOUND``, if nothing is."""
        try:
            return self._solves[request_id]
        except KeyError:
            detail = f"Nothing is being solved for a request {request_id}; it may have been answered."
            raise Problem(404, "NOT_FOUND", detail) from None

    async def solve(self, task: Task, question: Any, request: Request) -> bytes:
        """Answer a question, unless its client hangs up meanwhile.

        Raises
        ------
        Problem
            What the task raises; 503 ``TOO_BUSY`` or ``SHUTTING_DOWN``, 422 ``SOLVE_TOO_LONG``, 409 ``CANCELLED``, or
            409 ``REQUEST_ID_IN_USE``.
        ClientDisconnect
        """
        request_id = structlog.contextvars.get_contextvars()["request_id"]
        if request_id in self._solves:
            detail = f"Another request with the id {request_id} is being answered; take another X-Request-Id."
            raise Problem(409, "REQUEST_ID_IN_USE", detail)
        solve = self._solves[request_id] = Solve()
        ends: _Ends = {
            asyncio.ensure_future(_hung_up(request)): ClientDisconnect(),
            asyncio.ensure_future(solve.cancelled.wait()): Problem(409, "CANCELLED", "This solve was cancelled."),
            asyncio.ensure_future(self._stopping.wait()): Problem(
                503, "SHUTTING_DOWN", "This service is stopping; ask again.", headers={"Retry-After": "5"}
            ),
        }
        try:
            async with self._place(ends):
                return await self._answer(task, question, solve, ends)
        finally:
            del self._solves[request_id]
            for end in ends:
                end.cancel()

    @asynccontextmanager
    async def _place(self, ends: _Ends) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise _too_busy("As many games as may wait are waiting to be solved")
        self._waiting += 1
        place = asyncio.ensure_future(self._places.acquire())
        try:
            if not await _comes_first(place, self._seconds, ends):
                raise _too_busy("No game that is being solved was done in time")
        except BaseException:
            if not place.cancel() and not place.cancelled():
                self._places.release()
            raise
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    async def _answer(self, task: Task, question: Any, solve: Solve, ends: _Ends) -> bytes:
        process = self._idle.pop() if self._idle else _Process()
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._threads)
        asked: asyncio.Future[Any] = in_thread(process.begin)
        is_long = False
        try:
            if not await _comes_first(asked, BEGINNING_S, ends):
                raise _too_busy("This machine takes too long to begin a process")
            asked.result()
            solve.began = time.monotonic()
            asked = in_thread(process.ask, task, question, solve)
            if not await _comes_first(asked, min(LONG_S, self._seconds), ends):
                if self._long >= self._most_long:
                    raise _too_busy("As many hard games as this service solves at once are being solved")
                self._long += 1
                is_long = True
                if not await _comes_first(asked, self._seconds - LONG_S, ends):
                    raise self._too_long()
            answer: bytes | Problem = asked.result()
        except (EOFError, OSError):
            process.kill()
            raise _ended_by_itself() from None
        except BaseException:
            process.kill()
            with suppress(Exception):
                await asked
            raise
        finally:
            self._long -= is_long
        self._idle.append(process)
        if isinstance(answer, Problem):
            raise answer
        return answer

    def _too_long(self) -> Problem:
        detail = (
            f"This game takes longer than the {self._seconds:g} s that a request may take here; ask for a larger "
            "tolerance, fewer rounds or a smaller game."
        )
        return Problem(422, "SOLVE_TOO_LONG", detail)


async def _comes_first(wanted: asyncio.Future[Any], seconds: float, ends: _Ends) -> bool:
    """Tell whether something was done within so many seconds; raise what ended the wait before."""
    done, _ = await asyncio.wait({wanted, *ends}, timeout=max(seconds, 0.0), return_when=asyncio.FIRST_COMPLETED)
    if wanted in done:
        return True
    for end in done:
        raise ends[end]
    return False


async def _hung_up(request: Request) -> None:
    """Wait until the client hangs up; the request's body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _ended_by_itself() -> Problem:
    detail = "The process that solved this game was ended, perhaps for want of memory; ask again, or a smaller game."
    return Problem(503, "SOLVER_ENDED", detail, headers=_BUSY)


def _too_busy(reason: str) -> Problem:
    return Problem(503, "TOO_BUSY", f"{reason}; ask again.", headers=_BUSY)


class _Process:
    """A process that solves one question after the other, on one processor; it ends with ours."""

    def __init__(self) -> None:
        for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(threads, "1")  # its NumPy reads them when it is loaded
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self._has_begun = False
        theirs.close()

    def begin(self) -> None:
        """Wait until it has loaded what it needs; for a thread. Raises what :meth:`ask` does."""
        if not self._has_begun:
            self._has_begun = self._connection.recv()

    def ask(self, task: Task, question: Any, solve: Solve) -> bytes | Problem:
        """Return the answer, and keep count of the steps meanwhile; for a thread, which waits.

        Raises
        ------
        RuntimeError
            If the task failed, with the traceback.
        EOFError, OSError
            If the process was killed.
        """
        self._connection.send((task, question))
        while True:
            answer: bytes | Problem | int | RuntimeError = self._connection.recv()
            if isinstance(answer, RuntimeError):
                raise answer
            if not isinstance(answer, int):
                return answer
            solve.steps = answer

    def kill(self) -> None:
        """End it at once; who waits for its answer gets an EOFError."""
        self._process.kill()


def _serve(connection: Connection) -> None:
    """Answer questions until there are no more; what runs in the other process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, and that ends us
    for module in _HEAVY:
        import_module(module)
    with suppress(EOFError, OSError):
        connection.send(True)
        while True:
            task, question = connection.recv()
            connection.send(_result(task, question, _Progress(connection)))


def _result(task: Task, question: Any, progress: "_Progress") -> bytes | Problem | RuntimeError:
    try:
        return exact_json(task(question, progress).model_dump())
    except Problem as problem:
        return problem
    except Exception:
        return RuntimeError(f"a solver's process failed:\n{traceback.format_exc()}")


class _Progress:
    """Counts steps, and says so now and then."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._steps = 0
        self._said = time.monotonic()

    def __call__(self) -> None:
        self._steps += 1
        if time.monotonic() - self._said >= PROGRESS_S:
            self._said = time.monotonic()
            self._connection.send(self._steps)
