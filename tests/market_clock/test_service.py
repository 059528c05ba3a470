"""The clock's HTTP beside a real queue: the schedule, readiness, bad input, and its process."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import aclosing, asynccontextmanager, contextmanager
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
from prosumer_client.client import MarketClient
from prosumer_client.identity import Identity
from prosumer_client.keys import create_key, key_file, store_key
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


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://clock") as http,
    ):
        yield http


def nowhere(tmp_path: Path, **fields: Any) -> ClockSettings:
    """Return settings of a clock whose queue does not answer."""
    return ClockSettings(home=tmp_path, queue_url="http://127.0.0.1:9", **fields)


async def test_a_game_is_published_at_once_and_driven_to_its_end(home: Path, queue_url: str) -> None:
    async with running(build_app(ClockSettings(home=home, queue_url=queue_url))) as clock:
        answer = await clock.post("/schedule", json={"once": True, "parameters": {"registrationDurationMs": 1}})
        assert answer.status_code == 201

        await cancelled(queue_url, answer.json()["game"])


async def test_a_defect_of_ours_does_not_stop_the_clock_for_good(
    home: Path, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    defects = iter([ZeroDivisionError("nobody foresaw this")])

    def next_action_with_a_defect(*args: Any) -> Decision:
        for defect in defects:
            raise defect
        return next_action(*args)

    monkeypatch.setattr("market_clock.conductor.next_action", next_action_with_a_defect)
    monkeypatch.setattr("market_clock.clock.BEGIN_ANEW_S", 0.0)
    async with running(build_app(ClockSettings(home=home, queue_url=queue_url))) as clock:
        answer = await clock.post("/schedule", json={"once": True, "parameters": {"registrationDurationMs": 1}})
        await cancelled(queue_url, answer.json()["game"])

    assert next(defects, None) is None


async def cancelled(queue_url: str, game: str) -> None:
    """Wait until a game is cancelled, as one without participants is."""
    async with (
        asyncio.timeout(PATIENCE_S),
        MarketClient(queue_url) as market,
        aclosing(market.events(game=game)) as events,
    ):
        reason = await anext(event.data["reason"] async for event in events if event.name == "GameStopEvent")
    assert reason == "cancelled"


async def test_a_rejection_by_the_market_is_passed_on(home: Path, queue_url: str) -> None:
    async with running(build_app(ClockSettings(home=home, queue_url=queue_url))) as clock:
        first = {"once": True, "parameters": {"game": "Game-1", "deliverySlot": "noon"}}
        assert (await clock.post("/schedule", json=first)).status_code == 201
        answer = await clock.post("/schedule", json=first)

        assert (answer.status_code, answer.json()["code"]) == (409, "GAME_EXISTS")


async def test_asking_for_a_game_again_under_the_same_id_gives_the_same_game(home: Path, queue_url: str) -> None:
    async with running(build_app(ClockSettings(home=home, queue_url=queue_url))) as clock:
        first = await clock.post("/schedule", json={"id": "mine", "once": True})
        again = await clock.post("/schedule", json={"id": "mine", "once": True})
        other = await clock.post("/schedule", json={"id": "mine", "once": True, "parameters": {"roundLimit": 2}})

        assert first.json() == again.json()
        assert (other.status_code, other.json()["code"]) == (409, "COMMAND_ID_REUSED")


async def test_entries_come_stay_over_a_restart_and_go(tmp_path: Path) -> None:
    entry = {"id": "hourly", "cron": "0 * * * *", "parameters": {"feePerHop": "0.01"}}
    async with running(build_app(nowhere(tmp_path))) as clock:
        answer = await clock.post("/schedule", json=entry)
        assert answer.status_code == 201
        assert answer.headers["location"] == "/schedule/hourly"
        assert (await clock.post("/schedule", json=entry)).status_code == 201
        other = await clock.post("/schedule", json={**entry, "parameters": {}})
        assert (other.status_code, other.json()["code"]) == (409, "ENTRY_EXISTS")

    async with running(build_app(nowhere(tmp_path))) as clock:
        (shown,) = (await clock.get("/schedule")).json()["entries"]
        assert {name: shown[name] for name in entry} == entry
        assert shown["nextSlot"].endswith(":00:00.000Z")
        assert (await clock.delete("/schedule/hourly")).status_code == 204
        gone = await clock.delete("/schedule/hourly")
        assert (gone.status_code, gone.json()["code"]) == (404, "UNKNOWN_ENTRY")


async def test_a_schedule_that_cannot_be_written_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    app = build_app(nowhere(tmp_path))
    async with running(app) as clock:
        assert (await clock.post("/schedule", json={"id": "hourly", "every": "1h"})).status_code == 201
        store = app.state.clock.publisher.schedule._store
        store._connection.execute("PRAGMA query_only = ON")  # as on a full disk, nothing can be written
        for answer in (
            await clock.post("/schedule", json={"id": "daily", "every": "1d"}),
            await clock.post("/pause"),
            await clock.delete("/schedule/hourly"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        store._connection.execute("PRAGMA query_only = OFF")
        shown = (await clock.get("/schedule")).json()
        assert ([entry["id"] for entry in shown["entries"]], shown["paused"]) == (["hourly"], False)
        assert (await clock.post("/pause")).status_code == 200


async def test_nobody_else_enters_the_command_line_s_entry(tmp_path: Path) -> None:
    async with running(build_app(nowhere(tmp_path))) as clock:
        refused = await clock.post("/schedule", json={"id": "command-line", "every": "1h"})
        assert (refused.status_code, refused.json()["code"]) == (409, "FIXED_ENTRY")


async def test_a_pause_lasts_over_a_restart_until_it_is_resumed(tmp_path: Path) -> None:
    async with running(build_app(nowhere(tmp_path, every="5m"))) as clock:
        assert (await clock.post("/pause")).json() == {"paused": True}

    async with running(build_app(nowhere(tmp_path, every="5m"))) as clock:
        schedule = (await clock.get("/schedule")).json()
        assert schedule["paused"] is True
        assert schedule["entries"][0]["nextSlot"] is None
        assert (await clock.post("/resume")).json() == {"paused": False}
        assert (await clock.get("/schedule")).json()["entries"][0]["nextSlot"] is not None


async def test_the_entry_of_the_command_line_is_the_one_of_this_start(tmp_path: Path) -> None:
    for rhythm in ({"every": "5m"}, {"every": "5m"}, {"cron": "0 * * * *"}):
        async with running(build_app(nowhere(tmp_path, **rhythm))) as clock:
            (entry,) = (await clock.get("/schedule")).json()["entries"]
            assert entry["id"] == "command-line"
            assert rhythm.items() <= entry.items()
            refused = await clock.delete("/schedule/command-line")
            assert (refused.status_code, refused.json()["code"]) == (409, "FIXED_ENTRY")

    async with running(build_app(nowhere(tmp_path))) as clock:
        assert (await clock.get("/schedule")).json()["entries"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["body"]),
        ({"every": "5m", "once": True}, ["body"]),
        ({"every": "soon"}, ["every"]),
        ({"cron": "* * * * 7"}, ["cron"]),
        ({"every": "5m", "parameters": {"game": "Game-1"}}, ["body"]),
        ({"every": "5m", "colour": "red", "id": "a b"}, ["colour", "id"]),
        (
            {"once": True, "parameters": {"roundLimit": -1, "feePerHop": "x"}},
            ["parameters.feePerHop", "parameters.roundLimit"],
        ),
        ([], ["body"]),
    ],
)
async def test_a_bad_entry_is_refused_field_by_field(tmp_path: Path, body: object, fields: list[str]) -> None:
    async with running(build_app(nowhere(tmp_path))) as clock:
        answer = await clock.post("/schedule", json=body)

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
async def test_a_body_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, status: int, code: str) -> None:
    async with running(build_app(nowhere(tmp_path))) as clock:
        answer = await clock.post("/schedule", content=content, headers={"Content-Type": "application/json"})

        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_clock_without_a_key_says_so_and_works_once_it_has_one(
    tmp_path: Path, queue_url: str, operator: Identity
) -> None:
    async with running(build_app(ClockSettings(home=tmp_path, queue_url=queue_url))) as clock:
        await says(clock, "KEY_FILE_MISSING")
        store_key(operator.key, key_file(tmp_path / "keys", "operator"))
        await says(clock, '"ready"')


async def test_a_clock_waits_until_it_is_registered_as_an_operator(
    tmp_path: Path, queue_url: str, operator: Identity
) -> None:
    late = Identity("late", create_key(key_file(tmp_path / "keys", "late")))
    async with (
        running(build_app(ClockSettings(home=tmp_path, queue_url=queue_url, operator="late"))) as clock,
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
    tmp_path: Path, queue_url: str, operator: Identity, name: str, role: str, key: str, reason: str
) -> None:
    keys = {each: Identity(each, create_key(key_file(tmp_path / "keys", each))) for each in {name, key}}
    async with (
        running(build_app(ClockSettings(home=tmp_path, queue_url=queue_url, operator=name))) as clock,
        MarketClient(queue_url, operator) as market,
    ):
        await market.submit("registerProsumer", {"id": name, "publicKey": keys[key].public_key, "role": role})
        await says(clock, reason)


async def test_a_clock_that_is_asked_to_publish_on_another_ledger_says_so_and_does_nothing_more(
    home: Path, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(build_app(ClockSettings(home=home, queue_url=queue_url, ledger_id="another"))) as clock:
        answer = await clock.post("/schedule", json={"once": True})
        assert (answer.status_code, answer.json()["code"]) == (409, "LEDGER_DIFFERS")
        await says(clock, "another ledger")
        monkeypatch.setattr("market_clock.publisher.START_WAIT_S", 0.0)
        again = await clock.post("/schedule", json={"once": True})
        assert (again.status_code, again.json()["code"]) == (503, "NOT_READY")


async def test_a_clock_leaves_the_games_of_another_ledger_alone(home: Path, queue_url: str, operator: Identity) -> None:
    async with (
        MarketClient(queue_url, operator) as market,
        running(build_app(ClockSettings(home=home, queue_url=queue_url, ledger_id="another"))) as clock,
    ):
        game = (await market.submit("publishGame", {"registrationDurationMs": 1}))["game"]
        await says(clock, "another ledger")
        assert (await market.game(game)).phase == "registration"
        await market.submit("stopGameRegistration", {"game": game})


async def says(clock: httpx.AsyncClient, reason: str) -> None:
    """Wait until the clock says on /ready what it makes of its situation."""
    async with asyncio.timeout(PATIENCE_S):
        while reason not in (await clock.get("/ready")).text:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)


async def test_a_clock_whose_queue_is_out_of_reach_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.publisher.START_WAIT_S", 0.0)
    async with running(build_app(nowhere(tmp_path))) as clock:
        assert (await clock.get("/health")).status_code == 200
        assert (await clock.get("/ready")).status_code == 503
        answer = await clock.post("/schedule", json={"once": True})
        assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
        assert answer.headers["retry-after"] == "1"


def test_no_request_that_fits_or_does_not_fit_the_openapi_document_breaks_the_clock(home: Path, queue_url: str) -> None:
    with serving(build_app(ClockSettings(home=home, queue_url=queue_url))) as url:
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
