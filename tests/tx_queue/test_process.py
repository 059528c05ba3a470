"""``python -m tx_queue`` as a process: killed, stopped, started again, and on a full disk."""

import asyncio
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tx_queue.process import Process, Starter

needs_prlimit = pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")


async def post_until_killed(queue: Process, commands: list[Any], kill_after: int) -> list[Any]:
    """Post from several clients at once, kill the queue after some receipts, and return what it gave receipts for."""
    waiting = list(commands)
    acknowledged: list[Any] = []

    async def client() -> None:
        while waiting:
            some = [waiting.pop() for _ in range(min(3, len(waiting)))]
            try:
                answer = await queue.post(some)
            except httpx.TransportError:
                return
            assert answer.status_code == 202
            acknowledged.extend(some)
            if len(acknowledged) >= kill_after:
                await queue.kill()

    await asyncio.gather(*(client() for _ in range(6)))
    return acknowledged


async def test_no_acknowledged_command_is_lost_when_the_queue_is_killed(queue_process: Starter, operator: Any) -> None:
    commands = [operator.top_up() for _ in range(120)]
    acknowledged: list[Any] = []
    for kill_after in (20, 35):
        async with queue_process.running() as queue:
            todo = [command for command in commands if command not in acknowledged]
            acknowledged += await post_until_killed(queue, todo, kill_after)
    assert 55 <= len(acknowledged) < len(commands)
    async with queue_process.running() as queue:
        for command in acknowledged:
            assert await queue.status(command) == "committed"
        assert (await queue.post(commands)).status_code == 202
        for command in commands:
            assert await queue.status(command) == "committed"
        assert await queue.money() == len(commands)
        assert await queue.terminate() == 0


async def test_a_stopped_queue_ends_at_once_with_streams_open_and_goes_on_after_a_restart(
    queue_process: Starter, operator: Any
) -> None:
    command = operator.top_up()
    async with queue_process.running() as queue:
        await queue.post([command])
        async with queue.http.stream("GET", "/events") as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            ending = asyncio.create_task(queue.terminate())
            assert [line async for line in lines if line.startswith("data:")] == []
        assert await ending == 0
    async with queue_process.running() as queue:
        assert await queue.status(command) == "committed"
        assert await queue.money() == 1


async def test_a_second_queue_on_the_same_files_says_why_it_cannot_start(
    queue_process: Starter, tmp_path: Path
) -> None:
    async with queue_process.running():
        second = await queue_process.launch(tmp_path / "second.json")
        _, said = await second.communicate()
        assert second.returncode != 0
        assert b"cannot start" in said
        assert b"Traceback" not in said
        assert b"in use by" in said


@needs_prlimit
async def test_a_full_disk_loses_nothing_that_was_acknowledged(queue_process: Starter, operator: Any) -> None:
    """No file of the process may grow beyond some size, which is how a full disk looks to it."""
    commands = [operator.top_up() for _ in range(400)]
    acknowledged: list[Any] = []
    async with queue_process.running() as queue:
        assert (await queue.post(commands[:1])).status_code == 202
        largest = max(file.stat().st_size for file in queue_process.home.iterdir())
        limit_file_size(queue, largest + 10_000)
        for start in range(1, len(commands), 10):
            answer = await queue.post(commands[start : start + 10])
            if answer.status_code != 202:
                break
            acknowledged += commands[start : start + 10]
        assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        refused = commands[start]
        assert await queue.status(refused) == "404"
        limit_file_size(queue, resource.RLIM_INFINITY)
        for command in acknowledged:
            assert await queue.status(command) == "committed"
        assert (await queue.post(commands)).status_code == 202
        for command in commands:
            assert await queue.status(command) == "committed"
        assert await queue.money() == len(commands)
        assert (await queue.http.get("/ready")).status_code == 200


def limit_file_size(queue: Process, size: int) -> None:
    if sys.platform == "linux":  # for the type checker, where it is not
        resource.prlimit(queue.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize("flags", [["--port", "many"], ["--queue-capacity", "0"], ["--ledger", "paper"]])
def test_a_wrong_flag_is_named(flags: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-m", "tx_queue", *flags], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert flags[0] in ended.stderr
