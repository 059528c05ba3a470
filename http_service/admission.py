"""Who gets in, how much of a service a stranger may take, and who has to go when it is full.

Loopback is no authentication: any page in a browser on this machine can send requests to 127.0.0.1, and, by a name of
its own that leads there, read the answers.
"""

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_service.problems import Problem, refuse
from http_service.request_log import QUIET_ROUTES

CONNECTION = "http_service.connection"
"""Where the scope's state has the transport that a request came by."""
MAX_DISCARDED_BYTES = 100_000_000
_PLACE = "http_service.place"
_OF_A_SERVER = "type asgi http_version server client scheme root_path headers state method path raw_path query_string"
_KEPT = frozenset({*_OF_A_SERVER.split(), "app", "route"})
"""Of a scope, as long as a stream lasts: what is there before the application, and what the log names."""
_CLOSE = {"Connection": "close"}

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@,]+)(?::[0-9]{0,5})?", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  nobody's name
_READS_AND_POSTS = ("GET", "POST", "DELETE")
_ASKED = ("Content-Type", "Last-Event-ID", "X-Request-Id")
_TOLD = ("Link", "Location", "Retry-After", "X-Request-Id")
_STILL_S = 1.0
"""So long nothing more has come of a body that is put out for others."""
_DEAF_S = 1.0
"""Who took nothing of an answer for so long is put out for others."""
_TENURE_S = 60.0
"""A stream that has lasted so long may be closed for a newcomer: nothing tells who never reads from who has had nothing
to read. Its client resumes where it was, once it has a place again."""
_TURN_S = 5.0
"""So often one of these may be: whoever comes again and again could otherwise put out all who have a place."""
_PIECE_BYTES = 65_536
"""As much as a connection brings at once: kept free for a body that may be read on, until that has come."""
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
    unfinished_bytes: int = 4_000_000
    """Of all requests together that are not yet whole, as far as no application has read them."""
    body_bytes: int = 4_000_000
    """Of all bodies together, until their requests are answered, and of what came of requests that are not yet whole:
    more is not read until there is room."""
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
    then the one that has been idle for longest; of the requests, one that is not whole or whose answer nobody reads; of
    the streams, one whose client is gone or does not read, then now and then the oldest that has lasted for a while.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._body_bytes = 0
        self._awaited_bytes = 0
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
        self._streams: dict[Place, float] = {}
        self._next_turn_at = -math.inf

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
        self._has_room.set()

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
            if unread_bytes <= self.limits.unread_bytes or since > time.monotonic() - _DEAF_S:
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
            slow = self._slowest()
            if slow is None or slow.connection is None:
                raise too_busy("requests")
            del self._requests[slow]
            self._put_out(slow.connection)
        place = Place(connection)
        self._requests[place] = None
        return place

    def _slowest(self) -> "Place | None":
        """Find the oldest request that is not whole, or else the one whose answer is not read for longest."""
        slow = next((place for place in self._requests if place.connection in self._unfinished), None)
        if slow is not None:
            return slow
        stalled = {
            place: self._unread[place.connection][0]
            for place in self._requests
            if place.connection is not None and place.connection in self._unread
        }
        deaf = min(stalled, key=stalled.__getitem__, default=None)
        # Who reads a large answer has stalled for some milliseconds, too.
        return deaf if deaf is not None and stalled[deaf] <= time.monotonic() - _DEAF_S else None

    def begin_stream(self, place: "Place") -> None:
        """Make a request a stream, which has no end; raises Problem, 503 ``TOO_BUSY``."""
        if len(self._streams) >= self.limits.streams:
            leaving = self._dispensable()
            if leaving is None or leaving.connection is None:
                raise too_busy("streams")
            del self._streams[leaving]
            if leaving.connection in self._connections:
                self._put_out(leaving.connection)
        del self._requests[place]
        self._streams[place] = time.monotonic()

    def _dispensable(self) -> "Place | None":
        """Find a stream whose client is gone or does not read, or else, every few seconds, one that has lasted long."""
        is_here = {None, *self._connections}  # of an application that no server runs nothing is known
        gone = next((each for each in self._streams if each.connection not in is_here), None)
        deaf = next((each for each in self._streams if each.connection in self._unread), None)
        if gone is not None or deaf is not None:
            return gone or deaf
        oldest, began_at = next(iter(self._streams.items()))
        now = time.monotonic()
        if now < max(began_at + _TENURE_S, self._next_turn_at):
            return None
        self._next_turn_at = now + _TURN_S
        return oldest

    def takes(self, connection: asyncio.Transport | None, nr_bytes: int) -> None:
        """Note that an application has read some of a body that is not yet whole."""
        if connection is not None and connection in self._unfinished:
            fewer = min(nr_bytes, self._unfinished[connection])
            self._unfinished[connection] -= fewer
            self._unfinished_bytes -= fewer

    def holds(self, place: "Place", nr_bytes: int) -> None:
        """Note that an application keeps some of a body until its request is answered."""
        self._await(place, 0)
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
            and self._body_bytes + self._unfinished_bytes + self._awaited_bytes >= self.limits.body_bytes
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
        if place.body_bytes >= self.limits.small_body_bytes:
            self._await(place, _PIECE_BYTES)

    def _await(self, place: "Place", nr_bytes: int) -> None:
        self._awaited_bytes += nr_bytes - place.awaited_bytes
        place.awaited_bytes = nr_bytes

    def end(self, place: "Place") -> None:
        """Give a place back."""
        self._await(place, 0)
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
    rest
        What is left to do when the application is through with the request.
    """

    connection: asyncio.Transport | None
    body_bytes: int = 0
    awaited_bytes: int = 0
    fed_at: float = 0.0
    rest: Callable[[Receive, Send], Awaitable[None]] | None = None


def too_busy(what: str) -> Problem:
    """Return the problem of one too many of something."""
    detail = f"This service has as many {what} open as it takes; try again, and close what is not needed."
    return Problem(503, "TOO_BUSY", detail, headers=_COME_AGAIN)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What a service is called, and whose pages may use it.

    Attributes
    ----------
    hosts
        Names without ports, in small letters.
    origins
        Scheme, host and port, as a browser writes them: ``http://localhost:8083``.
    """

    hosts: frozenset[str] = _LOOPBACK
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, listens_on: str, hosts: str, origins: str) -> "KnownNames":
        """Add further hosts and origins, separated by commas, to the names of the machine for itself."""
        further = {_bare(name) for name in hosts.split(",") if name.strip()}
        pages = {origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()}
        return cls((_LOOPBACK | {_bare(listens_on)} | further) - _EVERYWHERE, frozenset(pages))


