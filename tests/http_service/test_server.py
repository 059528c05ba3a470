"""A service as a program: says where it listens, stops when told, loses no request."""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from http_service.request_log import MOST_ALIKE, Seldom
from tests.http_service.program import lines_until, rest_of_log, running, url_of


async def test_the_announcement_says_where_the_service_listens_and_goes_with_it(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "announcement"
    async with running("--port", "0", "--announce", str(file)) as process:
        await lines_until(process, "listening")
        announced = json.loads(file.read_text())
        assert announced["pid"] == process.pid
        async with httpx.AsyncClient(base_url=announced["url"]) as client:
            assert (await client.get("/health")).status_code == 200
        process.terminate()
        assert await process.wait() == 0
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopped_service_lets_open_requests_and_streams_end_and_ends_with_0(number: signal.Signals) -> None:
    async with running() as process, AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=await url_of(process)))
        open_request = asyncio.create_task(client.get("/stopping"))
        slow = await stack.enter_async_context(_half_a_request(str(client.base_url)))
        await client.get("/health")
        process.send_signal(number)
        answer = await open_request
        assert (answer.status_code, answer.json()) == (200, "the stream ended")
        slow.write(b"}")
        assert await process.wait() == 0


@asynccontextmanager
async def _half_a_request(url: str) -> AsyncIterator[asyncio.StreamWriter]:
    _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
    writer.write(
        b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
    )
    await writer.drain()
    yield writer
    writer.close()


async def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running("--port", str(port)) as process:
            log = await rest_of_log(process)
            assert await process.wait() == 1
    assert [(line["level"], line["port"]) for line in log] == [("error", port)]


@pytest.mark.parametrize("size", [1_001, 10_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_real_body_over_the_limit_is_refused_with_an_answer(size: int, chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b" " * size

    async with running() as process, httpx.AsyncClient(base_url=await url_of(process)) as client:
        content = chunks() if chunked else b" " * size
        answer = await client.post("/offers", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert (await client.get("/health")).status_code == 200


async def test_the_log_is_json_with_the_service_and_the_requests_id_and_no_colour_codes() -> None:
    async with running() as process, httpx.AsyncClient(base_url=await url_of(process)) as client:
        await client.get("/defect", headers={"X-Request-Id": "abc"})
        process.terminate()
        log = await rest_of_log(process)
    request = [line for line in log if line.get("request_id") == "abc"]
    assert [line["event"] for line in request] == ["unexpected error", "request"]
    assert "ZeroDivisionError: nobody foresaw this" in request[0]["exception"]
    assert {line["service"] for line in log} == {"small"}
    assert not any("color_message" in line for line in log)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/socket", 422, "INVALID_CURSOR"),
        ("/socket?freind=yes", 422, "INVALID_PARAMETER"),
        ("/exact", 404, "NOT_FOUND"),
        ("/x", 404, "NOT_FOUND"),
    ],
)
async def test_a_problem_refuses_the_handshake_of_a_websocket_with_its_document(
    path: str, status: int, code: str
) -> None:
    async with running() as process:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"{await url_of(process)}{path}".replace("http:", "ws:"))
        process.terminate()
        log = await rest_of_log(process)
    assert refusal.value.response.status_code == status
    assert json.loads(refusal.value.response.body or b"")["code"] == code
    assert {line["level"] for line in log} == {"info"}


async def test_a_problem_closes_an_open_websocket_with_its_code() -> None:
    async with (
        running() as process,
        connect(f"{await url_of(process)}/socket?friend=yes".replace("http:", "ws:")) as websocket,
    ):
        with pytest.raises(ConnectionClosed) as end:
            await websocket.recv()
    assert end.value.rcvd is not None
    assert (end.value.rcvd.code, end.value.rcvd.reason) == (1008, "INVALID_CURSOR")


async def test_who_speaks_no_http_does_not_fill_the_log() -> None:
    async with running() as process:
        port = httpx.URL(await url_of(process)).port
        for _ in range(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16\x03\x01 no HTTP\r\n\r\n")
            await reader.read()
            writer.close()
        process.terminate()
        log = await rest_of_log(process)
    assert [line["event"] for line in log].count("Invalid HTTP request received.") == MOST_ALIKE


def test_the_next_minute_says_how_much_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now, seldom = 0.0, Seldom()
    monkeypatch.setattr("http_service.request_log.time.monotonic", lambda: now)

    def logged(level: int = logging.WARNING) -> list[str]:
        records = [logging.LogRecord("uvicorn.error", level, "", 0, "what?", None, None) for _ in range(12)]
        return [record.getMessage() for record in records if seldom.filter(record)]

    assert logged() == ["what?"] * MOST_ALIKE
    assert logged() == []
    assert len(logged(logging.ERROR)) == 12
    now = 60.0
    assert logged() == ["what? (14 more like it were not logged)", *["what?"] * (MOST_ALIKE - 1)]
