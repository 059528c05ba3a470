"""Middleware that holds requests to the limits."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
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


class RequestLimit:
    """Middleware: one request too many is answered 503 ``TOO_BUSY``; monitoring always gets its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        occupancy: Occupancy = scope["app"].state.occupancy
        connection = scope.get("state", {}).get(CONNECTION)
        try:
            place = Place(connection) if scope["path"] in QUIET_ROUTES else occupancy.begin(connection)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        scope[_PLACE] = place
        try:
            await self._app(scope, receive, send)
        finally:
            occupancy.end(place)


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


class BodyLimit:
    """Middleware: a body over the limit is 413 ``BODY_TOO_LARGE``, one that does not come is 408 ``REQUEST_TIMEOUT``.

    Both while the body is read; who answers without reading it does not wait. The connection ends with such an answer.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        occupancy: Occupancy = scope["app"].state.occupancy
        body = _Body(receive, send, occupancy, scope[_PLACE], self._max_bytes)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            await refuse(body.too_large(), scope, receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


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
