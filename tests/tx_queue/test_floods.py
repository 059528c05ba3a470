"""No flood takes a queue's memory, or its service from others: kind by kind and all together, on real processes."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import httpx_sse
import psutil
import pytest

from tests.http_service.memory import ROOM_BYTES, largest_size
from tests.tx_queue.process import Process, Starter

PATIENCE_S = 240.0
"""So long an answer may take beside floods on a machine that has other work."""
ONE_KB = b"X: " + b"x" * 1019 + b"\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
STREAM = b"GET /events?from=now HTTP/1.1\r\nHost: localhost\r\n"
HANDSHAKE = STREAM + (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
EMPTY_FRAMES = b"\x00\x80\0\0\0\0" * 10_000
PINGS = (b"\x89\xfd\0\0\0\0" + b"x" * 125) * 500
BODY = b"POST /queue HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3900000\r\n\r\n"


@dataclass(frozen=True)
class Flood:
    """Clients that say something, then the same again and again, and never read."""

    clients: int
    first: bytes = b""
    then: bytes = b""
    times: int = 0

    async def client(self, port: int, sockets: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        connection = socket.socket()
        sockets.append(connection)
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(OSError):  # it was put out
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, self.first)
            for _ in range(self.times):
                await loop.sock_sendall(connection, self.then)


FLOODS = {
    "headers": Flood(30, GET, ONE_KB, 2000),
    "halves of heads": Flood(1000, GET + ONE_KB * 60),
    "trailers": Flood(30, CHUNKED, ONE_KB, 2000),
    "silence": Flood(1100),
    "streams": Flood(900, STREAM + b"\r\n"),
    "streams with large heads": Flood(900, STREAM + ONE_KB * 60 + b"\r\n"),
    "empty frames": Flood(100, HANDSHAKE + b"\x02\x80\0\0\0\0", EMPTY_FRAMES, 10),
    "pings": Flood(100, HANDSHAKE, PINGS, 10),
    "halves of bodies": Flood(50, BODY, b" " * 100_000, 38),
    "pipelines": Flood(50, b"", (GET + b"\r\n") * 1000, 100),
    "unread answers": Flood(300, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"),
}
TOGETHER = list(FLOODS)
# 900 take 43 MB, and with all others 70: that is known, and stands in decision 80.
FLOODS["WebSockets"] = Flood(900, HANDSHAKE)


@asynccontextmanager
async def flooding(port: int, floods: list[Flood]) -> AsyncIterator[None]:
    sockets: list[socket.socket] = []
    clients = [asyncio.create_task(flood.client(port, sockets)) for flood in floods for _ in range(flood.clients)]
    try:
        await asyncio.wait(clients, timeout=10)
        yield
    finally:
        for client in clients:
            client.cancel()
        await asyncio.wait(clients)
        for connection in sockets:
            connection.close()


async def serve_somebody_else(queue: Process, operator: Any, game: str) -> None:
    """Take a command, decide it, show it, and tell a newcomer's stream of it."""
    async with httpx_sse.aconnect_sse(queue.http, "GET", "/events", params={"from": "now"}) as source:
        command = operator.publish_game(game)
        assert (await queue.post(command)).status_code == 202
        assert await queue.status(command) == "committed"
        assert (await queue.http.get(f"/games/{game}")).status_code == 200
        async for event in source.aiter_sse():
            if f'"{game}"' in event.data:
                return


@pytest.fixture
def many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 10_000:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (10_000 if hard == resource.RLIM_INFINITY else min(10_000, hard), hard)
        )


@pytest.mark.acceptance
@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("kinds", [*([kind] for kind in FLOODS), TOGETHER], ids=[*FLOODS, "together"])
async def test_a_flood_takes_neither_memory_nor_service(
    queue_process: Starter, operator: Any, kinds: list[str]
) -> None:
    async with queue_process.running() as queue:
        queue.http.timeout = PATIENCE_S
        topology = operator.command("setTopology", edges=[["a", "b"]])
        await queue.post(topology)
        assert await queue.status(topology) == "committed"
        await serve_somebody_else(queue, operator, "before")
        process = psutil.Process(queue.process.pid)
        idle_bytes = process.memory_info().rss
        watching = asyncio.create_task(largest_size(process))
        async with flooding(queue.http.base_url.port or 0, [FLOODS[kind] for kind in kinds]):
            await serve_somebody_else(queue, operator, "during")
        watching.cancel()
        assert await watching - idle_bytes < ROOM_BYTES
        await serve_somebody_else(queue, operator, "after")


@pytest.mark.acceptance
async def test_large_bodies_of_many_clients_at_once_are_all_taken(queue_process: Starter) -> None:
    command = {"id": "x", "topic": "bid", "payload": {"data": {"filling": "x" * 1000}}, "signature": ""}
    async with queue_process.running() as queue:

        async def client(nr_commands: int) -> list[int]:
            async with httpx.AsyncClient(base_url=queue.http.base_url, timeout=60) as http:
                return [(await http.post("/queue", json=[command] * nr_commands)).status_code for _ in range(5)]

        answers = await asyncio.gather(*(client(size) for size in [1000] * 16 + [400] * 16))
    assert {status for each in answers for status in each} == {207}
