"""A command's work runs to its end, in a script as in a notebook."""

import asyncio
import os
import signal

import pytest

from market_host import end_on_signals, forever
from prosumer_client import run_to_end


async def work() -> int:
    await asyncio.sleep(0)
    return 42


def test_it_returns_what_the_work_returns() -> None:
    assert run_to_end(work()) == 42


async def test_it_runs_where_a_loop_runs_already() -> None:
    assert run_to_end(work()) == 42


async def test_what_goes_wrong_there_is_raised() -> None:
    async def fails() -> None:
        end_on_signals()
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        run_to_end(fails())


@pytest.mark.parametrize("times", [1, 300])
async def test_an_interrupt_of_a_notebook_ends_the_work(times: int) -> None:
    """Also one that comes in the very moment in which the wait begins, as about one in a thousand does."""
    ended = []

    async def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await forever()
        finally:
            ended.append(True)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for _ in range(times):
            with pytest.raises(KeyboardInterrupt):
                run_to_end(interrupted())
    finally:
        signal.signal(signal.SIGINT, previous)
    assert ended == [True] * times


def test_a_signal_ends_the_work_as_an_interrupt() -> None:
    async def told_to_end() -> None:
        end_on_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        await forever()

    with pytest.raises(KeyboardInterrupt):
        run_to_end(told_to_end())
