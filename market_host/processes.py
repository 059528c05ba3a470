"""Processes that belong together, a market's services say: started, heard, started again when killed, and stopped."""

import asyncio
import json
import os
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

from market_host.launcher import Program

PROGRAMS = ("tx_queue", "optimization_api", "market_clock", "dashboard")
"""Queue (with its ledger), optimizer, clock and page, each its own process."""
STOP_SECONDS = 10.0
"""How long a process may take to end after it was asked to."""
START_SECONDS = 60.0
"""How long a service may take until it listens."""
RESTARTS = 10
"""How often a process is started again within RESTART_WINDOW_SECONDS."""
RESTART_WINDOW_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 60.0
"""Before a service that ended with an error is started again; the first is a second, each is twice the last. With
pauses so long RESTARTS are never used up: a disk that is full for a day does not end the market."""
KEPT_LINES = 20

T = TypeVar("T")

OnLine = Callable[[str, str], None]
"""Is called with a process's name and a line of its output."""


class ProcessFailed(Exception):
    """A process ended that should not have."""

    code: ClassVar[str] = "PROCESS_FAILED"

    def __init__(self, name: str, exit_code: int | None, lines: Sequence[str]) -> None:
        self.name = name
        self.exit_code = exit_code
        said = "\n".join(f"    {line}" for line in lines) or "    (it said nothing)"
        super().__init__(f"{name} ended with exit code {exit_code}; its last words:\n{said}")


@dataclass(slots=True)
class _Child:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    program: Program
    keeper: asyncio.Task[None] | None = None
    has_served: bool = False
    restarted_at: deque[float] = field(default_factory=deque)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))


