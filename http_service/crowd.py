"""How many requests are open at once."""

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from http_service.limits import Limits
from http_service.problems import Problem, problem_response
from http_service.request_log import QUIET_ROUTES


class CrowdLimit:
    """Middleware: one request too many is answered 503 ``TOO_BUSY``; monitoring always gets its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in QUIET_ROUTES:
            await self._app(scope, receive, send)
            return
        limits: Limits = scope["app"].state.limits
        if self._open >= limits.open_requests:
            await _refuse(scope, receive, send)
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    detail = "This service has as many requests and streams open as it takes; try again, and close what is not needed."
    answer = problem_response(Problem(503, "TOO_BUSY", detail, headers={"Retry-After": "1", "Connection": "close"}))
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)
