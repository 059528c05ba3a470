"""A market on a real contract and ledger behind a small HTTP server that misbehaves on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import Rejection, events, exact_json, read_exact_json, signed_bytes
from ledger import Cursor, LedgerEvent
from ledger.embedded import EmbeddedLedger
from prosumer_client import Identity, MarketClient, MarketEvent, Patience


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What the server says."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """For the next request that matches: another answer, or none (None: the connection breaks).

    ``after`` lets the request take effect first.
    """

    method: str
    path: str
    answer: Answer | None
    after: bool = False


def problem(status: int, code: str, errors: Any = (), **headers: str) -> Answer:
    document = {"title": code, "status": status, "detail": f"this is {code}", "code": code, "errors": errors}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/problem+json", **named})


def sse(event: LedgerEvent) -> bytes:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = exact_json({**event.data, "cursor": str(event.cursor), "at": at}).decode()
    return f"id: {event.cursor}\nevent: {event.name}\ndata: {data}\n\n".encode()


class FakeMarket:
    """The queue's HTTP interface; every command is decided before it is acknowledged, unless ``holds`` is set."""

    def __init__(self, ledger: EmbeddedLedger) -> None:
        self.ledger = ledger
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.holds = False
        self.keep_alives = False
        self.cuts: list[int] = []
        """After how many bytes the next streams break."""
        self.repeats_events = False
        self.url = ""
        self._statuses: dict[str, dict[str, Any]] = {}
        self._bodies: dict[str, bytes] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Break every connection and take no more."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def restart(self) -> None:
        port = int(self.url.rsplit(":", 1)[1])
        await self.stop()
        await self.start(port)

    def forget(self) -> None:
        """Remember no command any more; the ledger does."""
        self._bodies.clear()
        self._statuses.clear()

    def asked(self, method: str, path: str) -> int:
        return sum((r.method, r.path) == (method, path) for r in self.requests)

    def refuse(self, method: str, path: str, status: int, code: str, **details: Any) -> None:
        """Answer the next such request with a problem."""
        self.faults.append(Fault(method, path, problem(status, code, **details)))

    def answer(self, method: str, path: str, body: bytes) -> None:
        """Answer the next such request with this."""
        self.faults.append(Fault(method, path, Answer(body=body)))

    def stream(self, body: bytes) -> None:
        """Let the next stream carry this and end."""
        self.faults.append(Fault("GET", "/events", Answer(200, body, {"Content-Type": "text/event-stream"})))

    def drop(self, method: str, path: str, *, after: bool = False) -> None:
        """Break the connection at the next such request, before or after it took effect."""
        self.faults.append(Fault(method, path, None, after))

    async def view(self, function: str, *args: str) -> Any:
        return read_exact_json(await self.ledger.query(function, *args))

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition that requests make true."""
        async with asyncio.timeout(60), self._changed:
            while not await condition():
                await self._changed.wait()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._tasks.add(task)

        def ended(_: object) -> None:  # also where it was cancelled before it began
            self._tasks.discard(task)
            writer.close()

        task.add_done_callback(ended)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._server is None or not self._server.is_serving():
                raise ConnectionAbortedError  # it was stopped while this connection was on its way
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        length = next((int(h[15:]) for h in head.lower().split("\r\n") if h.startswith("content-length:")), 0)
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        request = Request(method, parts.path, query, await reader.readexactly(length))
        self.requests.append(request)
        fault = next((f for f in self.faults if f.method == method and request.path.startswith(f.path)), None)
        if fault is not None:
            self.faults.remove(fault)
        if fault is None and request.path == "/events":
            await self._tell()
            await self._stream(request, writer)
            return
        answer = await self._answer(request) if fault is None or fault.after else None
        await self._tell()
        answer = answer if fault is None else fault.answer
        if answer is None:
            writer.transport.abort()
        else:
            await _send(writer, answer)

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._route(request)
        except Rejection as rejection:
            return problem(404, rejection.code)

    async def _route(self, request: Request) -> Answer:
        match [request.method, *request.path.strip("/").split("/")]:
            case ["POST", "queue"]:
                return await self._post(request)
            case ["GET", "queue", command]:
                return _json(self._statuses[command])
            case ["GET", ("games" | "prosumers" | "meters") as kind]:
                return Answer(body=await self.ledger.query(kind))
            case ["GET", ("games" | "prosumers") as kind, name]:
                return Answer(body=await self.ledger.query(kind[:-1], name))
            case ["GET", "games", name, ("bids" | "transfers") as kind]:
                return Answer(body=await self.ledger.query(kind, name))
            case ["GET", "market"]:
                return Answer(body=await self.ledger.query("market"))
            case _:
                return problem(404, "NOT_FOUND")

    async def _post(self, request: Request) -> Answer:
        value = read_exact_json(request.body)
        if isinstance(value, list):
            items = await asyncio.gather(*(self._take(signed_bytes(command)) for command in value))
            return _json([read_exact_json(item.body) for item in items], 207)
        return await self._take(request.body)

    async def _take(self, body: bytes) -> Answer:
        command = read_exact_json(body)
        name = command["id"]
        is_new = name not in self._bodies
        payload = {part: value for part, value in command["payload"].items() if part != "validUntil"}
        said = exact_json({"topic": command["topic"], "payload": payload})
        if self._bodies.setdefault(name, said) != said:
            return problem(409, "COMMAND_ID_REUSED")
        if self.holds:
            self._statuses[name] = _status(command, {"status": "queued"})
        elif is_new or self._statuses.get(name, {"status": "queued"})["status"] == "queued":
            (result,) = (await self.ledger.submit([body.decode()])).results
            if result.get("code") == "MALFORMED_COMMAND":
                return problem(422, "MALFORMED_COMMAND", result["errors"])
            if result.get("code") == "LEDGER_DIFFERS":  # it leaves no trace
                del self._bodies[name]
            self._statuses[name] = _status(command, result)
        return _json({"id": name, "status": "queued", "href": f"/queue/{name}"}, 202)

    async def _stream(self, request: Request, writer: asyncio.StreamWriter) -> None:
        start = request.query["from"]
        end = await self.ledger.end()
        after = end if start == "now" else None if start == "0" else Cursor.parse(start)
        if after is not None and (end is None or after > end):
            await _send(writer, problem(422, "INVALID_CURSOR"))
            return
        writer.write(_head(200, {"Content-Type": "text/event-stream"}))
        budget = self.cuts.pop(0) if self.cuts else None
        if self.keep_alives:
            writer.write(b": keep-alive\n\n")
        await writer.drain()
        async for event in self.ledger.events(after):
            if request.query.get("game", event.data["game"]) != event.data["game"]:
                continue
            concerned = events.concerned(event.data)
            if "prosumer" in request.query and concerned and concerned.isdisjoint(request.query["prosumer"].split(",")):
                continue
            chunk = sse(event) * (2 if self.repeats_events else 1)
            if budget is not None and len(chunk) > budget:
                writer.write(chunk[:budget])
                await writer.drain()
                writer.close()
                return
            budget = None if budget is None else budget - len(chunk)
            writer.write(chunk + (b": keep-alive\n\n" if self.keep_alives else b""))
            await writer.drain()


def _status(command: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    is_rejected = result["status"] == "rejected"
    return {
        "id": command["id"],
        "topic": command["topic"],
        "prosumer": command["payload"]["prosumer"],
        "status": result["status"],
        "transaction": None,
        "block": None,
        "result": result.get("result"),
        "error": {"code": result["code"], "message": result["message"]} if is_rejected else None,
    }


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} -", "Connection: close", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(_head(answer.status, {"Content-Length": str(len(answer.body)), **answer.headers}) + answer.body)
    await writer.drain()


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, exact_json(value), {"Content-Type": "application/json"})


def identity_of(name: str) -> Identity:
    return Identity(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0")[:32]))


async def logged(logs: Sequence[Mapping[str, Any]], **fields: object) -> None:
    """Wait for a captured line that has these fields: what runs in the background logs when it gets there."""
    async with asyncio.timeout(60):
        while not any(fields.items() <= line.items() for line in logs):  # noqa: ASYNC110 - a log wakes nobody
            await asyncio.sleep(0.01)


HOUR_MS = 3_600_000

SELLERS = {"S1": ("30", "0.08"), "S2": ("40", "0.1")}
BUYERS = {"B1": "20", "B2": "15"}
HOPS = {"B1": {"S1": 1, "S2": 2}, "B2": {"S1": 2, "S2": 1}}


@dataclass
class Operator:
    """Whoever runs the market in a test: enters prosumers, publishes and closes games."""

    market: MarketClient
    fake: FakeMarket

    async def enter_all(self) -> None:
        commands: list[tuple[str, dict[str, Any]]] = [("setTopology", {"hops": HOPS})]
        for place, name in enumerate([*SELLERS, *BUYERS]):
            history = {"totalProduction": str(100 - place), "totalConsumption": "100"}
            commands += [
                ("registerProsumer", {"id": name, "publicKey": identity_of(name).public_key, **history}),
                ("topUpAccount", {"prosumer": name, "amount": "1000"}),
            ]
        assert all(isinstance(outcome, dict) for outcome in await self.market.submit_all(commands))

    async def publish(self, game: str = "G1", **parameters: Any) -> str:
        data = {
            "game": game,
            "deliverySlot": game,
            "registrationDurationMs": HOUR_MS,
            "turnDeadlineMs": HOUR_MS,
            "expectedParticipants": 4,
            **parameters,
        }
        return str((await self.market.submit("publishGame", data))["game"])

    async def begin(self, game: str = "G1") -> None:
        """Stop the registration as soon as all are in."""

        async def are_in() -> bool:
            view = await self.fake.view("game", game)
            return bool(view["nrSellers"] + view["nrBuyers"] >= view["parameters"]["expectedParticipants"])

        await self.fake.until(are_in)
        await self.market.submit("stopGameRegistration", {"game": game})

    async def offers_and_demands(self, game: str = "G1") -> None:
        """Register everybody, without any of the library's participants."""
        offers = [(n, "publishOffer", {"amount": amount, "price": price}) for n, (amount, price) in SELLERS.items()]
        demands = [(name, "publishDemand", {"amount": amount}) for name, amount in BUYERS.items()]
        for name, topic, data in (*offers, *demands):
            await self.speaker(name).submit(topic, {"game": game, **data})

    def speaker(self, name: str) -> MarketClient:
        return self.market.speaking_as(identity_of(name))

    async def event_of(self, name: str, game: str = "G1") -> MarketEvent:
        """Return the newest event of a name."""
        found = None
        async for event in self.fake.ledger.events():
            if (event.name, event.data["game"]) == (name, game):
                found = event
            if event.cursor == await self.fake.ledger.end():
                break
        assert found is not None
        return MarketEvent.from_wire(read_exact_json(sse(found).decode().partition("data: ")[2]))

    async def moves_of(self, prosumer: str, topic: str = "publishBuyBid") -> list[dict[str, Any]]:
        """Return the data of a prosumer's commands that took effect."""
        moves = []
        for number in range(await self.fake.ledger.height()):
            for transaction in (await self.fake.ledger.block(number)).transactions:
                for command, result in zip(transaction.commands, transaction.results, strict=True):
                    takes_effect = result["status"] == "committed" and not result["duplicate"]
                    if takes_effect and (command["topic"], command["payload"]["prosumer"]) == (topic, prosumer):
                        moves.append(command["payload"]["data"])
        return moves

    async def stop_of(self, game: str = "G1") -> dict[str, Any]:

        async def is_over() -> bool:
            return (await self.fake.view("game", game))["stop"] is not None

        await self.fake.until(is_over)
        return dict((await self.fake.view("game", game))["stop"])


@pytest.fixture
def identity() -> Callable[[str], Identity]:
    return identity_of


@pytest.fixture
async def background() -> AsyncIterator[Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]]:
    """Run things during a test; one that failed before it was cancelled fails the test."""
    tasks: list[asyncio.Task[object]] = []

    def begin(work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    yield begin
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


@pytest.fixture
def impatient() -> Patience:
    return Patience(total_s=0.3, first_delay_s=0.01, longest_delay_s=0.05)


@pytest.fixture
def patient() -> Patience:
    return Patience(total_s=60.0, first_delay_s=0.01, longest_delay_s=0.1)


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeMarket]:
    """Return a market that knows its first operator only."""
    operator = identity_of("operator")
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", operator.prosumer, operator.public_key)
    market = FakeMarket(ledger)
    await market.start()
    yield market
    await ledger.close()
    await market.stop()


@pytest.fixture
async def operator(fake: FakeMarket, patient: Patience) -> AsyncIterator[Operator]:
    """Return the operator of a market in which two sellers and two buyers are registered."""
    async with MarketClient(fake.url, identity_of("operator"), patience=patient) as market:
        operator = Operator(market, fake)
        await operator.enter_all()
        yield operator
