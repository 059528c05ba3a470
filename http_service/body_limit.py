"""How large a request's body may be, and how long it may take."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_service.limits import Limits
from http_service.problems import Problem, problem_response

MAX_DISCARDED_BYTES = 100_000_000
_CLOSE = {"Connection": "close"}


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
        limits: Limits = scope["app"].state.limits
        body = _Body(receive, send, self._max_bytes, limits.body_s)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            await problem_response(body.too_large())(scope, receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request, watched while it comes in."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, seconds: float) -> None:
        self._receive = receive
        self._send = send
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._due = asyncio.get_running_loop().time() + seconds
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
                message = await self._receive()
        except TimeoutError:
            if self._is_answered:
                return await self._receive()
            detail = f"The body did not come within {self._seconds:g} s; send it at once, or less of it."
            raise Problem(408, "REQUEST_TIMEOUT", detail, headers=_CLOSE) from None
        self._received += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._received > self._max_bytes:
            raise self.too_large()
        return message

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
                    message = await self._receive()
                    discarded += len(message.get("body", b""))
                    self._is_complete = not message.get("more_body", False)
