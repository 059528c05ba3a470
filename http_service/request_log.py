"""Every request gets an id, a line in the log, its place in the metrics, and an answer even to a defect of ours."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import MutableMapping
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_service.problems import internal, problem_response
from market_log import structlog

REQUEST_ID_HEADER = "X-Request-Id"
UNMATCHED = "unmatched"
"""The route's label of a request that fits no route; its path would let a stranger make any number of series."""
QUIET_ROUTES = frozenset({"/health", "/ready", "/metrics"})
"""What monitoring asks every few seconds is logged at debug level."""

MOST_ALIKE = 10
"""Warnings of one kind that a minute's log has of what strangers do below HTTP, where no request's line stands."""
_MINUTE_S = 60.0

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_log = structlog.stdlib.get_logger(__name__)


class RequestLog:
    """Middleware: binds ``request_id`` (the client's ``X-Request-Id`` or a new one) to the log and answers with it.

    A defect of ours becomes 500 INTERNAL, and the log has its traceback under the request's id.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds", "Until the answer was out.", ["method", "route"], registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        status = 0  # no answer: the client went away
        start = time.perf_counter()

        async def labelled_send(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, labelled_send)
            except ClientDisconnect:
                _log.debug("the client went away before its request was whole", path=scope["path"])
            except Exception:
                if status or scope["type"] == "websocket":  # half an answer: only breaking the connection says so
                    raise
                _log.exception("unexpected error", path=scope["path"])
                await problem_response(internal(request_id))(scope, receive, labelled_send)
            finally:
                self._record(scope, status, time.perf_counter() - start)

    def _record(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        method = scope.get("method", "WEBSOCKET")
        route = getattr(scope.get("route"), "path", UNMATCHED)
        known_method = method if route != UNMATCHED else "ANY"
        self._requests.labels(known_method, route, status).inc()
        self._seconds.labels(known_method, route).observe(seconds)
        log = _log.debug if route in QUIET_ROUTES else _log.info
        said = {"method": method, "path": scope["path"], "status": status, "duration_ms": round(1000 * seconds, 1)}
        # The event loop sends when it comes round: no answer waits for its line in the log.
        asyncio.get_running_loop().call_soon(partial(log, "request", **said))


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


class Seldom(logging.Filter):
    """Lets a warning pass a few times a minute: a stranger who speaks no HTTP shall not fill the log."""

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is logged; the first one of a new minute says how many were not."""
        if record.levelno != logging.WARNING or not isinstance(record.msg, str):
            return True
        kind, now = record.msg, time.monotonic()
        if now - self._since.get(kind, -_MINUTE_S) >= _MINUTE_S:
            left_out = self._seen.get(kind, 0) - MOST_ALIKE
            self._since[kind], self._seen[kind] = now, 0
            if left_out > 0:
                record.msg = f"{kind} ({left_out} more like it were not logged)"
        self._seen[kind] += 1
        return self._seen[kind] <= MOST_ALIKE
