"""The queue's HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from energy_market_chaincode import Rejection
from http_service import all_is_said, answer_errors, create_app
from ledger import LedgerError, LedgerReplaced, open_ledger
from market_log import structlog
from tx_queue import queue_routes, reads, streams
from tx_queue.health import Readiness
from tx_queue.node import OpenLedger, running_node
from tx_queue.problems import ledger_replaced, ledger_unavailable, rejected, store_unavailable
from tx_queue.settings import QueueSettings
from tx_queue.sqlite_file import StoreUnavailable

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
        max_values=queue_routes.MOST_VALUES,
        max_members=queue_routes.MOST_MEMBERS,
    )
    for router in (queue_routes.router, reads.router, streams.router):
        app.include_router(router)
    answer_errors(app, LedgerError, ledger_unavailable)
    answer_errors(app, LedgerReplaced, ledger_replaced)
    answer_errors(app, StoreUnavailable, store_unavailable)
    answer_errors(app, Rejection, rejected)
    _describe_commands(app)
    return app


def _describe_commands(app: FastAPI) -> None:
    """Add to the OpenAPI document what FastAPI cannot know: the commands, whose form the rule book checks."""
    describe = app.openapi

    def with_commands() -> dict[str, Any]:
        document = describe()
        document["components"]["schemas"].update(queue_routes.command_schemas())
        return document

    app.openapi = with_commands  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
