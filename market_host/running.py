"""Running a command's work to its end, or until somebody ends it."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and return what it returns, also where a loop runs already, as in a notebook.

    There it runs in a thread of its own, while the notebook waits; an interrupt of the notebook cancels it.

    Raises
    ------
    KeyboardInterrupt
        If it was cancelled, see :func:`end_on_signals`.
    """
    try:
        return _run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def noted() -> T:
        task = asyncio.create_task(work)
        started.set_result((asyncio.get_running_loop(), task))
        return await task

    ended = threading.Event()

    def run() -> T:
        try:
            return asyncio.run(noted())
        finally:
            ended.set()

    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            return thread.submit(run).result()
        except KeyboardInterrupt:
            loop, task = started.result()
            loop.call_soon_threadsafe(task.cancel)
            ended.wait()  # interrupted while it starts a thread, the executor does not know whom to wait for
            raise


def end_on_signals() -> None:
    """Let Ctrl-C and SIGTERM cancel the present task, so that it stops everything it started.

    Asked for explicitly, because a shell starts background jobs with SIGINT ignored. In a thread other than the main
    one nothing is done: signals do not come there.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - called in a task; for the type checker
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()
