"""Errors as RFC 9457 problem documents with a stable code."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState

from energy_market_chaincode import exact_json

MEDIA_TYPE = "application/problem+json"
MAX_LISTED_ERRORS = 100
MAX_SHOWN_PATH = 200

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "An RFC 9457 problem document. Some codes add members of their own.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "const": "about:blank", "description": "The code tells problems apart."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong and what to do."},
        "code": {"type": "string", "pattern": "^[A-Z][A-Z_]*$", "description": "Stable; made for programs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its path with dots (``sellers.0.price``) and a sentence."""

    field: str
    message: str


class Problem(Exception):
    """The request cannot be answered.

    Parameters
    ----------
    status
        HTTP status, 4xx or 5xx.
    code
        Stable and in capitals, for programs.
    detail
        What was wrong and what to do, for people.
    errors
        The fields that are wrong.
    headers
        Further headers, such as ``Retry-After``.
    extensions
        Further members of the document; Decimals stay exact.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, code, detail)  # of which another process makes it again
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})

    def __str__(self) -> str:
        return self.detail


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return the document of a problem, for a response or as an element of a larger answer."""
    document = {
        **problem.extensions,
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.errors:
        document["errors"] = [asdict(error) for error in problem.errors]
    return document


def problem_response(problem: Problem) -> Response:
    """Return the response that carries a problem's document."""
    return Response(exact_json(problem_document(problem)), problem.status, problem.headers, MEDIA_TYPE)


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or a WebSocket's handshake, with a problem before it comes to the application."""
    answer = problem_response(problem)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an application with a problem document.

    On a WebSocket a problem refuses the handshake with the same document, or closes an open connection.
    """
    answer_errors(app, Problem, lambda problem: problem)
    answer_errors(app, RequestValidationError, _from_validation_error)
    app.add_exception_handler(HTTPException, _handler(_from_http_exception))


def answer_errors(app: FastAPI, kind: type[Exception], problem_of: Callable[[Any], Problem]) -> None:
    """Answer a kind of errors that an application's routes raise with the problem that they are."""
    app.add_exception_handler(kind, _handler(lambda _, error: problem_of(error)))


async def nothing_here(scope: Scope, _receive: Receive, _send: Send) -> None:
    """Answer what fits no route, a WebSocket's handshake too; for an application's router, as its default.

    Raises
    ------
    Problem
        404 ``NOT_FOUND``, always.
    """
    path, title = scope["path"], scope["app"].title
    kind = "WebSocket" if scope["type"] == "websocket" else "resource"
    detail = f"{title} has no {kind} {path[:MAX_SHOWN_PATH]}; its /docs lists what it has."
    if path.endswith("/"):
        detail += " No path ends with a slash."
    raise Problem(404, "NOT_FOUND", detail)


def _handler(as_problem: Callable[[HTTPConnection, Any], Problem]) -> Callable[[Any, Exception], Awaitable[Any]]:
    async def answer(connection: HTTPConnection, error: Exception) -> Response | None:
        problem = as_problem(connection, error)
        if not isinstance(connection, WebSocket):
            return problem_response(problem)
        if connection.application_state is WebSocketState.CONNECTING:
            await connection.send_denial_response(problem_response(problem))
        else:
            await connection.close(1008 if problem.status < 500 else 1011, problem.code)
        return None

    return answer


def _from_http_exception(connection: HTTPConnection, error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "other methods")
        path, title = connection.scope["path"], connection.app.title  # its url may be broken by a Host of nonsense
        detail = f"{path[:MAX_SHOWN_PATH]} takes {allowed}; /docs of {title} says for what."
    return Problem(status, status.name, detail, headers=error.headers)


def _from_validation_error(error: RequestValidationError) -> Problem:
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        return malformed_json(found[0]["ctx"]["error"])
    errors = [FieldError(_field(each["loc"]), _message(each)) for each in found]
    return invalid_parameters(errors)


def malformed_json(reason: str) -> Problem:
    """Return the problem of a body that is no JSON."""
    said, _, _advice = reason.partition("; use sys.")  # Python's advice is for us, not for who sent a long number
    return Problem(400, "MALFORMED_JSON", f"The body is not JSON: {said}.")


def invalid_parameters(errors: Sequence[FieldError]) -> Problem:
    """Return the problem of a request whose fields are wrong, with at most the first 100 of them listed."""
    listed = errors[:MAX_LISTED_ERRORS]
    if len(errors) > len(listed):
        detail = f"{len(errors)} fields are wrong; the first {len(listed)} are listed in errors."
    elif len(errors) == 1:
        detail = f"{errors[0].field}: {errors[0].message}"
    else:
        detail = f"{len(errors)} fields are wrong; errors says which and why."
    return Problem(422, "INVALID_PARAMETER", detail, errors=listed)


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] in ("model_type", "model_attributes_type", "dataclass_type"):
        return "Input should be an object"  # pydantic would name our class
    return str(error["msg"]).removeprefix("Value error, ")


def _field(location: Sequence[int | str]) -> str:
    """Name a field by its path, without where it stood (body, query, path) and pydantic's mark for a dict's key."""
    path = [str(part) for part in location[1:] if part != "[key]"]
    return ".".join(path) or str(location[0])


def internal(request_id: str) -> Problem:
    """Return the problem that a defect of ours is answered with."""
    detail = f"A defect of this service; please report it with the request id {request_id}, under which the log has it."
    return Problem(500, "INTERNAL", detail)
