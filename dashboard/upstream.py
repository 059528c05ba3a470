"""The way from the page to the market's services: reads, the event stream, and signed commands; nothing else."""

from collections.abc import AsyncIterator
from typing import Literal

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from http_service import Problem, counts_as_stream
from market_log import without

with without("httpx._main"):  # its command line, and with it rich
    import httpx

Service = Literal["queue", "optimizer", "clock"]

_QUESTION_HEADERS = ("accept", "content-type", "last-event-id", "x-request-id")
_ANSWER_HEADERS = ("content-type", "location", "retry-after", "link", "x-request-id", "etag")
_TIMEOUT = httpx.Timeout(70.0, connect=3.0)
"""Longer than the queue's longest poll (60 s); an event stream says that it is alive more often."""
IDLE_S = 2.0
"""After that we close a connection that nobody uses: before its service does, or a question meets a closing one."""


def upstream_client() -> httpx.AsyncClient:
    """Make the client that all services are asked with."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=IDLE_S)
    return httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, limits=limits)


class Upstream:
    """One service of the market, asked for the page."""

    def __init__(self, name: Service, url: str, client: httpx.AsyncClient) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._client = client

    async def ask(self, request: Request, path: str) -> Response:
        """Pass a request on and its answer back as it comes, piece by piece.

        Raises
        ------
        Problem
            502 ``SERVICE_UNREACHABLE``.
        """
        headers = {name: request.headers[name] for name in _QUESTION_HEADERS if name in request.headers}
        headers["accept-encoding"] = "identity"  # what comes is passed on as it is
        question = self._client.build_request(
            request.method,
            f"{self.url}/{path}",
            params=httpx.QueryParams(request.url.query),
            headers=headers,
            content=await request.body() or None,
        )
        try:
            answer = await self._client.send(question, stream=True)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        passed = {name: answer.headers[name] for name in _ANSWER_HEADERS if name in answer.headers}
        passed["Cache-Control"] = "no-store"
        return StreamingResponse(_pieces(answer), answer.status_code, passed, background=BackgroundTask(answer.aclose))

    async def trouble(self) -> str | None:
        """Tell why the service cannot be reached, None if it answers."""
        try:
            await self._client.get(f"{self.url}/health", timeout=2.0)
        except httpx.TransportError as error:
            return self._unreachable(error).detail
        return None

    def _unreachable(self, error: Exception) -> Problem:
        said = str(error) or type(error).__name__
        return Problem(502, "SERVICE_UNREACHABLE", f"The {self.name} at {self.url} does not answer: {said}.")


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    except httpx.TransportError:
        return  # the reader sees the stream end, and takes it up again where it broke
    finally:
        await answer.aclose()


async def pass_on(request: Request) -> Response:
    """Ask a service of the market what the page asks: ``/api/SERVICE/PATH``."""
    service, path = request.path_params["service"], request.path_params["path"]
    upstream: Upstream | None = request.app.state.upstreams.get(service)
    if upstream is None:
        raise Problem(404, "NOT_FOUND", f"There is no service {service!r}; there are queue, optimizer and clock.")
    if path == "events":
        await counts_as_stream(request)
    return await upstream.ask(request, path)


# A plain route: which parameters there are is for the service behind it to say.
passing_on = Route("/api/{service}/{path:path}", pass_on, methods=["GET", "POST", "DELETE"])
