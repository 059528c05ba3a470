"""A queue in this process: signers, a ledger that fails when told to, and HTTP without and with a socket."""

import asyncio
import socket
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from energy_market_chaincode import block_views, public_key_text, read_exact_json, sign
from ledger import (
    Block,
    Cursor,
    Ledger,
    LedgerEvent,
    LedgerUnavailable,
    Submission,
    TransactionFailed,
    open_memory_ledger,
)
from tests.tx_queue.process import Starter
from tx_queue import QueueSettings, create_queue_app
from tx_queue.node import QueueNode

Command = dict[str, Any]


class Signer:
    """One who signs: a name and a key."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0")[:32])

    @property
    def public_key(self) -> str:
        return public_key_text(self.key.public_key())

    def command(self, topic: str, /, **data: Any) -> Command:
        """A new command with an id of its own."""
        return self.signed({"id": str(uuid.uuid4()), "topic": topic, "payload": {"prosumer": self.name, "data": data}})

    def signed(self, command: Command) -> Command:
        """The command with this signer's signature, whatever it had."""
        unsigned = {name: value for name, value in command.items() if name != "signature"}
        return {**unsigned, "signature": sign(unsigned, self.key)}

    def top_up(self, amount: str = "1") -> Command:
        """Bring money in for the grid operator: a command that always works, for operators."""
        return self.command("topUpAccount", prosumer="grid-operator", amount=amount)

    def publish_game(self, game: str) -> Command:
        """A command with an event."""
        return self.command("publishGame", game=game, deliverySlot=game)

    def register(self, other: "Signer", **more: Any) -> Command:
        return self.command("registerProsumer", id=other.name, publicKey=other.public_key, **more)


@dataclass
class FaultyLedger:
    """A real ledger whose faults are in the hands of a test.

    Attributes
    ----------
    faults
        What happens to the next calls of ``submit``, one after the other: an exception instead of the transaction.
    faults_after
        The same, but the transaction has taken effect.
    too_slow
        Ids of commands with which no transaction ends within the ledger's time limits.
    poisonous
        Ids of commands that no transaction may contain.
    is_open
        While it is not set, ``submit`` waits.
    batches
        The ids of the commands of every call of ``submit``.
    is_away
        Whether queries, height, end and events fail, too.
    """

    ledger: Ledger
    faults: list[Exception] = field(default_factory=list)
    faults_after: list[Exception] = field(default_factory=list)
    too_slow: set[str] = field(default_factory=set)
    poisonous: set[str] = field(default_factory=set)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[str]] = field(default_factory=list)
    is_away: bool = False
    breaks: asyncio.Event = field(default_factory=asyncio.Event)
    queries: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_open.set()

    async def submit(self, commands: Sequence[str]) -> Submission:
        ids = [simplejson.loads(command).get("id", "without id") for command in commands]
        self.batches.append(ids)
        self.called.set()
        await self.is_open.wait()
        if self.faults:
            raise self.faults.pop(0)
        if self.too_slow & set(ids):
            raise LedgerUnavailable("it took too long")
        if self.poisonous & set(ids):
            raise TransactionFailed("it holds a poisonous command")
        submission = await self.ledger.submit(commands)
        if self.faults_after:
            raise self.faults_after.pop(0)
        return submission

    async def query(self, function: str, *args: str) -> bytes:
        self._be_there()
        self.queries.append((function, *args))
        return await self.ledger.query(function, *args)

    async def obstacle(self) -> str | None:
        return "the ledger is away" if self.is_away else await self.ledger.obstacle()

    async def height(self) -> int:
        self._be_there()
        return await self.ledger.height()

    async def block(self, number: int) -> Block:
        self._be_there()
        return await self.ledger.block(number)

    async def evidence(self, number: int) -> block_views.BlockEvidence:
        self._be_there()
        return await self.ledger.evidence(number)

    async def end(self) -> Cursor | None:
        self._be_there()
        return await self.ledger.end()

    async def events(self, after: Cursor | None = None) -> AsyncGenerator[LedgerEvent, None]:
        """Every event comes, but the stream breaks once ``breaks`` is set: the event then read is lost with it."""
        self._be_there()
        async for event in self.ledger.events(after):
            if self.breaks.is_set():
                self.breaks.clear()
                raise LedgerUnavailable("the stream broke")
            yield event

    async def close(self) -> None:
        """Stay: a test may start another queue on it."""

    async def money(self) -> int:
        """All money in the market, in currency units."""
        return int(read_exact_json(await self.ledger.query("market"))["money"])

    def _be_there(self) -> None:
        if self.is_away:
            raise LedgerUnavailable("the ledger is away")


