"""The application every service starts from, with its monitoring and its documentation."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from energy_market_chaincode import exact_json
from http_service.admission import KnownNames, Limits, Occupancy, RequestAdmission
from http_service.problems import MEDIA_TYPE, PROBLEM_SCHEMA, Problem, install_problem_handlers, nothing_here
from http_service.reading import JsonRoute, StrictFiles, no_strange_parameters
from http_service.request_log import RequestLog

Ready = Callable[[], Awaitable[str | None]]
"""Tells why a service cannot work right now, or None."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_DOCUMENT = "/openapi.json"
_FILES = "/docs/files"
_PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request cannot be answered; the code says why.", "content": _PROBLEM_CONTENT},
    "5XX": {"description": "The service cannot answer now; the code says why.", "content": _PROBLEM_CONTENT},
}


def create_app(
    *,
    title: str,
    version: str,
    description: str,
    lifespan: Lifespan | None = None,
    ready: Ready,
    max_body_bytes: int,
    max_values: int | None = None,
    max_members: int | None = None,
) -> FastAPI:
    """Make an application with /health, /ready, /metrics and our habits.

    Parameters
    ----------
    max_values
        How many values the JSON of a body may hold: each takes some 100 bytes, however short it is.
    max_members
        How many of these may be members of objects: with its name each takes some 200 bytes.

    Returns
    -------
    FastAPI
        Its ``state.registry`` takes the service's own metrics; ``state.stopping`` is an ``asyncio.Event`` that is set
        when the server was asked to stop, so that long polls and event streams end; ``state.occupancy``
        and ``state.known_names`` are replaced by :func:`http_service.serve` as the settings say.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        responses=PROBLEM_RESPONSES,
        dependencies=[Depends(no_strange_parameters)],
        redirect_slashes=False,
        openapi_url=None,
    )
    app.router.route_class = JsonRoute
    app.router.default = nothing_here
    app.state.registry = CollectorRegistry()
    app.state.stopping = asyncio.Event()
    app.state.ready = ready
    app.state.document = cache(lambda: bytes(JSONResponse(app.openapi()).body))
    app.state.max_values, app.state.max_members = max_values, max_members
    app.state.occupancy = Occupancy(Limits())
    app.state.known_names = KnownNames()
    ProcessCollector(registry=app.state.registry)
    app.include_router(_own_routes)
    app.mount(_FILES, StrictFiles(directory=str(files("fastapi_offline") / "static")))
    install_problem_handlers(app)
    app.add_middleware(RequestAdmission, max_body_bytes=max_body_bytes)
    app.add_middleware(RequestLog, registry=app.state.registry)
    return app


def exact_response(value: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON in which a Decimal keeps exactly its digits; bytes are JSON already."""
    content = value if isinstance(value, bytes) else exact_json(value)
    return Response(content, status_code, headers, "application/json")


_own_routes = APIRouter(tags=["monitoring"])


@_own_routes.head("/health", include_in_schema=False)
@_own_routes.get("/health")
async def health() -> dict[str, str]:
    """Tell that the process is alive."""
    return {"status": "ok"}


@_own_routes.head("/ready", include_in_schema=False)
@_own_routes.get("/ready")
async def ready(request: Request) -> dict[str, str]:
    """Tell whether the service can do its work; 503 NOT_READY says why not."""
    reason = await request.app.state.ready()
    if reason is not None:
        raise Problem(503, "NOT_READY", reason, headers={"Retry-After": "1"})
    return {"status": "ready"}


@_own_routes.head("/metrics", include_in_schema=False)
@_own_routes.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Return the service's metrics in the text format of Prometheus."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


@_own_routes.get(_DOCUMENT, include_in_schema=False)
async def document(request: Request) -> Response:
    """Return the OpenAPI document: one text for all, so that who does not read it costs no copy."""
    return Response(request.app.state.document(), media_type="application/json")


@_own_routes.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Return Swagger UI, of which nothing is loaded from elsewhere."""
    return _page(request.app.title)


@cache
def _page(title: str) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url=_DOCUMENT,
        title=title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
    )
    (inline,) = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline).digest()).decode()
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page
