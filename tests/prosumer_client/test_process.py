"""The process that plays for prosumers: started, stopped, and started wrongly."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from prosumer_client import key_file, store_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from prosumer_client import Identity
    from tests.prosumer_client.conftest import Operator

    Start = Callable[..., Awaitable[asyncio.subprocess.Process]]

GROUP = [
    {"id": "S1", "role": "seller", "capacity": 30, "price": 0.08},
    {"id": "S2", "role": "seller", "capacity": 40, "price": 0.1},
    {"id": "B2", "role": "buyer", "demand": 15, "delivery": 0.5},
]
B1 = ("--id", "B1", "--role", "buyer", "--demand", "20")


@pytest.fixture
async def start(operator: Operator, tmp_path: Path, identity: Callable[[str], Identity]) -> AsyncIterator[Start]:
    """Start processes whose keys are known to the market; what still runs in the end is killed."""
    for name in ("S1", "S2", "B1", "B2"):
        store_key(identity(name).key, key_file(tmp_path / "keys", name))
    processes: list[asyncio.subprocess.Process] = []

    async def begin(*flags: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "prosumer_client", "--queue-url", operator.fake.url, "--home", str(tmp_path)]
        pipe = asyncio.subprocess.PIPE
        processes.append(await asyncio.create_subprocess_exec(*command, *flags, stderr=pipe))
        return processes[-1]

    yield begin
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def log_of(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    assert process.stderr is not None
    return [json.loads(line) for line in (await process.stderr.read()).splitlines()]


async def told_until(process: asyncio.subprocess.Process, text: str) -> list[str]:
    """Read what a process logs until it logs this."""
    assert process.stderr is not None
    told: list[str] = []
    while text not in told:
        line = await process.stderr.readline()
        assert line, f"it ended without having told {text!r}, but {told}"
        told.append(json.loads(line)["event"])
    return told


@pytest.fixture
def group(tmp_path: Path) -> Path:
    path = tmp_path / "group.json"
    path.write_text(json.dumps({"prosumers": GROUP}))
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_processes_play_a_game_to_its_end_and_stop_when_told(
    operator: Operator, start: Start, group: Path, number: signal.Signals
) -> None:
    many, one = await start("--group", str(group)), await start(*B1)
    await operator.publish()
    await operator.begin()
    assert (await operator.stop_of())["reason"] == "equilibrium"

    told = await told_until(one, "Submitted PublishMeterReading tx: 20 in, 0 out")
    await told_until(many, "Submitted PublishMeterReading tx: 7.5 in, 0 out")
    assert operator.fake.asked("GET", "/events") == 2
    for process in (many, one):
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert told[0] == "Created buyer with demand amount: 20"
    for text in ("Submitted PublishDemand tx", "Buyer playing in game", "Submitted PublishBuyBid tx"):
        assert text in told


async def test_a_killed_buyer_that_is_started_again_goes_on(operator: Operator, start: Start, group: Path) -> None:
    await start("--group", str(group))
    buyer = await start(*B1)
    await operator.publish()
    await operator.begin()

    async def has_bid() -> bool:
        return bool((await operator.fake.view("game", "G1"))["round"] > 1)

    await operator.fake.until(has_bid)
    buyer.kill()
    await buyer.wait()
    await start(*B1)
    stop = await operator.stop_of()
    assert stop["reason"] == "equilibrium"
    assert len(await operator.moves_of("B1")) == stop["rounds"]


async def test_a_process_without_its_key_says_so(start: Start) -> None:
    process = await start("--id", "B9", "--role", "buyer", "--demand", "1")
    (line,) = await log_of(process)
    assert (line["code"], line["level"]) == ("KEY_FILE_MISSING", "error")
    assert await process.wait() == 1


async def test_a_process_whose_market_is_gone_ends_when_its_patience_does(operator: Operator, start: Start) -> None:
    process = await start(*B1, "--queue-url", "http://127.0.0.1:9", "--patience-seconds", "0.5")
    line = (await log_of(process))[-1]
    assert line["code"] == "MARKET_UNAVAILABLE"
    assert await process.wait() == 1


async def test_a_process_that_was_told_another_ledger_ends_at_its_first_word(operator: Operator, start: Start) -> None:
    process = await start(*B1, "--ledger-id", "another")
    await told_until(process, "Listening to the market")
    await operator.publish()
    line = (await log_of(process))[-1]
    assert (line["event"], line["code"]) == ("Cannot go on", "LEDGER_DIFFERS")
    assert await process.wait() == 1


async def test_an_address_that_is_none_is_a_mistake(start: Start) -> None:
    process = await start(*B1, "--queue-url", "127.0.0.1:9")
    assert process.stderr is not None
    assert "must begin with http" in (await process.stderr.read()).decode()
    assert await process.wait() == 2


async def test_the_process_starts_without_numeric_libraries() -> None:
    program = "import sys, prosumer_client.__main__; print(sorted({'numpy', 'scipy', 'fastapi'} & set(sys.modules)))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.decode().strip() == "[]"
