"""No client can take what others need: memory, connections, time."""

import json
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.http_service.program import connection, served

HANDSHAKE = (
    b"GET /quiet HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\n\r\n"
)
NO_MASK = b"\0\0\0\0"


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(b"\x82\xff" + (16_000_000).to_bytes(8, "big") + NO_MASK, id="announced"),
        pytest.param(b"\x02\xfe\x02\x58" + NO_MASK + b"x" * 600 + b"\x80\xfe\x02\x58" + NO_MASK, id="in pieces"),
    ],
)
async def test_a_websocket_message_over_the_limit_ends_the_connection_at_its_announcement(frames: bytes) -> None:
    async with served() as url, connection(url, HANDSHAKE) as (reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(frames)
        end = await reader.read()
    assert int.from_bytes(end[2:4], "big") == 1009


async def test_one_request_too_many_is_told_to_come_again_and_monitoring_is_not() -> None:
    async with (
        served("--max-open-requests", "1") as url,
        httpx.AsyncClient(base_url=url) as client,
        connect(f"{url}/quiet".replace("http:", "ws:")),
    ):
        answer = await client.get("/exact")
        assert (answer.status_code, answer.json()["code"]) == (503, "TOO_BUSY")
        assert answer.headers["retry-after"] == "1"
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"{url}/quiet".replace("http:", "ws:"))
        assert json.loads(refusal.value.response.body or b"")["code"] == "TOO_BUSY"
        for path in ("/health", "/ready", "/metrics"):
            assert (await client.get(path)).status_code == 200


async def test_connections_beyond_the_limit_are_closed() -> None:
    async with served("--max-open-requests", "1", "--headers-seconds", "100") as url, AsyncExitStack() as silent:
        for _ in range(201):
            await silent.enter_async_context(connection(url))
        async with connection(url) as (reader, _):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        await silent.aclose()
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/health")).status_code == 200


HALF_HEADERS = b"GET /health HTTP/1.1\r\nHost:"


@pytest.mark.parametrize("sent", [b"", b"\r\n", HALF_HEADERS])
async def test_a_connection_without_a_whole_request_in_time_is_closed(sent: bytes) -> None:
    async with served("--headers-seconds", "0.05") as url, connection(url, sent) as (reader, _):
        assert await reader.read() == b""


@pytest.mark.parametrize("sent", [b"\r\n", HALF_HEADERS])
async def test_the_next_request_of_a_connection_has_to_be_whole_in_time_as_well(sent: bytes) -> None:
    whole = b"GET /wait?seconds=7 HTTP/1.1\r\nHost: x\r\n\r\n"
    async with served("--headers-seconds", "0.5") as url, connection(url, whole) as (reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n7")).startswith(b"HTTP/1.1 200")
        writer.write(sent)
        assert await reader.read() == b""


async def test_streams_outlive_the_time_for_headers() -> None:
    async with served("--headers-seconds", "0.05") as url, connect(f"{url}/quiet".replace("http:", "ws:")) as stream:
        async with connection(url) as (silent_one, _):
            assert await silent_one.read() == b""
        await (await stream.ping())
