"""Bodies of requests: how strictly their JSON is read."""

import json
from collections.abc import Callable, Coroutine
from email.message import Message as MailMessage
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from energy_market_chaincode.canonical import read_json
from http_service.problems import Problem, malformed_json


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
            strict = _StrictRequest(request.scope, request.receive)
            if takes_a_body:
                require_json(request)
                await strict.body()  # here, for FastAPI turns most of what goes wrong into a 400
            return await handler(strict)

        return handle


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return read_json(body)
        except ValueError as error:  # FastAPI understands json's own error only
            raise json.JSONDecodeError(str(error), "", 0) from None
