"""Who gets in: for which names a service answers, which pages may ask it, and that requests keep to the limits.

Loopback is no authentication: any page in a browser on this machine can send requests to 127.0.0.1, and, by a name of
its own that leads there, read the answers.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_service.limits import Occupancy, Place
from http_service.problems import Problem, refuse
from http_service.request_log import QUIET_ROUTES

CONNECTION = "http_service.connection"
"""Where the scope's state has the transport that a request came by."""
MAX_DISCARDED_BYTES = 100_000_000
_PLACE = "http_service.place"
_CLOSE = {"Connection": "close"}

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@,]+)(?::[0-9]{0,5})?", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  nobody's name
_READS_AND_POSTS = ("GET", "POST", "DELETE")
_ASKED = ("Content-Type", "Last-Event-ID", "X-Request-Id")
_TOLD = ("Link", "Location", "Retry-After", "X-Request-Id")


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
        finally:
            occupancy.end(place)

    async def _with_body(self, body: "_Body", scope: Scope) -> None:
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_body_bytes:
            await refuse(body.too_large(), scope, body.receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


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
