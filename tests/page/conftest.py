"""A market with its page, as `energy-market` runs it, and a real browser in front of it."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from prosumer_client import CommandRejected, Identity, MarketClient, key_file, load_or_create_key

ENERGY_MARKET = [sys.executable, "-m", "operator_cli.main"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
QUIET = [  # a browser that asks nobody outside of this machine
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class RunningMarket:
    """A market in processes of its own; its page stands at ``url``."""

    process: subprocess.Popen[str]
    home: Path
    url: str
    said: list[str]

    @property
    def operator_key(self) -> Path:
        return self.home / "keys" / "operator.pem"

    def ask(self, path: str) -> Any:
        """Ask the queue through the page's service."""
        answer = httpx.get(f"{self.url}/api/queue/{path}")
        answer.raise_for_status()
        return answer.json()

    def announced(self, service: str) -> dict[str, Any]:
        return dict(json.loads((self.home / "announcements" / service).read_text()))

    def speaks(self, name: str, topic: str, **data: Any) -> dict[str, Any]:
        """Let somebody give a signed command and wait until it took effect."""
        return self.speaks_all(name, [(topic, data)])[0]

    def speaks_all(self, name: str, commands: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Let somebody give several signed commands at once, and wait until all took effect."""
        identity = Identity(name, load_or_create_key(key_file(self.home / "keys", name)))

        async def submit() -> list[Any]:
            async with MarketClient(self.announced("tx_queue")["url"], identity) as client:
                return list(await client.submit_all(commands))

        # In a thread of its own: the browser's driver has an event loop in this one.
        with ThreadPoolExecutor(1) as thread:
            results = thread.submit(asyncio.run, submit()).result()
        for result in results:
            if isinstance(result, Exception):
                raise result
        return [dict(result) for result in results]

    def stops_without_trade(self, game: str) -> None:
        """Let both of those that a game expects buy, so that it stops."""
        for buyer in ("B1", "B2"):
            self.speaks(buyer, "publishDemand", game=game, amount="1")
        with suppress(CommandRejected):  # the clock was first
            self.speaks("operator", "stopGameRegistration", game=game)

    def enters(self, *names: str, balance: str = "1000") -> None:
        """Enter prosumers and give them money."""
        for name in names:
            key = load_or_create_key(key_file(self.home / "keys", name))
            self.speaks("operator", "registerProsumer", id=name, publicKey=Identity(name, key).public_key)
            self.speaks("operator", "topUpAccount", prosumer=name, amount=balance)


def start(home: Path, *arguments: str) -> RunningMarket:
    """Start a command that runs a market, and wait until it says where its page is."""
    process = subprocess.Popen(
        [*ENERGY_MARKET, *arguments, "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"watch (?:it|the market) at (http://\S+)", line)
        if found:
            return RunningMarket(process, home, found[1], said)
    raise AssertionError("".join(said))


def stop(market: RunningMarket) -> None:
    if market.process.poll() is None:
        market.process.send_signal(signal.SIGTERM)
    market.process.communicate(timeout=60)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMarket]:
    """The original's game, played to its settlement, its market still open."""
    market = start(tmp_path_factory.mktemp("played"), "demo", "--keep-running")
    try:
        until(lambda: any(game["phase"] == "closed" for game in market.ask("games")["games"]), 120)
        yield market
    finally:
        stop(market)


@pytest.fixture(scope="session")
def open_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMarket]:
    """A market without games, on which an operator may do what it likes; S1, B1 and B2 are neighbours on it."""
    ports = (word for port in ("queue", "optimizer", "clock", "dashboard") for word in (f"--{port}-port", "0"))
    market = start(tmp_path_factory.mktemp("open"), "up", *ports)
    market.speaks("operator", "setTopology", edges=[["S1", "B1"], ["B1", "B2"]])
    market.enters("S1", "B1", "B2")
    try:
        yield market
    finally:
        stop(market)


@pytest.fixture
def market(open_market: RunningMarket) -> Iterator[RunningMarket]:
    """A market without games, which has none again afterwards."""
    open_market.speaks("operator", "resetMarket")
    yield open_market
    open_market.speaks("operator", "resetMarket")


@pytest.fixture
def clock_that_hangs(open_market: RunningMarket) -> Iterator[None]:
    """The market's clock, which does nothing for as long as the test lasts."""
    process = open_market.announced("market_clock")["pid"]
    os.kill(process, signal.SIGSTOP)
    yield
    os.kill(process, signal.SIGCONT)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMarket]:
    """A market whose time began on a June morning and passes 600 times as fast as the world's."""
    ports = (word for port in ("queue", "optimizer", "clock", "dashboard") for word in (f"--{port}-port", "0"))
    market = start(tmp_path_factory.mktemp("simulated"), "up", *ports)
    market.speaks("operator", "simulateTime", start="2026-06-23T04:00:00Z", factor=600)
    market.speaks("operator", "setTopology", edges=[["S1", "B1"]])
    market.enters("S1", "B1")
    try:
        yield market
    finally:
        stop(market)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMarket]:
    """A certified game of more homes than are shown one by one, played to its settlement."""
    words = ("--prosumers", "140", "--seed", "3", "--mechanism", "certified", "--keep-running")
    market = start(tmp_path_factory.mktemp("large"), "demo", *words)
    try:
        until(lambda: any(game["phase"] == "closed" for game in market.ask("games")["games"]), 240)
        yield market
    finally:
        stop(market)


def until(holds: Any, seconds: float) -> None:
    """Wait for a condition of another process."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come to be"
        time.sleep(0.1)  # between two questions to another process


def browser_program() -> str:
    """Return the machine's Chromium; raises FileNotFoundError."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise FileNotFoundError("the page's tests need a browser: apt-get install chromium")
    return program


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser_program(), args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab in which every error of the page fails the test."""
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    yield tab
    tab.unroute_all(behavior="wait")  # what a test's route is still answering has an end before the tab has
    assert errors == []


@pytest.fixture(scope="session")
def installed() -> None:
    """What the page is built and checked with, as its lock file names it."""
    if shutil.which("npm") is None:
        pytest.fail("building the page needs Node 20 and npm: apt-get install npm")
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=Path(__file__).parents[2] / "dashboard" / "web",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Wire:
    """The wire between the browser and a service, which a test cuts and mends: a relay of TCP connections."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._is_cut = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(self._to)
                self._open += (near, far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()  # each thread closes what it reads


@pytest.fixture
def wire(open_market: RunningMarket) -> Iterator[Wire]:
    laid = Wire(open_market.url)
    yield laid
    laid.close()
