"""The clock's HTTP beside a real queue: the schedule, readiness, bad input, and its process."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from http_service import parse_arguments
from market_clock.decision import Decision, next_action
from market_clock.service import build_app
from market_clock.settings import ClockSettings
from market_time import SteadyTime
from prosumer_client import (
    ClockClient,
    Identity,
    MarketClient,
    Patience,
    RequestRefused,
    SignedCommand,
    create_key,
    key_file,
    store_key,
)
from tx_queue import QueueSettings, create_queue_app

PATIENCE_S = 60


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application in a thread of its own, and yield its URL."""
    loop: Future[asyncio.AbstractEventLoop] = Future()

    def run() -> None:
        with asyncio.Runner() as runner:
            loop.set_result(runner.get_loop())
            runner.run(server.serve(sockets=[listener]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None))
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            loop.result().call_soon_threadsafe(app.state.stopping.set)
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def operator() -> Identity:
    return Identity("operator", Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def queue_url(tmp_path_factory: pytest.TempPathFactory, operator: Identity) -> Iterator[str]:
    """Serve a queue with a new ledger that has a topology."""
    folder = tmp_path_factory.mktemp("queue")
    queue = QueueSettings(home=folder, operator="operator", operator_public_key=operator.public_key)
    with serving(create_queue_app(queue)) as url:
        asyncio.run(set_topology(url, operator))
        yield url


@pytest.fixture
def home(tmp_path: Path, operator: Identity) -> Path:
    """Return a home with the operator's key."""
    store_key(operator.key, key_file(tmp_path / "keys", "operator"))
    return tmp_path


async def set_topology(url: str, operator: Identity) -> None:
    async with MarketClient(url, operator) as market:
        await market.submit("setTopology", {"hops": {"B1": {"S1": 1}}})


@dataclass
class Caller:
    """Whoever asks a clock something, or tells it to do something as the operator."""

    http: httpx.AsyncClient
    operator: Identity
    ledger: str

    def command(self, topic: str, data: Any, **other: Any) -> SignedCommand:
        """Sign a command that is valid for a minute; ``other`` says how it differs from a good one."""
        valid_until = datetime.now(UTC) + other.pop("valid_for", timedelta(minutes=1))
        timed = {**data, "validUntil": valid_until.isoformat()} if isinstance(data, dict) else data
        signer: Identity = other.pop("signer", self.operator)
        return signer.command(topic, timed, other.pop("id", None), ledger=other.pop("ledger", self.ledger))

    async def send(self, path: str, command: SignedCommand) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return await self.http.post(path, content=command.body, headers=headers)

    async def add(self, entry: Any, **other: Any) -> httpx.Response:
        return await self.send("/schedule", self.command("scheduleGames", entry, **other))

    async def remove(self, entry: str) -> httpx.Response:
        return await self.send("/unschedule", self.command("unscheduleGames", {"id": entry}))

    async def pause(self, **other: Any) -> httpx.Response:
        return await self.send("/pause", self.command("pauseClock", {}, **other))

    async def resume(self, **other: Any) -> httpx.Response:
        return await self.send("/resume", self.command("resumeClock", {}, **other))

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def is_paused(self) -> bool:
        return bool((await self.get("/schedule")).json()["paused"])


@pytest.fixture(scope="module")
def ledger_id(queue_url: str) -> str:
    async def ask() -> str:
        async with MarketClient(queue_url) as market:
            return await market.ledger_id()

    return asyncio.run(ask())


Running = Callable[[FastAPI], AbstractAsyncContextManager[Caller]]


@pytest.fixture
def running(operator: Identity, ledger_id: str) -> Running:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[Caller]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as http,
        ):
            yield Caller(http, operator, ledger_id)

    return run


def clock_at(home: Path, queue_url: str, **fields: Any) -> FastAPI:
    return build_app(ClockSettings(home=home, queue_url=queue_url, **fields))


def nowhere(tmp_path: Path, **fields: Any) -> ClockSettings:
    """Return settings of a clock whose queue does not answer."""
    return ClockSettings(home=tmp_path, queue_url="http://127.0.0.1:9", **fields)


# -- what an operator says, and who else says something


