"""How much of a service a stranger may take, and who has to go when it is full."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from http_service.problems import Problem

_STILL_S = 1.0
"""So long nothing more has come of a body that is put out for others."""
_COME_AGAIN = {"Retry-After": "1", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What an application and its connections hold their clients to."""

    requests: int = 300
    """Requests and long polls at once."""
    streams: int = 950
    """Event streams at once."""
    spare_connections: int = 200
    """Connections beyond these: idle ones, those that still send their request, and monitoring's."""
    head_bytes: int = 65_536
    """Of a request's line and headers, or of the trailers after its body."""
    headers: int = 100
    """Headers and trailers of one request."""
    stream_head_bytes: int = 8192
    """Of the request of a stream, which keeps its headers as long as it lasts."""
    pipelined: int = 16
    """Requests of one connection that wait for the answer to an earlier one."""
    large_head_bytes: int = 1_000_000
    """Of all heads together that are larger than a stream's may be, until their requests are answered."""
    unfinished_bytes: int = 8_000_000
    """Of all requests together that are not yet whole, as far as no application has read them."""
    body_bytes: int = 8_000_000
    """Of all bodies together, until their requests are answered; more is not read until there is room."""
    small_body_bytes: int = 16_384
    """A body up to this size is taken however many bytes the others hold."""
    unread_bytes: int = 4_000_000
    """Of all answers together that their clients are slow to read."""
    headers_s: float = 10.0
    """From a request's first byte, or a connection's beginning, to the end of its headers."""
    body_s: float = 30.0
    """From the end of the headers to the end of the body."""
    stalled_s: float = 60.0
    """How long a client may take nothing of what it is sent."""

    @property
    def connections(self) -> int:
        """Connections at once."""
        return self.requests + self.streams + self.spare_connections


