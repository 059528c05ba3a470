"""How strictly requests are read: their JSON and their query."""

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from email.message import Message as MailMessage
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from energy_market_chaincode import read_json
from http_service.problems import FieldError, Problem, invalid_parameters, malformed_json

MAX_SHOWN_NAME = 100


async def no_strange_parameters(connection: HTTPConnection) -> None:
    """Refuse a query parameter that the route does not have, or that stands there twice; every route depends on it.

    Who mistypes ``?game=`` would otherwise get the answer for all games.

    Raises
    ------
    Problem
        422 ``INVALID_PARAMETER``, with what the route takes.
    """
    if connection.scope["query_string"]:
        route: APIRoute | APIWebSocketRoute = connection.scope["route"]
        _require_known(connection, sorted(set(_query_names(route.dependant))))


class StrictFiles(StaticFiles):
    """A folder's files, which take no query parameters: 422 ``INVALID_PARAMETER``."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file."""
        _require_known(HTTPConnection(scope), [])
        return await super().get_response(path, scope)


def _require_known(connection: HTTPConnection, known: Sequence[str]) -> None:
    takes = f"this resource takes {', '.join(known)}" if known else "this resource takes none"
    found = Counter(name for name, _ in connection.query_params.multi_items())
    errors = [FieldError(name[:MAX_SHOWN_NAME], f"is no parameter; {takes}") for name in found if name not in known]
    errors += [FieldError(name, "is given more than once") for name in known if found[name] > 1]
    if errors:
        raise invalid_parameters(errors)


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_names(each)


async def read_json_body(request: Request) -> Any:
    """Read a request's body as JSON.

    For endpoints that take the raw request; a body declared as a parameter is read in the same way.

    Raises
    ------
    Problem
        415 ``UNSUPPORTED_MEDIA_TYPE`` if it does not say that it is JSON; 413 ``BODY_TOO_LARGE`` if it holds too many
        values; 400 ``MALFORMED_JSON`` if it is no JSON, holds NaN, repeats a key or nests without end.
    """
    require_json(request)
    body = await request.body()
    _require_few_values(body, request)
    try:
        return read_json(body)
    except ValueError as error:
        raise malformed_json(str(error)) from None


_BEFORE_VALUES = (b",", b"[", b"{")
"""No more values than these begin in a text, but for one."""
_MEMBER = re.compile(rb'"\s*+:')


def _require_few_values(body: bytes, request: Request) -> None:
    """Raise a Problem, 413 ``BODY_TOO_LARGE``, if a body holds more values, or named ones, than its service takes."""
    most = request.app.state.max_values
    if most is not None and sum(map(body.count, _BEFORE_VALUES)) > most:
        raise _too_large(f"{most} values")
    most = request.app.state.max_members
    if most is not None and body.count(b":") > most and sum(1 for _ in _MEMBER.finditer(body)) > most:
        raise _too_large(f"{most} members of objects")


def _too_large(most: str) -> Problem:
    return Problem(413, "BODY_TOO_LARGE", f"The body holds more than the {most} this service takes; send less at once.")


def require_json(request: Request) -> None:
    """Raise a Problem, 415 ``UNSUPPORTED_MEDIA_TYPE``, unless the request's Content-Type is JSON."""
    said = request.headers.get("content-type", "")
    if said == "application/json":  # what nearly everybody says, and quicker than to read it
        return
    header = MailMessage()
    header["Content-Type"] = said
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
                # here, for FastAPI turns most of what goes wrong into a 400
                _require_few_values(await strict.body(), request)
            return await handler(strict)

        return handle


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return read_json(body)
        except ValueError as error:  # FastAPI understands json's own error only
            raise json.JSONDecodeError(str(error), "", 0) from None
