"""Bodies that are too large, too slow, or never end, over a real socket."""

import json
from typing import Any

import httpx
import pytest

from tests.http_service.program import connection, lines_until, running, served, url_of

BOTH_WAYS_TO_READ = pytest.mark.parametrize("path", ["/offers", "/raw"])


def beginning(path: str, length: int, more: str = "") -> bytes:
    """Begin a request with two bytes of its body."""
    lines = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {length}")
    return "\r\n".join((*lines, more, "{")).encode()


async def answer_to(url: str, sent: bytes) -> tuple[list[str], dict[str, Any], bytes]:
    """Return the lines of the headers, the document, and what comes after it until the connection ends."""
    async with connection(url, sent) as (reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
        (length,) = (line.partition(": ")[2] for line in head if line.startswith("content-length"))
        document = json.loads(await reader.readexactly(int(length)))
        writer.write_eof()
        return head, document, await reader.read()


@BOTH_WAYS_TO_READ
async def test_a_body_that_does_not_come_in_time_is_answered_and_the_connection_closed(path: str) -> None:
    async with served("--body-seconds", "0.05") as url:
        head, document, rest = await answer_to(url, beginning(path, 2))
    assert head[0].startswith("http/1.1 408")
    assert "connection: close" in head
    assert document["code"] == "REQUEST_TIMEOUT"
    assert rest == b""


@BOTH_WAYS_TO_READ
@pytest.mark.parametrize("more", ["", "Expect: 100-continue\r\n"])
async def test_an_announced_length_over_the_limit_is_answered_without_the_body(path: str, more: str) -> None:
    async with served("--body-seconds", "1000") as url:
        head, document, rest = await answer_to(url, beginning(path, 99_999_999_999, more))
    assert head[0].startswith("http/1.1 413")
    assert "connection: close" in head
    assert document["code"] == "BODY_TOO_LARGE"
    assert rest == b""


@BOTH_WAYS_TO_READ
async def test_a_client_that_hangs_up_in_mid_body_is_no_defect(path: str) -> None:
    async with running() as process:
        url = await url_of(process)
        async with connection(url, beginning(path, 900)) as (_, writer):
            await writer.drain()
        log = await lines_until(process, "request")
        async with httpx.AsyncClient(base_url=url) as client:
            metrics = (await client.get("/metrics")).text
    assert [(line["event"], line["status"]) for line in log] == [("request", 0)]
    assert f'http_requests_total{{method="POST",route="{path}",status="0"}} 1.0' in metrics


async def test_a_stream_does_not_wait_for_the_body_of_its_request() -> None:
    get = b"GET /endless HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{"
    async with served("--body-seconds", "0.05") as url, connection(url, get) as (reader, _):
        await reader.readuntil(b"beat")
        async with connection(url, beginning("/raw", 2)) as (slow, _):
            assert (await slow.read()).startswith(b"HTTP/1.1 408")
        for _ in range(10):
            await reader.readuntil(b"beat")
