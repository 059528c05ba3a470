"""Commands that run until somebody ends them."""

import asyncio
import signal


def end_on_signals() -> None:
    """Let Ctrl-C and SIGTERM cancel the present task, so that it stops everything it started.

    Asked for explicitly, because a shell starts background jobs with SIGINT ignored.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - called in a task; for the type checker
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()