class Occupancy:
    """Who is in: the connections, requests and streams of a service.

    A full budget is no reason to refuse a newcomer as long as somebody holds a place without using it. All clients may
    have the same address, so what they do decides: first goes the oldest connection that never had a request whole,
    then the one that has been idle for longest; of the streams, one whose client does not read.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._body_bytes = 0
        self._large_bodies: dict[Place, None] = {}
        self._has_room = asyncio.Event()
        self._connections: dict[asyncio.Transport, Callable[[], None]] = {}
        self._strangers: dict[asyncio.Transport, None] = {}
        self._resting: dict[asyncio.Transport, None] = {}
        self._unfinished: dict[asyncio.Transport, int] = {}
        self._unfinished_bytes = 0
        self._large_heads: dict[asyncio.Transport, int] = {}
        self._unread: dict[asyncio.Transport, tuple[float, int]] = {}
        self._requests: dict[Place, None] = {}
        self._streams: dict[Place, None] = {}

    # What a connection tells.

    def enter(self, connection: asyncio.Transport, put_out: Callable[[], None]) -> None:
        """Let a new connection in; if that is one too many, another one goes, or it itself if all others are busy."""
        self._connections[connection] = put_out
        self._strangers[connection] = None
        if len(self._connections) > self.limits.connections:
            oldest = next(iter(self._strangers))
            self._put_out(next(iter(self._resting), oldest) if oldest is connection else oldest)

    def sends(self, connection: asyncio.Transport, nr_bytes: int) -> None:
        """Count what came of a request that is not yet whole."""
        self._unfinished[connection] = self._unfinished.get(connection, 0) + nr_bytes
        self._unfinished_bytes += nr_bytes
        while self._unfinished_bytes > self.limits.unfinished_bytes:
            stranger = next((each for each in self._unfinished if each in self._strangers), None)
            self._put_out(stranger or next(iter(self._unfinished)))

    def takes_head(self, connection: asyncio.Transport, nr_bytes: int) -> bool:
        """Count the headers of a request if they are large; tell whether there is room for them."""
        if nr_bytes > self.limits.stream_head_bytes:
            if sum(self._large_heads.values()) + nr_bytes > self.limits.large_head_bytes:
                return False
            self._large_heads[connection] = nr_bytes
        return True

    def has_asked(self, connection: asyncio.Transport) -> None:
        """Note that a request is whole."""
        self._strangers.pop(connection, None)
        self._resting.pop(connection, None)
        self._unfinished_bytes -= self._unfinished.pop(connection, 0)

    def rests(self, connection: asyncio.Transport) -> None:
        """Note that every request of a connection is answered."""
        self._large_heads.pop(connection, None)
        if connection in self._connections:
            self._resting[connection] = None

    def stalls(self, connection: asyncio.Transport) -> None:
        """Note that a client does not take what it is sent; who did so for longest goes if too much waits in all."""
        self._unread[connection] = (time.monotonic(), connection.get_write_buffer_size())
        unread_bytes = sum(size for _, size in self._unread.values())
        for other, (since, size) in list(self._unread.items()):
            if unread_bytes <= self.limits.unread_bytes or since > time.monotonic() - 1:
                return
            self._put_out(other)
            unread_bytes -= size

    def reads(self, connection: asyncio.Transport) -> None:
        """Note that a client takes what it is sent."""
        self._unread.pop(connection, None)

    def leave(self, connection: asyncio.Transport) -> None:
        """Forget a connection."""
        self._connections.pop(connection, None)
        self.has_asked(connection)
        self.reads(connection)
        self._large_heads.pop(connection, None)

    # What a request does.

    def begin(self, connection: asyncio.Transport | None) -> "Place":
        """Give a request a place.

        Raises
        ------
        Problem
            503 ``TOO_BUSY`` if there is none left.
        """
        if len(self._requests) >= self.limits.requests:
            slow = next((place for place in self._requests if place.connection in self._unfinished), None)
            if slow is None or slow.connection is None:
                raise too_busy("requests")
            del self._requests[slow]
            self._put_out(slow.connection)
        place = Place(connection)
        self._requests[place] = None
        return place

    def begin_stream(self, place: "Place") -> None:
        """Make a request a stream, which has no end; raises Problem, 503 ``TOO_BUSY``."""
        if len(self._streams) >= self.limits.streams:
            deaf = next((each for each in self._streams if each.connection in self._unread), None)
            if deaf is None or deaf.connection is None:
                raise too_busy("streams")
            del self._streams[deaf]
            self._put_out(deaf.connection)
        del self._requests[place]
        self._streams[place] = None

    def takes(self, connection: asyncio.Transport | None, nr_bytes: int) -> None:
        """Note that an application has read some of a body that is not yet whole."""
        if connection is not None and connection in self._unfinished:
            fewer = min(nr_bytes, self._unfinished[connection])
            self._unfinished[connection] -= fewer
            self._unfinished_bytes -= fewer

    def holds(self, place: "Place", nr_bytes: int) -> None:
        """Note that an application keeps some of a body until its request is answered."""
        place.body_bytes += nr_bytes
        place.fed_at = time.monotonic()
        self._body_bytes += nr_bytes
        if place.body_bytes > self.limits.small_body_bytes:
            self._large_bodies[place] = None

    async def room(self, place: "Place") -> None:
        """Wait until there is room for more of a body: at once for a small one, and for the oldest of the large ones.

        Who holds room for a body of which nothing more comes is put out.
        """
        while (
            place.body_bytes >= self.limits.small_body_bytes
            and self._body_bytes >= self.limits.body_bytes
            and next(iter(self._large_bodies), place) is not place
        ):
            for other in [each for each in self._large_bodies if each.fed_at < time.monotonic() - _STILL_S]:
                if other.connection in self._unfinished and other is not place:
                    self._put_out(other.connection)
                    self.end(other)
            place.fed_at = math.inf  # it is us who do not read it
            self._has_room.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STILL_S):
                    await self._has_room.wait()
            place.fed_at = time.monotonic()

    def end(self, place: "Place") -> None:
        """Give a place back."""
        self._body_bytes -= place.body_bytes
        place.body_bytes = 0
        self._large_bodies.pop(place, None)
        self._has_room.set()
        self._requests.pop(place, None)
        self._streams.pop(place, None)

    def _put_out(self, connection: asyncio.Transport) -> None:
        put_out = self._connections[connection]
        self.leave(connection)
        put_out()


@dataclass(eq=False, slots=True)
class Place:
    """What one request takes of a service.

    Attributes
    ----------
    connection
        None where there is none, in tests.
    """

    connection: asyncio.Transport | None
    body_bytes: int = 0
    fed_at: float = 0.0


def too_busy(what: str) -> Problem:
    """Return the problem of one too many of something."""
    detail = f"This service has as many {what} open as it takes; try again, and close what is not needed."
    return Problem(503, "TOO_BUSY", detail, headers=_COME_AGAIN)
