"""What a command's work waits for: a signal that ends it."""

import asyncio
import signal
import threading


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