async def test_only_an_operators_signature_for_this_ledger_moves_the_clock(
    running: Running, tmp_path: Path, queue_url: str, operator: Identity
) -> None:
    seller, stranger = (Identity(name, Ed25519PrivateKey.generate()) for name in ("a-seller", "a-stranger"))
    async with MarketClient(queue_url, operator) as market:
        await market.submit("registerProsumer", {"id": "a-seller", "publicKey": seller.public_key})
    async with running(clock_at(tmp_path, queue_url)) as clock:
        for signer, ledger, status, code in (
            (seller, clock.ledger, 403, "OPERATORS_ONLY"),
            (stranger, clock.ledger, 401, "UNKNOWN_SIGNER"),
            (Identity("operator", stranger.key), clock.ledger, 401, "BAD_SIGNATURE"),
            (operator, "another", 409, "LEDGER_DIFFERS"),
        ):
            for refused in (
                await clock.pause(signer=signer, ledger=ledger),
                await clock.add({"every": "5m"}, signer=signer, ledger=ledger),
            ):
                assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert not await clock.is_paused()
        assert (await clock.pause()).json() == {"paused": True}
        assert await clock.is_paused()


async def test_what_is_changed_after_it_was_signed_is_refused(running: Running, tmp_path: Path, queue_url: str) -> None:
    async with running(clock_at(tmp_path, queue_url)) as clock:
        command = clock.command("scheduleGames", {"every": "50m", "id": "e"})
        forged = SignedCommand(command.id, command.body.replace(b'"50m"', b'"5m"'))
        refused = await clock.send("/schedule", forged)
        assert (refused.status_code, refused.json()["code"]) == (401, "BAD_SIGNATURE")
        elsewhere = await clock.send("/pause", command)
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "INVALID_PARAMETER")
        assert (await clock.send("/schedule", command)).status_code == 201


@pytest.mark.parametrize(
    ("valid_for", "status", "code"),
    [(timedelta(seconds=-1), 409, "COMMAND_EXPIRED"), (timedelta(hours=2), 422, "VALID_TOO_LONG")],
)
async def test_a_command_is_fresh_or_refused(
    running: Running, tmp_path: Path, queue_url: str, valid_for: timedelta, status: int, code: str
) -> None:
    async with running(clock_at(tmp_path, queue_url)) as clock:
        refused = await clock.pause(valid_for=valid_for)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert not await clock.is_paused()


async def test_a_command_counts_once_also_over_a_restart(running: Running, tmp_path: Path, queue_url: str) -> None:
    async with running(clock_at(tmp_path, queue_url)) as clock:
        pause = clock.command("pauseClock", {})
        assert (await clock.send("/pause", pause)).json() == {"paused": True}
        assert (await clock.resume()).json() == {"paused": False}
        again = await clock.send("/pause", pause)
        assert (again.status_code, again.json()) == (200, {"paused": True})
        assert not await clock.is_paused()
    async with running(clock_at(tmp_path, queue_url)) as clock:
        await clock.send("/pause", pause)
        assert not await clock.is_paused()
        other = await clock.resume(id=pause.id)
        assert (other.status_code, other.json()["code"]) == (409, "COMMAND_ID_REUSED")


