"""Bodies of requests: how large they may be and how strictly their JSON is read."""

import json
from collections.abc import Callable, Coroutine
from email.message import Message as MailMessage
from typing import Any

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from energy_market_chaincode.canonical import read_json
from http_service.problems import Problem, malformed_json, problem_response

MAX_DISCARDED_BYTES = 100_000_000


async def read_json_body(request: Request) -> Any:
    """Read a request's body as JSON.

    For endpoints that take the raw request; a body declared as a parameter is read in the same way.

    Raises
    ------
    Problem
        415 ``UNSUPPORTED_MEDIA_TYPE`` if it does not say that it is JSON; 400 ``MALFORMED_JSON`` if it is none, holds
        NaN, repeats a key or nests without end.
    """
    require_json(request)
    try:
        return read_json(await request.body())
    except ValueError as error:
        raise malformed_json(str(error)) from None


def require_json(request: Request) -> None:
    """Raise a Problem, 415 ``UNSUPPORTED_MEDIA_TYPE``, unless the request's Content-Type is JSON."""
    header = MailMessage()
    header["Content-Type"] = request.headers.get("content-type", "")
    subtype = header.get_content_subtype()
    if header.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as JSON, with Content-Type: application/json.")


class JsonRoute(APIRoute):
    """A route that reads its body as strictly as :func:`read_json_body` does.

    A router with declared bodies is made with ``APIRouter(route_class=JsonRoute)``; the application's own routes are.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler behind our reading of the body."""
        handler = super().get_route_handler()
        takes_a_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            if takes_a_body:
                require_json(request)
            return await handler(_StrictRequest(request.scope, request.receive))

        return handle


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return read_json(body)
        except ValueError as error:  # FastAPI understands json's own error only
            raise json.JSONDecodeError(str(error), "", 0) from None


class BodyLimit:
    """Middleware: a body over the limit is answered 413 ``BODY_TOO_LARGE``, whether or not it says its length.

    Starlette's own middleware of this kind answers in plain text.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_body_bytes:
            await _discard(receive)
            await problem_response(Problem(413, "BODY_TOO_LARGE", self._sentence))(scope, receive, send)
            return
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                if message.get("more_body", False):
                    await _discard(receive)
                raise HTTPException(413, self._sentence)  # while FastAPI reads a body it lets only this one through
            return message

        await self._app(scope, counted_receive, send)

    @property
    def _sentence(self) -> str:
        return f"The body is larger than the {self._max_body_bytes} bytes this service takes; send less at once."


async def _discard(receive: Receive) -> None:
    """Read on: most clients look for the answer only after their body is out. Who sends without end is cut off."""
    discarded = 0
    more = True
    while more and discarded < MAX_DISCARDED_BYTES:
        message = await receive()
        discarded += len(message.get("body", b""))
        more = message.get("more_body", False)