@dataclass
class Queue:
    """A running queue."""

    http: httpx.AsyncClient
    app: FastAPI
    ledger: FaultyLedger

    @property
    def node(self) -> QueueNode:
        node: QueueNode = self.app.state.node
        return node

    async def is_ready(self) -> bool:
        return (await self.http.get("/ready")).status_code == 200

    async def is_not_ready(self) -> bool:
        return not await self.is_ready()

    async def post(self, body: Any, **params: Any) -> httpx.Response:
        return await self.http.post(
            "/queue", content=simplejson.dumps(body), params=params, headers={"Content-Type": "application/json"}
        )

    async def result(self, command_id: str, **params: Any) -> Any:
        """The status of a command once it is decided."""
        answer = await self.http.get(f"/queue/{command_id}", params={"wait": 60, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(self, *commands: Command) -> list[Any]:
        """Post commands, which must be committed, and return their statuses."""
        answer = await self.post(list(commands))
        assert answer.status_code == 202, answer.text
        statuses = [await self.result(receipt["id"]) for receipt in answer.json()]
        assert [status["status"] for status in statuses] == ["committed"] * len(commands), statuses
        return statuses


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - over HTTP there is no event to wait for
            await asyncio.sleep(0.001)


Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
Running = Callable[..., AbstractAsyncContextManager[Queue]]


@pytest.fixture
def until() -> Until:
    """Wait until something holds."""
    return _until


@pytest.fixture
def operator() -> Signer:
    return Signer("operator")


@pytest.fixture
def signer() -> Callable[[str], Signer]:
    return Signer


@pytest.fixture
async def ledger(operator: Signer) -> AsyncIterator[FaultyLedger]:
    memory = await open_memory_ledger(operator.name, operator.public_key)
    yield FaultyLedger(memory)
    await memory.close()


@pytest.fixture
def new_ledger() -> Callable[[], Awaitable[FaultyLedger]]:
    """Make ledgers inside a property."""

    async def make() -> FaultyLedger:
        operator = Signer("operator")
        return FaultyLedger(await open_memory_ledger(operator.name, operator.public_key))

    return make


@pytest.fixture
def running(tmp_path: Path, ledger: FaultyLedger) -> Running:
    """Run a queue in this process, again and again on the same files; over no socket unless ``over_tcp``."""

    @asynccontextmanager
    async def run(*, over_tcp: bool = False, **settings: Any) -> AsyncIterator[Queue]:
        async def opened(_: QueueSettings) -> Ledger:
            return ledger

        quick = {"queue_retry_first_seconds": 0.001, "queue_retry_longest_seconds": 0.01}
        app = create_queue_app(QueueSettings(home=tmp_path, **{**quick, **settings}), opened)
        async with AsyncExitStack() as stack:
            if over_tcp:
                url = await stack.enter_async_context(_served(app))
                client = httpx.AsyncClient(base_url=url, timeout=60)
            else:
                await stack.enter_async_context(app.router.lifespan_context(app))
                client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=60)
            http = await stack.enter_async_context(client)
            yield Queue(http, app, ledger)

    return run


@pytest.fixture
async def queue(running: Running) -> AsyncIterator[Queue]:
    async with running() as queue:
        yield queue


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncIterator[str]:
    """Serve on a free port in this event loop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None, access_log=False))
        started = asyncio.Event()
        server.startup = partial(_then, server.startup, started.set)  # type: ignore[method-assign]  # to know when
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await started.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            app.state.stopping.set()
            server.should_exit = True
            await serving


async def _then(first: Callable[..., Awaitable[None]], second: Callable[[], None], **arguments: Any) -> None:
    await first(**arguments)
    second()


@pytest.fixture
def queue_process(tmp_path: Path, operator: Any, until: Any) -> Starter:
    return Starter(tmp_path, operator, until)