class RequestAdmission:
    """Middleware: a service answers only for its own names, no page of somebody else's, and within its limits.

    400 ``MALFORMED_HOST``, 421 ``UNKNOWN_HOST``, 403 ``FOREIGN_ORIGIN``; a page of a known origin may read the answers.
    One request too many is 503 ``TOO_BUSY``; monitoring always gets its answer. A body over the limit is 413
    ``BODY_TOO_LARGE``, one that does not come 408 ``REQUEST_TIMEOUT``, both while the body is read; who answers without
    reading it does not wait. The connection ends with such an answer.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        known: KnownNames = scope["app"].state.known_names
        headers = Headers(scope=scope)
        try:
            _check_host(headers, known)
            origin = _check_origin(headers, known)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        app: ASGIApp = self._within_limits
        if origin in known.origins:
            app = CORSMiddleware(app, [origin], _READS_AND_POSTS, _ASKED, expose_headers=_TOLD)
        await app(scope, receive, send)

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        occupancy: Occupancy = scope["app"].state.occupancy
        connection = scope.get("state", {}).get(CONNECTION)
        try:
            place = Place(connection) if scope["path"] in QUIET_ROUTES else occupancy.begin(connection)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        scope[_PLACE] = place
        try:
            if scope["type"] == "http":
                await self._with_body(_Body(receive, send, occupancy, place, self._max_body_bytes), scope)
            else:
                await self._app(scope, receive, send)
            if place.rest is not None:
                _forget_routing(scope)
                await place.rest(receive, send)
        finally:
            occupancy.end(place)

    async def _with_body(self, body: "_Body", scope: Scope) -> None:
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_body_bytes:
            await refuse(body.too_large(), scope, body.receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


def goes_on(scope: Scope, rest: Callable[[Receive, Send], Awaitable[None]]) -> None:
    """Let the rest of an answer go on when the application is through with its request.

    A stream that lasts would otherwise keep what routing and the application's layers had made to begin it: half of its
    memory. Receive and send are as they are outside of these layers; what they would do with an exception, they do not.
    """
    scope[_PLACE].rest = rest


def _forget_routing(scope: Scope) -> None:
    kept = {name: value for name, value in scope.items() if name in _KEPT}
    scope.clear()
    scope.update(kept)


async def counts_as_stream(connection: HTTPConnection) -> None:
    """Count a request among the streams, which last; a route that streams depends on it.

    Raises
    ------
    Problem
        503 ``TOO_BUSY`` if there are too many, 431 ``HEADERS_TOO_LARGE``.
    """
    occupancy: Occupancy = connection.app.state.occupancy
    most = occupancy.limits.stream_head_bytes
    if sum(len(name) + len(value) for name, value in connection.scope["headers"]) > most:
        raise Problem(431, "HEADERS_TOO_LARGE", f"The headers of a stream's request may have {most} bytes; send less.")
    occupancy.begin_stream(connection.scope[_PLACE])


def _check_host(headers: Headers, known: KnownNames) -> None:
    hosts = headers.getlist("host")
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        detail = "A request has one Host header with the name, and the port, that it was sent to."
        raise Problem(400, "MALFORMED_HOST", detail, headers={"Connection": "close"})
    name = _bare(found[1])
    if name not in known.hosts:
        detail = f"This service is not {name[:200]}. If it is to answer for that name, set ENERGY_MARKET_HOSTS."
        raise Problem(421, "UNKNOWN_HOST", detail)


def _check_origin(headers: Headers, known: KnownNames) -> str | None:
    """Return the page's origin, None where no page asks; the service's own pages, such as /docs, may."""
    origins = headers.getlist("origin")
    if not origins:
        return None
    own = {f"{scheme}://{headers['host']}".lower() for scheme in ("http", "https")}
    if len(origins) > 1 or (origins[0] not in known.origins and origins[0].lower() not in own):
        pages = ", ".join(origins)[:200]
        detail = f"Pages of {pages} may not use this service. If they are to, set ENERGY_MARKET_ORIGINS."
        raise Problem(403, "FOREIGN_ORIGIN", detail)
    return origins[0]


def _bare(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


class _Body:
    """The body of one request, watched while it comes in."""

    def __init__(self, receive: Receive, send: Send, occupancy: Occupancy, place: Place, max_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._occupancy = occupancy
        self._place = place
        self._max_bytes = max_bytes
        self._seconds = occupancy.limits.body_s
        self._due = asyncio.get_running_loop().time() + self._seconds
        self._received = 0
        self._is_complete = False
        self._is_too_large = False
        self._is_answered = False

    def too_large(self) -> Problem:
        self._is_too_large = True
        detail = f"The body is larger than the {self._max_bytes} bytes this service takes; send less at once."
        return Problem(413, "BODY_TOO_LARGE", detail, headers=_CLOSE)

    async def receive(self) -> Message:
        if self._is_complete or self._is_answered:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._due):
                await self._occupancy.room(self._place)
                message = await self._receive()
        except TimeoutError:
            if self._is_answered:
                return await self._receive()
            detail = f"The body did not come within {self._seconds:g} s; send it at once, or less of it."
            raise Problem(408, "REQUEST_TIMEOUT", detail, headers=_CLOSE) from None
        nr_bytes = self._taken(message)
        self._received += nr_bytes
        if self._received > self._max_bytes:
            raise self.too_large()
        self._occupancy.holds(self._place, nr_bytes)
        return message

    def _taken(self, message: Message) -> int:
        nr_bytes = len(message.get("body", b""))
        self._occupancy.takes(self._place.connection, nr_bytes)
        self._is_complete = not message.get("more_body", False)
        return nr_bytes

    async def send(self, message: Message) -> None:
        self._is_answered = True
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last and self._is_too_large and not self._is_complete:
            await self._send({**message, "more_body": True})
            await self._discard()
            message = {"type": "http.response.body"}
        await self._send(message)

    async def _discard(self) -> None:
        """Read on when the answer is out, for some clients look for it only when they have sent all.

        Closed at once, the connection would be reset, and the answer could be lost. Who sends without end is cut off.
        """
        discarded = 0
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._due):
                while not self._is_complete and discarded < MAX_DISCARDED_BYTES:
                    discarded += self._taken(await self._receive())
