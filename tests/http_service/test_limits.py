"""No client can take what others need: memory, connections, time."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack, suppress
from functools import partial

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from http_service.admission import Limits, Occupancy, Place
from http_service.problems import Problem
from tests.http_service.program import connection, lines_until, running, served, url_of

HANDSHAKE = (
    b"GET /quiet HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
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


async def test_no_websocket_is_compressed_for_that_takes_most_of_its_memory() -> None:
    async with served() as url, connect(f"{url}/quiet".replace("http:", "ws:"), compression="deflate") as websocket:
        assert websocket.request is not None
        assert "permessage-deflate" in websocket.request.headers["Sec-WebSocket-Extensions"]
        assert websocket.response is not None
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers


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


async def test_one_stream_too_many_is_told_to_come_again_and_requests_are_not() -> None:
    stream = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with served("--max-streams", "1") as url, connection(url, stream) as (reader, _):
        await reader.readuntil(b"beat")
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.get("/endless")
            assert (answer.status_code, answer.json()["code"]) == (503, "TOO_BUSY")
            assert int(answer.headers["Retry-After"]) > 0
            assert (await client.get("/exact")).status_code == 200
        await reader.readuntil(b"beat")


def deaf_client(url: str) -> socket.socket:
    """Connect with a kernel that keeps little of what is not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", httpx.URL(url).port))
    return client


async def test_a_stream_whose_client_does_not_read_makes_room_for_one_whose_client_does() -> None:
    stream = b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with served("--max-streams", "1") as url, AsyncExitStack() as others:
        deaf = others.enter_context(deaf_client(url))
        deaf.sendall(stream)
        first_line = b""
        while not first_line.startswith(b"HTTP/1.1 200"):
            async with connection(url, stream) as (reader, _):
                first_line = await reader.readline()


async def test_a_request_whose_answer_is_not_read_makes_room_for_another() -> None:
    large = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with served("--max-open-requests", "1") as url, AsyncExitStack() as others:
        deaf = others.enter_context(deaf_client(url))
        deaf.sendall(large)
        deaf.recv(1)
        async with httpx.AsyncClient(base_url=url) as client:
            async with asyncio.timeout(60):
                while (await client.get("/exact")).status_code == 503:
                    pass


async def test_of_requests_goes_the_one_whose_answer_is_not_read_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("http_service.admission.time.monotonic", lambda: now)
    occupancy = Occupancy(Limits(requests=3))
    put_out: list[asyncio.Transport] = []
    first, second, third = _Connection(), _Connection(), _Connection()
    for each in (first, second, third):
        occupancy.enter(each, partial(put_out.append, each))
        occupancy.begin(each)
    for each in (second, first):
        occupancy.stalls(each)
        now += 0.4
    with pytest.raises(Problem):
        occupancy.begin(None)
    now += 0.4
    occupancy.begin(None)
    assert put_out == [second]
    with pytest.raises(Problem):
        occupancy.begin(None)


class _House:
    """Streams that begin one after the other, and whom that put out."""

    def __init__(self, streams: int) -> None:
        self.occupancy = Occupancy(Limits(streams=streams))
        self.put_out: list[asyncio.Transport] = []

    def begin(self) -> asyncio.Transport:
        """Let a newcomer begin a stream; one that is refused leaves."""
        newcomer = _Connection()
        self.occupancy.enter(newcomer, partial(self.put_out.append, newcomer))
        place = self.occupancy.begin(newcomer)
        try:
            self.occupancy.begin_stream(place)
        except Problem:
            self.occupancy.end(place)
            self.occupancy.leave(newcomer)
            raise
        return newcomer


async def test_the_oldest_stream_makes_room_for_a_newcomer_once_it_has_lasted_for_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("http_service.admission.time.monotonic", lambda: now)
    house = _House(streams=2)
    first, second = house.begin(), house.begin()
    now += 59
    with pytest.raises(Problem, match="as many streams"):
        house.begin()
    now += 1
    third = house.begin()
    assert house.put_out == [first]
    now += 5
    house.begin()
    assert house.put_out == [first, second]
    now += 5
    with pytest.raises(Problem, match="as many streams"):
        house.begin()  # nobody is put out twice within a minute, however many come
    house.occupancy.stalls(third)
    house.begin()
    assert house.put_out == [first, second, third]


async def test_a_flood_of_newcomers_takes_few_places_of_streams_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("http_service.admission.time.monotonic", lambda: now)
    house = _House(streams=300)
    readers = [house.begin() for _ in range(300)]
    refusals: list[Problem] = []
    now += 60
    for _ in range(6000):  # a minute of one every 10 ms
        try:
            house.begin()
        except Problem as refusal:
            refusals.append(refusal)
        now += 0.01
    assert house.put_out == readers[:12]
    assert len(refusals) == 6000 - 12
    assert {(refusal.code, refusal.headers["Retry-After"]) for refusal in refusals} == {("TOO_BUSY", "1")}


async def test_a_stream_whose_client_is_gone_makes_room_before_anybody_is_put_out() -> None:
    house = _House(streams=2)
    first, second = house.begin(), house.begin()
    house.occupancy.stalls(first)
    house.occupancy.leave(second)  # what it ran winds down, and has not given its place back yet
    house.begin()
    assert house.put_out == []
    house.begin()
    assert house.put_out == [first]


class _Connection(asyncio.Transport):
    def get_write_buffer_size(self) -> int:
        return 20_000


