import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from market_host.processes import Processes, ProcessFailed

SERVICE = """
import argparse, json, os, signal, sys, threading
parser = argparse.ArgumentParser()
for name in ("host", "port", "announce"):
    parser.add_argument(f"--{name}")
options = parser.parse_args()
port = int(options.port) or 4242
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
with open(options.announce + ".new", "w") as file:
    json.dump({"url": f"http://127.0.0.1:{port}", "pid": os.getpid()}, file)
os.replace(options.announce + ".new", options.announce)
print(f"listening on {port} as {os.getpid()}", flush=True)
while not ended.wait(0.01):
    pass
"""


class Heard:
    """What the children said, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._new = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(f"{name}: {line}")
        self._new.set()

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition(self.lines):
                self._new.clear()
                await self._new.wait()


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of modules that are made here."""
    (tmp_path / "a_service.py").write_text(SERVICE)
    (tmp_path / "a_failure.py").write_text("print('no such luck', flush=True)\nraise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return {"MADE_FOR": "tests"}


async def test_a_service_is_found_by_its_announcement_and_stopped_at_the_end(
    modules: dict[str, str], tmp_path: Path
) -> None:
    heard = Heard()
    async with Processes(heard) as processes:
        url = await processes.start_service("a_service", tmp_path / "announced.json", 0, modules)
        pid = processes.pids["a_service"]
        assert url == "http://127.0.0.1:4242"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_killed_process_is_started_again_on_the_same_port(modules: dict[str, str], tmp_path: Path) -> None:
    heard = Heard()
    async with Processes(heard) as processes:
        await processes.start_service("a_service", tmp_path / "announced.json", 0, modules)
        await heard.until(lambda lines: any("listening" in line for line in lines))
        first = processes.pids["a_service"]
        os.kill(first, signal.SIGKILL)
        await heard.until(lambda lines: sum("listening on 4242" in line for line in lines) == 2)
        assert processes.pids["a_service"] != first
    assert "a_service: killed by signal 9; starting it again" in heard.lines


async def test_a_service_that_listened_and_ended_by_itself_is_started_again(
    modules: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_host.processes.LONGEST_PAUSE_SECONDS", 0.0)
    heard = Heard()
    async with Processes(heard) as processes:
        await processes.start_service("a_service", tmp_path / "announced.json", 0, modules)
        await heard.until(lambda lines: any("listening" in line for line in lines))
        os.kill(processes.pids["a_service"], signal.SIGTERM)
        await heard.until(lambda lines: sum("listening on 4242" in line for line in lines) == 2)
    assert "a_service: ended with exit code 0; starting it again" in heard.lines


async def test_a_group_that_ends_does_not_wait_for_a_service_that_pauses(
    modules: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_host.processes.STOP_SECONDS", 3600.0)
    heard = Heard()
    async with asyncio.timeout(60), Processes(heard) as processes:
        await processes.start_service("a_service", tmp_path / "announced.json", 0, modules)
        await heard.until(lambda lines: any("listening" in line for line in lines))
        os.kill(processes.pids["a_service"], signal.SIGTERM)
        await heard.until(lambda lines: "a_service: ended with exit code 0; starting it again in 1 s" in lines)


async def test_a_process_that_ends_by_itself_fails_the_group_with_its_last_words(modules: dict[str, str]) -> None:
    async with Processes(Heard()) as processes:
        await processes.start("unlucky", "a_failure", environment=modules)
        with pytest.raises(ProcessFailed, match=r"unlucky ended with exit code 3.*\n.*no such luck"):
            await processes.while_alive(asyncio.Event().wait())


async def test_work_that_is_done_is_returned_while_all_live(modules: dict[str, str], tmp_path: Path) -> None:
    async def work() -> int:
        return 42

    async with Processes(Heard()) as processes:
        await processes.start_service("a_service", tmp_path / "announced.json", 0, modules)
        assert await processes.while_alive(work()) == 42


async def test_words_are_waited_for_until_every_named_process_has_said_them(
    modules: dict[str, str], tmp_path: Path
) -> None:
    async with Processes(Heard()) as processes:
        await processes.start_service("a_service", tmp_path / "announced.json", 0, modules)
        async with asyncio.timeout(30):
            await processes.wait_for_words("listening on 4242", ["a_service"])
            await processes.wait_for_words("listening on 4242", ["a_service"])
