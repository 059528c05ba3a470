"""Running a program's work to its end, in a script as in a notebook."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")

_LOOKS_UP_S = 0.2
"""So often whoever waits for the work looks up: Python notices no signal that comes just before it begins to wait."""


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and return what it returns, also where a loop runs already, as in a notebook.

    There it runs in a thread of its own, while the notebook waits; an interrupt of the notebook cancels it.

    Raises
    ------
    KeyboardInterrupt
        If it was cancelled.
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
            running = thread.submit(run)
            while not running.done():
                wait([running], _LOOKS_UP_S)
            return running.result()
        except BaseException:
            if not ended.is_set():  # it is no failure of the work
                loop, task = started.result()
                loop.call_soon_threadsafe(task.cancel)
                ended.wait()  # interrupted while it starts a thread, the executor does not know whom to wait for
            raise
