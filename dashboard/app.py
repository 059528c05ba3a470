"""The service's application: the built page, and the way to the market's services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from pydantic import Field
from starlette.responses import FileResponse, Response

from dashboard.upstream import Upstream, passing_on, upstream_client
from http_service import ServiceSettings, StrictFiles, create_app

VERSION = "1.0.0"
MAX_BODY_BYTES = 4_000_000
"""As the queue's."""
STATIC = Path(__file__).parent / "static"

_SECURITY = {
    # No script or style but ours, none inline, nothing from elsewhere, and nobody frames the page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked again each time, answered 304 by its ETag
}


class PageFiles(StrictFiles):
    """The built page's files, with the headers that keep strangers' code out of it."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Answer with a file, or 304 for one that the browser has."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        response.headers.update(_SECURITY)
        return response


class DashboardSettings(ServiceSettings):
    """Settings of ``python -m dashboard``."""

    port: int = Field(8083, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    queue_url: str = Field("http://127.0.0.1:8080", description="where the queue is")
    optimizer_url: str = Field("http://127.0.0.1:8081", description="where the optimizer is")
    clock_url: str = Field("http://127.0.0.1:8082", description="where the clock is")
    max_streams: int = Field(
        300,
        ge=1,
        description="event streams open at once, of which the queue has each, too; for one more, one that nobody reads "
        "is closed, or every few seconds one that has lasted for a minute; else it gets 503 TOO_BUSY",
    )

    @property
    def open_files(self) -> int:
        """How many files the service may need at once: what is passed on takes a connection to the service behind."""
        return super().open_files + self.limits.requests + self.limits.streams


def make_app(settings: DashboardSettings) -> FastAPI:
    """Make the page's application; it is ready when it has a page and reaches the queue."""
    client = upstream_client()
    upstreams = {
        "queue": Upstream("queue", settings.queue_url, client),
        "optimizer": Upstream("optimizer", settings.optimizer_url, client),
        "clock": Upstream("clock", settings.clock_url, client),
    }

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client:
            app.state.upstreams = upstreams
            yield

    async def ready() -> str | None:
        if not (STATIC / "index.html").is_file():
            return "the page is not built"
        return await upstreams["queue"].trouble()

    app = create_app(
        title="Page",
        version=VERSION,
        description="The page on which people watch the market, and the market's services behind it under /api.",
        lifespan=lifespan,
        ready=ready,
        max_body_bytes=MAX_BODY_BYTES,
    )
    app.router.routes.append(passing_on)

    @app.get("/", include_in_schema=False)
    async def page(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers=_SECURITY)

    app.mount("/static", PageFiles(directory=STATIC), name="static")
    return app