async def test_a_client_that_takes_nothing_is_dropped() -> None:
    async with running("--stalled-seconds", "0.05") as process:
        url = await url_of(process)
        async with connection(url, b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            await lines_until(process, "a client took nothing of what it was sent; dropped")
            await lines_until(process, "request")


async def test_a_newcomer_takes_the_place_of_the_oldest_connection_that_never_asked_anything() -> None:
    flags = ("--max-open-requests", "1", "--max-streams", "1", "--headers-seconds", "100")
    stream = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with served(*flags) as url, connection(url, stream) as (streaming, _), AsyncExitStack() as silent:
        await streaming.readuntil(b"beat")
        readers = [(await silent.enter_async_context(connection(url)))[0] for _ in range(201)]
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/exact")).status_code == 200
        with suppress(ConnectionResetError):
            assert await readers[0].read() == b""
        assert not readers[-1].at_eof()
        await streaming.readuntil(b"beat")


def request(*lines: str) -> bytes:
    return "\r\n".join(("GET /exact HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request(*(f"X-{n}: 1" for n in range(99))), 200, id="100 headers"),
        pytest.param(request(*(f"X-{n}: 1" for n in range(100))), 431, id="101 headers"),
        pytest.param(request("X: " + "x" * 65_000), 200, id="a large header"),
        pytest.param(request("X: " + "x" * 65_536), 431, id="too large a header"),
        pytest.param(b"GET /" + b"x" * 65_536, 431, id="an endless address"),
        pytest.param(request()[:-2] + b"X: " + b"x" * 65_536, 431, id="an endless header"),
        pytest.param(b"EHLO localhost\r\n\r\n", 400, id="another protocol"),
    ],
)
async def test_a_requests_head_has_64_kb_and_100_headers_at_most(sent: bytes, status: int) -> None:
    async with served() as url, connection(url, sent) as (reader, _):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status)
        if status != 200:
            code = "HEADERS_TOO_LARGE" if status == 431 else "MALFORMED_HTTP"
            assert json.loads(await reader.read())["code"] == code


CHUNKED = b"GET /exact HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param((b"0\r\n", b"X: 1\r\n" * 1000), id="trailers"),
        pytest.param((b"0\r\nX:", b"x" * 10_000), id="a trailer"),
        pytest.param((b"1;", b"x" * 10_000), id="an extension of a chunk"),
        pytest.param((b"0\r\n\r\n", request() * 100), id="requests before an answer"),
    ],
)
async def test_what_follows_a_body_without_end_ends_the_connection(piece: tuple[bytes, bytes]) -> None:
    first, then = piece
    async with served() as url, connection(url, CHUNKED + first) as (reader, writer):
        writer.write(then * 100)
        with suppress(ConnectionResetError):
            await reader.read()


async def test_http_1_0_gets_no_chunks() -> None:
    async with served() as url, connection(url, b"GET /endless HTTP/1.0\r\nHost: localhost\r\n\r\n") as (reader, _):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert await reader.readexactly(8) == b"beatbeat"
    async with served() as url, connection(url, b"GET /exact HTTP/1.0\r\nHost: localhost\r\n\r\n") as (reader, _):
        assert (await reader.read()).endswith(b'\r\n\r\n{"amount":0.12345678901234567890}')


HALF_HEADERS = b"GET /health HTTP/1.1\r\nHost:"


@pytest.mark.parametrize("sent", [b"", b"\r\n", HALF_HEADERS])
async def test_a_connection_without_a_whole_request_in_time_is_closed(sent: bytes) -> None:
    async with served("--headers-seconds", "0.05") as url, connection(url, sent) as (reader, _):
        assert await reader.read() == b""


@pytest.mark.parametrize("sent", [b"\r\n", HALF_HEADERS])
async def test_the_next_request_of_a_connection_has_to_be_whole_in_time_as_well(sent: bytes) -> None:
    whole = b"GET /wait?seconds=7 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with served("--headers-seconds", "0.5") as url, connection(url, whole) as (reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n7")).startswith(b"HTTP/1.1 200")
        writer.write(sent)
        assert await reader.read() == b""


async def test_streams_outlive_the_time_for_headers() -> None:
    async with served("--headers-seconds", "0.05") as url, connect(f"{url}/quiet".replace("http:", "ws:")) as stream:
        async with connection(url) as (silent_one, _):
            assert await silent_one.read() == b""
        await (await stream.ping())


async def test_what_came_and_nobody_has_read_counts_against_the_room_of_large_bodies() -> None:
    occupancy = Occupancy(Limits(body_bytes=200_000, small_body_bytes=10))
    oldest, later, small, stranger = Place(None), Place(None), Place(None), asyncio.Transport()
    occupancy.holds(oldest, 60_000)
    occupancy.holds(later, 10_000)
    occupancy.holds(small, 5)
    await occupancy.room(later)
    occupancy.holds(later, 0)
    occupancy.sends(stranger, 130_000)
    await occupancy.room(oldest)
    occupancy.holds(oldest, 0)
    await occupancy.room(small)
    waiting = asyncio.create_task(occupancy.room(later))
    await asyncio.sleep(0)
    assert not waiting.done()
    occupancy.leave(stranger)
    await waiting


async def test_room_that_one_body_was_given_is_not_given_to_others_as_well() -> None:
    occupancy = Occupancy(Limits(body_bytes=200_000, small_body_bytes=10))
    places = [Place(None) for _ in range(10)]
    for place in places:
        occupancy.holds(place, 20)
    reading = [asyncio.create_task(occupancy.room(place)) for place in places]
    await asyncio.sleep(0)
    assert [task.done() for task in reading] == [True] * 4 + [False] * 6
    for place in places[:4]:
        occupancy.end(place)
    await asyncio.wait(reading[4:8])
    assert not reading[8].done()
    for task in reading[8:]:
        task.cancel()