class Processes:
    """A group of child processes. Leaving it stops them, in the reverse order of their start.

    A child that something killed (a signal, the kernel for lack of memory) is started again: whatever it did is on the
    ledger. So is, after a pause, a service that once listened and ended with an error: its disk may be full. Any other
    child that ends by itself is a failure.

    Parameters
    ----------
    on_line
        Hears every line that a child prints.
    """

    def __init__(self, on_line: OnLine) -> None:
        self._children: dict[str, _Child] = {}
        self._listeners = [on_line]
        self._stopping = asyncio.Event()
        self._failure: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {child.name: child.program.pid for child in self._children.values()}

    async def start(self, name: str, module: str, *arguments: str, environment: Mapping[str, str]) -> None:
        """Start ``python -m module arguments``."""
        command = (module, *arguments)
        child = _Child(name, command, environment, await _launch(command, environment))
        self._children[name] = child
        child.keeper = asyncio.create_task(self._keep(child))

    async def start_service(self, module: str, announcement: Path, port: int, environment: Mapping[str, str]) -> str:
        """Start a service on a port (0: a free one), wait until it listens, and return its URL.

        Started again it will listen on the same port, for others know its URL by then.

        Raises
        ------
        ProcessFailed
            When a child ends first.
        TimeoutError
            After START_SECONDS.
        """
        listen = ("--host", "127.0.0.1", "--announce", str(announcement))
        await self.start(module, module, *listen, "--port", str(port), environment=environment)
        async with asyncio.timeout(START_SECONDS):
            url = await self.while_alive(_announced_url(announcement))
        self._children[module].command = (module, *listen, "--port", str(urlsplit(url).port))
        self._children[module].has_served = True
        return url

    async def _keep(self, child: _Child) -> None:
        """Hear a child, and start it again as long as that is right."""
        while True:
            exit_code = await self._hear(child)
            if self._stopping.is_set() or not await self._may_start_again(child, exit_code):
                return
            child.program = await _launch(child.command, child.environment)
            if self._stopping.is_set():
                child.program.send(signal.SIGTERM)

    async def _may_start_again(self, child: _Child, exit_code: int) -> bool:
        """Note a child's end; return when it is to be started again, False if it is not."""
        now = asyncio.get_running_loop().time()
        while child.restarted_at and child.restarted_at[0] < now - RESTART_WINDOW_SECONDS:
            child.restarted_at.popleft()
        was_killed = exit_code < 0
        if not (was_killed or child.has_served) or len(child.restarted_at) >= RESTARTS:
            self.give_up(ProcessFailed(child.name, exit_code, list(child.lines)))
            return False
        pause_s = 0.0 if was_killed else min(2.0 ** len(child.restarted_at), LONGEST_PAUSE_SECONDS)
        child.restarted_at.append(now)
        end = f"killed by signal {-exit_code}" if was_killed else f"ended with exit code {exit_code}"
        self._tell(child.name, f"{end}; starting it again" + (f" in {pause_s:g} s" if pause_s else ""))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        return not self._stopping.is_set()

    async def _hear(self, child: _Child) -> int:
        async for line in child.program.lines():
            child.lines.append(line)
            self._tell(child.name, line)
        return await child.program.wait()

    def _tell(self, name: str, line: str) -> None:
        for hear in self._listeners:
            hear(name, line)

    def listen(self, hear: OnLine) -> None:
        """Have somebody else, too, hear every line from now on."""
        self._listeners.append(hear)

    def give_up(self, failure: Exception) -> None:
        """Let :meth:`while_alive` raise a failure, unless there is one already."""
        if not self._failure.done():
            self._failure.set_result(failure)

    async def wait_for_words(self, words: str, names: Iterable[str]) -> None:
        """Wait until each of some children has printed words, from now on or among its last KEPT_LINES lines."""
        silent = {name for name in names if not any(words in line for line in self._children[name].lines)}
        met = asyncio.Event()

        def hear(name: str, line: str) -> None:
            if words in line:
                silent.discard(name)
            if not silent:
                met.set()

        if silent:
            self.listen(hear)
            await met.wait()
            self._listeners.remove(hear)

    async def while_alive(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something as long as no child fails.

        Raises
        ------
        ProcessFailed
            When one does first; or what :meth:`give_up` was given.
        """
        task = asyncio.create_task(work)
        either: set[asyncio.Future[Any]] = {task, self._failure}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise self._failure.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        """Ask every child to end, those before the others that use them; kill what does not."""
        self._stopping.set()
        children = list(reversed(self._children.values()))
        guests = [child for child in children if not child.has_served]
        for wave in (guests, *([service] for service in children if service.has_served)):
            await _end(wave)


async def _end(children: Sequence[_Child]) -> None:
    for child in children:
        child.program.send(signal.SIGTERM)
    keepers = [child.keeper for child in children if child.keeper is not None]
    if keepers:
        await asyncio.wait(keepers, timeout=STOP_SECONDS)
    for child in children:
        child.program.send(signal.SIGKILL)
    await asyncio.gather(*keepers)


async def _launch(command: Sequence[str], environment: Mapping[str, str]) -> Program:
    module, *arguments = command
    return await Program.launch(module, arguments, {**os.environ, **environment})


async def _announced_url(announcement: Path) -> str:
    # The file is the condition; files have no portable notification, so it is looked for in short intervals.
    while (url := _read_url(announcement)) is None:  # noqa: ASYNC110 - nobody in this process could set an Event
        await asyncio.sleep(0.02)
    return url


def _read_url(announcement: Path) -> str | None:
    return str(json.loads(announcement.read_text())["url"]) if announcement.exists() else None


@dataclass(frozen=True, slots=True)
class Services:
    """Where the services listen."""

    queue_url: str
    optimizer_url: str
    clock_url: str
    page_url: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings by which other processes find them."""
        return {
            "ENERGY_MARKET_QUEUE_URL": self.queue_url,
            "ENERGY_MARKET_OPTIMIZER_URL": self.optimizer_url,
            "ENERGY_MARKET_CLOCK_URL": self.clock_url,
        }


@dataclass(frozen=True, slots=True)
class Ports:
    """On which ports the services listen; 0 takes a free one."""

    queue: int = 0
    optimizer: int = 0
    clock: int = 0
    page: int = 0


async def start_services(
    processes: Processes, home: Path, environment: Mapping[str, str], ports: Ports | None = None
) -> Services:
    """Start the four services and wait until each listens.

    Parameters
    ----------
    environment
        Settings beside the home: which ledger, whose operator key.
    """
    ports = ports or Ports()
    settings = {**environment, "ENERGY_MARKET_HOME": str(home), "ENERGY_MARKET_LOG_FORMAT": "json"}
    announcements = home / "announcements"
    announcements.mkdir(parents=True, exist_ok=True)
    for stale in announcements.iterdir():
        stale.unlink()
    queue_url, optimizer_url = await asyncio.gather(
        processes.start_service("tx_queue", announcements / "tx_queue", ports.queue, settings),
        processes.start_service("optimization_api", announcements / "optimization_api", ports.optimizer, settings),
    )
    settings |= {"ENERGY_MARKET_QUEUE_URL": queue_url, "ENERGY_MARKET_OPTIMIZER_URL": optimizer_url}
    clock_url = await processes.start_service("market_clock", announcements / "market_clock", ports.clock, settings)
    settings |= {"ENERGY_MARKET_CLOCK_URL": clock_url}
    page_url = await processes.start_service("dashboard", announcements / "dashboard", ports.page, settings)
    return Services(queue_url, optimizer_url, clock_url, page_url)
