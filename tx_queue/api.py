"""The queue's HTTP application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response

from energy_market_chaincode import Rejection
from http_service import Problem, all_is_said, create_app, problem_response
from ledger import LedgerError, open_ledger
from tx_queue import queue_routes, reads, streams
from tx_queue.node import OpenLedger, running_node
from tx_queue.problems import ledger_unavailable, rejected, store_unavailable
from tx_queue.readiness import Readiness
from tx_queue.schemas import command_schemas
from tx_queue.settings import QueueSettings
from tx_queue.store import StoreUnavailable

DESCRIPTION = """\
Takes signed commands into a durable queue, hands them to the ledger in order, and shows what stands there.

Every error is an RFC 9457 problem document with a stable `code`. `GET /events` is also a WebSocket."""

_log = structlog.stdlib.get_logger(__name__)


def create_queue_app(settings: QueueSettings, open_ledger: OpenLedger = open_ledger) -> FastAPI:
    """Make the application; ledger and store are opened when it starts."""
    readiness = Readiness()

    async def ready() -> str | None:
        return readiness.obstacle

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with running_node(settings, open_ledger, app.state.registry, readiness, app.state.stopping) as node:
                app.state.node = node
                yield
        except (LedgerError, StoreUnavailable) as error:
            _log.error("cannot start", reason=str(error))
            all_is_said()
            raise

    app = create_app(
        title="tx_queue",
        version=version("energy-market"),
        description=DESCRIPTION,
        lifespan=lifespan,
        ready=ready,
        max_body_bytes=settings.queue_max_body_bytes,
    )
    for router in (queue_routes.router, reads.router, streams.router):
        app.include_router(router)
    app.add_exception_handler(LedgerError, _as_problem(ledger_unavailable))
    app.add_exception_handler(StoreUnavailable, _as_problem(store_unavailable))
    app.add_exception_handler(Rejection, _as_problem(rejected))
    _describe_commands(app)
    return app


def _as_problem(problem_of: Callable[[Any], Problem]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_request: Request, error: Exception) -> Response:
        return problem_response(problem_of(error))

    return answer


def _describe_commands(app: FastAPI) -> None:
    """Add to the OpenAPI document what FastAPI cannot know: the commands, whose form the rule book checks."""
    describe = app.openapi

    def with_commands() -> dict[str, Any]:
        document = describe()
        document["components"]["schemas"].update(command_schemas())
        return document

    app.openapi = with_commands  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
