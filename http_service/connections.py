"""Connections that hold their clients to the limits; uvicorn has no settings for these.

They change methods that uvicorn does not promise to keep: the tests of a real server say when it does not.
"""

import asyncio
from typing import Any, cast

from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from http_service.limits import Limits


class HttpConnection(HttpToolsProtocol):
    """Closed when there are too many, and when a request's headers are not there in time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits: Limits = cast(FastAPI, self.config.app).state.limits
        self._headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin, and expect headers."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.open_requests + self._limits.spare_connections:
            transport.abort()
        else:
            self._expect_headers()

    def data_received(self, data: bytes) -> None:
        """Take bytes; between two requests they begin the next one's headers."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect_headers()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Begin a request."""
        self._expect_no_headers()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._expect_no_headers()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        if self._headers_due is None:
            self._headers_due = self.loop.call_later(self._limits.headers_s, self.transport.close)

    def _expect_no_headers(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One whose client cannot fill the memory, and whose refusal is not called an error in the log."""

    def handle_cont(self, event: Frame) -> None:
        """Take a piece of a message, but keep no empty ones: the largest message's size does not limit their number."""
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer, unless the client does not take what it is sent: answers would pile up."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    async def send(self, message: Any) -> None:
        """Send; a refusal completes the handshake, which uvicorn forgets and then complains about."""
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True
