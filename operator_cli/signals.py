"""What a command that runs on does when it is told to stop."""

import asyncio
import signal


def end_on_sigterm() -> None:
    """Let SIGTERM stop the present task as Ctrl-C does: with everything it started."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are a task, asyncio.run made it; for the type checker
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