@pytest.mark.parametrize("path", ["/pause", "/resume", "/schedule", "/unschedule"])
async def test_what_nobody_signed_changes_nothing(running: Running, tmp_path: Path, queue_url: str, path: str) -> None:
    async with running(clock_at(tmp_path, queue_url)) as clock:
        as_json = await clock.http.post(path, json={"every": "5m", "id": "e"})
        assert (as_json.status_code, as_json.json()["code"]) == (422, "INVALID_PARAMETER")
        command = clock.command("pauseClock", {})
        as_text = await clock.http.post(path, content=command.body, headers={"Content-Type": "text/plain"})
        assert (as_text.status_code, as_text.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        empty = await clock.http.post(path)
        assert empty.status_code in (415, 422)
        shown = (await clock.get("/schedule")).json()
        assert (shown["entries"], shown["paused"]) == ([], False)


async def test_the_library_tells_the_clock_what_an_operator_wants(
    home: Path, queue_url: str, operator: Identity, ledger_id: str
) -> None:
    with serving(clock_at(home, queue_url)) as url:
        async with ClockClient(url, operator, ledger_id) as clock:
            game = await clock.publish({"registrationDurationMs": 1}, entry="just-one")
            assert await clock.publish({"registrationDurationMs": 1}, entry="just-one") == game
            assert (await clock.add({"id": "daily", "every": "1d"}))["every"] == "1d"
            await clock.pause()
            assert (await clock.schedule())["paused"] is True
            await clock.resume()
            await clock.remove("daily")
            schedule = await clock.schedule()
            assert (schedule["entries"], schedule["paused"]) == ([], False)
            with pytest.raises(RequestRefused, match="UNKNOWN_ENTRY"):
                await clock.remove("daily")
        await without_trade(queue_url, game)


# -- what the clock does


async def test_a_game_is_published_at_once_and_driven_to_its_end(running: Running, home: Path, queue_url: str) -> None:
    async with running(clock_at(home, queue_url)) as clock:
        answer = await clock.add({"once": True, "parameters": {"registrationDurationMs": 1}})
        assert answer.status_code == 201

        await without_trade(queue_url, answer.json()["game"])


async def test_a_defect_of_ours_does_not_stop_the_clock_for_good(
    running: Running, home: Path, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    defects = iter([ZeroDivisionError("nobody foresaw this")])

    def next_action_with_a_defect(*args: Any) -> Decision:
        for defect in defects:
            raise defect
        return next_action(*args)

    monkeypatch.setattr("market_clock.conductor.next_action", next_action_with_a_defect)
    monkeypatch.setattr("market_clock.clock.BEGIN_ANEW_S", 0.0)
    async with running(clock_at(home, queue_url)) as clock:
        answer = await clock.add({"once": True, "parameters": {"registrationDurationMs": 1}})
        await without_trade(queue_url, answer.json()["game"])

    assert next(defects, None) is None


async def without_trade(queue_url: str, game: str) -> None:
    """Wait until a game has stopped without trade, as one without participants does."""
    async with (
        asyncio.timeout(PATIENCE_S),
        MarketClient(queue_url) as market,
        aclosing(market.events(game=game)) as events,
    ):
        reason = await anext(event.data["reason"] async for event in events if event.name == "GameStopEvent")
    assert reason == "no-trade"


async def test_a_rejection_by_the_market_is_passed_on(running: Running, home: Path, queue_url: str) -> None:
    async with running(clock_at(home, queue_url)) as clock:
        first = {"once": True, "parameters": {"game": "Game-1", "deliverySlot": "noon"}}
        assert (await clock.add(first)).status_code == 201
        answer = await clock.add(first)

        assert (answer.status_code, answer.json()["code"]) == (409, "GAME_EXISTS")


async def test_asking_for_a_game_again_under_the_same_id_gives_the_same_game(
    running: Running, home: Path, queue_url: str
) -> None:
    async with running(clock_at(home, queue_url)) as clock:
        first = await clock.add({"id": "mine", "once": True})
        again = await clock.add({"id": "mine", "once": True})
        other = await clock.add({"id": "mine", "once": True, "parameters": {"roundLimit": 2}})

        assert first.json() == again.json()
        assert (other.status_code, other.json()["code"]) == (409, "COMMAND_ID_REUSED")


async def test_entries_come_stay_over_a_restart_and_go(running: Running, tmp_path: Path, queue_url: str) -> None:
    entry = {"id": "hourly", "cron": "0 * * * *", "parameters": {"feePerHop": "0.01"}}
    async with running(clock_at(tmp_path, queue_url)) as clock:
        answer = await clock.add(entry)
        assert answer.status_code == 201
        assert answer.headers["location"] == "/schedule"
        assert (await clock.add(entry)).status_code == 201
        other = await clock.add({**entry, "parameters": {}})
        assert (other.status_code, other.json()["code"]) == (409, "ENTRY_EXISTS")

    async with running(clock_at(tmp_path, queue_url)) as clock:
        (shown,) = (await clock.get("/schedule")).json()["entries"]
        assert {name: shown[name] for name in entry} == entry
        assert shown["nextSlot"].endswith(":00:00.000Z")
        assert (await clock.remove("hourly")).json() == {"id": "hourly"}
        gone = await clock.remove("hourly")
        assert (gone.status_code, gone.json()["code"]) == (404, "UNKNOWN_ENTRY")


async def test_a_schedule_that_cannot_be_written_is_told_and_nothing_is_changed(
    running: Running, tmp_path: Path, queue_url: str
) -> None:
    app = clock_at(tmp_path, queue_url)
    async with running(app) as clock:
        assert (await clock.add({"id": "hourly", "every": "1h"})).status_code == 201
        store = app.state.clock.publisher.schedule._store
        store._connection.execute("PRAGMA query_only = ON")  # as on a full disk, nothing can be written
        for answer in (
            await clock.add({"id": "daily", "every": "1d"}),
            await clock.pause(),
            await clock.remove("hourly"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        store._connection.execute("PRAGMA query_only = OFF")
        shown = (await clock.get("/schedule")).json()
        assert ([entry["id"] for entry in shown["entries"]], shown["paused"]) == (["hourly"], False)
        assert (await clock.pause()).status_code == 200


async def test_nobody_else_enters_the_command_line_s_entry(running: Running, tmp_path: Path, queue_url: str) -> None:
    async with running(clock_at(tmp_path, queue_url)) as clock:
        refused = await clock.add({"id": "command-line", "every": "1h"})
        assert (refused.status_code, refused.json()["code"]) == (409, "FIXED_ENTRY")


async def test_a_pause_lasts_over_a_restart_until_it_is_resumed(
    running: Running, tmp_path: Path, queue_url: str
) -> None:
    async with running(clock_at(tmp_path, queue_url, every="5m")) as clock:
        assert (await clock.pause()).json() == {"paused": True}

    async with running(clock_at(tmp_path, queue_url, every="5m")) as clock:
        schedule = (await clock.get("/schedule")).json()
        assert schedule["paused"] is True
        assert schedule["entries"][0]["nextSlot"] is None
        assert (await clock.resume()).json() == {"paused": False}
        assert (await clock.get("/schedule")).json()["entries"][0]["nextSlot"] is not None


async def test_the_entry_of_the_command_line_is_the_one_of_this_start(
    running: Running, tmp_path: Path, queue_url: str
) -> None:
    for rhythm in ({"every": "5m"}, {"every": "5m"}, {"cron": "0 * * * *"}):
        async with running(clock_at(tmp_path, queue_url, **rhythm)) as clock:
            (entry,) = (await clock.get("/schedule")).json()["entries"]
            assert entry["id"] == "command-line"
            assert rhythm.items() <= entry.items()
            refused = await clock.remove("command-line")
            assert (refused.status_code, refused.json()["code"]) == (409, "FIXED_ENTRY")

    async with running(clock_at(tmp_path, queue_url)) as clock:
        assert (await clock.get("/schedule")).json()["entries"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["payload.data"]),
        ({"every": "5m", "once": True}, ["payload.data"]),
        ({"every": "soon"}, ["payload.data.every"]),
        ({"cron": "* * * * 7"}, ["payload.data.cron"]),
        ({"every": "5m", "parameters": {"game": "Game-1"}}, ["payload.data"]),
        ({"every": "5m", "colour": "red", "id": "a b"}, ["payload.data.colour", "payload.data.id"]),
        (
            {"once": True, "parameters": {"roundLimit": -1, "feePerHop": "x"}},
            ["payload.data.parameters.feePerHop", "payload.data.parameters.roundLimit"],
        ),
        ([], ["payload.data"]),
    ],
)
async def test_a_bad_entry_is_refused_field_by_field(
    running: Running, tmp_path: Path, body: object, fields: list[str]
) -> None:
    async with running(build_app(nowhere(tmp_path))) as clock:
        answer = await clock.add(body)

        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")
        assert sorted(error["field"] for error in answer.json()["errors"]) == fields


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "MALFORMED_JSON"),
        (b'{"every": NaN}', 400, "MALFORMED_JSON"),
        (b" " * 200_000, 413, "BODY_TOO_LARGE"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    running: Running, tmp_path: Path, content: bytes, status: int, code: str
) -> None:
    async with running(build_app(nowhere(tmp_path))) as clock:
        answer = await clock.http.post("/schedule", content=content, headers={"Content-Type": "application/json"})

        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_clock_without_a_key_says_so_and_works_once_it_has_one(
    running: Running, tmp_path: Path, queue_url: str, operator: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(clock_at(tmp_path, queue_url)) as clock:
        await says(clock, "KEY_FILE_MISSING")
        monkeypatch.setattr("market_clock.publisher.START_WAIT_S", 0.0)
        answer = await clock.add({"once": True})
        assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
        store_key(operator.key, key_file(tmp_path / "keys", "operator"))
        await says(clock, '"ready"')


async def test_a_clock_waits_until_it_is_registered_as_an_operator(
    running: Running, tmp_path: Path, queue_url: str, operator: Identity
) -> None:
    late = Identity("late", create_key(key_file(tmp_path / "keys", "late")))
    async with (
        running(clock_at(tmp_path, queue_url, operator="late")) as clock,
        MarketClient(queue_url, operator) as market,
    ):
        await says(clock, "is not registered")
        await market.submit("registerProsumer", {"id": "late", "publicKey": late.public_key, "role": "operator"})
        await says(clock, '"ready"')


@pytest.mark.parametrize(
    ("name", "role", "key", "reason"),
    [("seller", "prosumer", "seller", "not as an operator"), ("deputy", "operator", "other", "another public key")],
)
async def test_a_clock_that_is_registered_otherwise_says_how(
    running: Running, tmp_path: Path, queue_url: str, operator: Identity, name: str, role: str, key: str, reason: str
) -> None:
    keys = {each: Identity(each, create_key(key_file(tmp_path / "keys", each))) for each in {name, key}}
    async with (
        running(clock_at(tmp_path, queue_url, operator=name)) as clock,
        MarketClient(queue_url, operator) as market,
    ):
        await market.submit("registerProsumer", {"id": name, "publicKey": keys[key].public_key, "role": role})
        await says(clock, reason)


async def test_a_clock_for_another_ledger_says_so_and_does_nothing(
    running: Running, home: Path, queue_url: str
) -> None:
    async with running(clock_at(home, queue_url, ledger_id="another")) as clock:
        await says(clock, "another ledger")
        for ledger in (clock.ledger, "another"):
            answer = await clock.add({"once": True}, ledger=ledger)
            assert (answer.status_code, answer.json()["code"]) == (409, "LEDGER_DIFFERS")


async def test_a_clock_leaves_the_games_of_another_ledger_alone(
    running: Running, home: Path, queue_url: str, operator: Identity
) -> None:
    async with (
        MarketClient(queue_url, operator) as market,
        running(clock_at(home, queue_url, ledger_id="another")) as clock,
    ):
        game = (await market.submit("publishGame", {"registrationDurationMs": 1}))["game"]
        await says(clock, "another ledger")
        assert (await market.game(game)).phase == "registration"
        await market.submit("stopGameRegistration", {"game": game})


async def says(clock: httpx.AsyncClient | Caller, reason: str) -> None:
    """Wait until the clock says on /ready what it makes of its situation."""
    async with asyncio.timeout(PATIENCE_S):
        while reason not in (await clock.get("/ready")).text:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)


async def test_a_jump_of_the_machines_time_is_said_on_ready_and_not_followed(
    running: Running, home: Path, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = timedelta()
    steady = SteadyTime(lambda: datetime.now(UTC) + off, synchronised=lambda: True)
    monkeypatch.setattr("market_clock.clock.SteadyTime", lambda: steady)
    async with running(clock_at(home, queue_url, every="1d")) as clock:
        await says(clock, '"ready"')
        before = (await clock.get("/schedule")).json()["entries"][0]["nextSlot"]
        off = timedelta(days=400)
        assert "ahead by 400 days" in (await clock.get("/ready")).text
        shown = (await clock.get("/schedule")).json()
        assert shown["entries"][0]["nextSlot"] == before
        assert abs(datetime.fromisoformat(shown["now"]) - datetime.now(UTC)) < timedelta(minutes=5)
        off = timedelta()
        await says(clock, '"ready"')


async def test_a_clock_whose_queue_is_out_of_reach_is_not_ready(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.service.PATIENCE", Patience(total_s=0.01))
    async with running(build_app(nowhere(tmp_path))) as clock:
        assert (await clock.get("/health")).status_code == 200
        assert (await clock.get("/ready")).status_code == 503
        answer = await clock.add({"once": True})
        assert (answer.status_code, answer.json()["code"]) == (503, "MARKET_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"


def test_no_request_that_fits_or_does_not_fit_the_openapi_document_breaks_the_clock(home: Path, queue_url: str) -> None:
    with serving(clock_at(home, queue_url)) as url:
        asyncio.run(ready(url))
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        for operation in schema.get_all_operations():
            assert isinstance(operation, Ok)
            check_operation(operation.ok())


async def ready(url: str) -> None:
    """Wait until a clock is ready: before, it says 503 on /ready, and means it."""
    async with httpx.AsyncClient(base_url=url) as clock:
        await says(clock, '"ready"')


def check_operation(operation: Any) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        # That an entry needs exactly one rhythm is more than its schema can say.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()


async def test_the_process_announces_itself_and_ends_when_told(tmp_path: Path) -> None:
    announcement = tmp_path / "clock.json"
    flags = ("--home", str(tmp_path), "--queue-url", "http://127.0.0.1:9", "--announce", str(announcement))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "market_clock", "--port", "0", "--every", "5m", *flags, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        while not announcement.exists():
            assert process.returncode is None
            await asyncio.sleep(0.05)
        async with httpx.AsyncClient(base_url=json.loads(announcement.read_text())["url"]) as clock:
            assert (await clock.get("/schedule")).json()["entries"][0]["every"] == "5m"
        os.kill(process.pid, signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    "flags", [["--every", "soon"], ["--cron", "0 0 30 2 *"], ["--speed", "0"], ["--cron", "* * * * *", "--every", "1m"]]
)
def test_a_wrong_flag_is_named(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(ClockSettings, "The market clock.", flags)

    assert ended.value.code == 2
    assert flags[0] in capsys.readouterr().err
