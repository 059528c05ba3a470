"""Connections that hold their clients to the limits; uvicorn has no settings for these.

They change methods that uvicorn does not promise to keep, so pyproject.toml takes only versions with which the tests of
a real server passed.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from http_service.admission import CONNECTION, Occupancy, too_busy
from http_service.problems import Problem, problem_response
from market_log import structlog

_log = structlog.stdlib.get_logger(__name__)
_CHATTER_BYTES = 131_072
_CHATTER_BYTES_PER_S = 1024
"""What a WebSocket's client may say, the handshake included; pings are a few bytes every few seconds."""
_UNSENT_BYTES = 16_384
"""Of an answer, before its application has to wait for the client to take them."""


class _Refused(Exception):
    """The parser is to stop."""


class HttpConnection(HttpToolsProtocol):
    """One whose client cannot fill the memory: with headers, trailers, pipelined requests, silence or deafness."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._occupancy: Occupancy = cast(FastAPI, self.config.app).state.occupancy
        self._limits = self._occupancy.limits
        self._headers_due: asyncio.TimerHandle | None = None
        self._deaf_until: asyncio.TimerHandle | None = None
        self._problem: Problem | None = None
        self._in_head = True
        self._in_message = False
        self._head_bytes = 0
        self._nr_headers = 0
        self._bytes_since_progress = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin, and expect headers."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CONNECTION: transport}
        transport.set_write_buffer_limits(_UNSENT_BYTES)
        self._expect_headers()
        self._occupancy.enter(transport, self._put_out)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._expect_no_headers()
        self.resume_writing()
        self._occupancy.leave(self.transport)
        super().connection_lost(exc)
        if self.cycle is None or self.cycle.response_complete:
            self._forget_head()

    def pause_writing(self) -> None:
        """Wait for the client to read, for a while."""
        super().pause_writing()
        self._deaf_until = self.loop.call_later(self._limits.stalled_s, self._drop_the_deaf)
        self._occupancy.stalls(self.transport)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._deaf_until is not None:
            self._deaf_until.cancel()
            self._deaf_until = None
        self._occupancy.reads(self.transport)

    def shutdown(self) -> None:
        """Let what was begun end, but do not wait for a client that does not read."""
        super().shutdown()
        if self.flow.write_paused:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; between two requests they begin the next one's headers."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect_headers()
        if not self._is_discarded():
            self._occupancy.sends(self.transport, len(data))
        self._bytes_since_progress += len(data)
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._bytes_since_progress > self._limits.head_bytes and not self.transport.is_closing():
            self._problem = self._too_large()
            self.send_400_response("")

    def _is_discarded(self) -> bool:
        """Tell whether what comes is the rest of a body that nobody waits for."""
        return self._in_message and not self._in_head and self.cycle is not None and self.cycle.response_complete

    def on_message_begin(self) -> None:
        """Begin a request's line and headers."""
        super().on_message_begin()
        self._in_head = self._in_message = True
        self._head_bytes = self._nr_headers = 0
        if len(self.pipeline) >= self._limits.pipelined:
            raise _Refused

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's line."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is none, and nobody reads it."""
        self._nr_headers += 1
        self._count(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request."""
        self._expect_no_headers()
        if not self._occupancy.takes_head(self.transport, self._head_bytes):
            self._problem = too_busy("requests with large headers")
            raise _Refused
        super().on_headers_complete()
        self._in_head = False
        self._bytes_since_progress = 0

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        super().on_body(body)
        self._bytes_since_progress = 0

    def on_message_complete(self) -> None:
        """End a request, of which the answer may be out already."""
        super().on_message_complete()
        self._in_message, self._in_head = False, True
        self._bytes_since_progress = 0
        self._occupancy.has_asked(self.transport)
        if self.cycle is not None and self.cycle.response_complete:
            self._rest()

    def on_response_complete(self) -> None:
        """Rest, if there is nothing more to answer."""
        super().on_response_complete()
        if self.cycle.response_complete and not self._in_message:
            self._rest()

    def _rest(self) -> None:
        self._forget_head()
        self._occupancy.rests(self.transport)

    def _put_out(self) -> None:
        self._forget_head()
        self.transport.abort()

    def _drop_the_deaf(self) -> None:
        _log.warning("a client took nothing of what it was sent; dropped", seconds=self._limits.stalled_s)
        self._put_out()

    def _forget_head(self) -> None:
        """Let go of what scope and cycle would keep as long as they are there, now and not in the next round.

        Whoever reads headers by Starlette's class puts a list of its own into the scope.
        """
        for scope in (self.scope, self.cycle.scope if self.cycle is not None else None):
            if scope is not None:
                cast(list[Any], scope["headers"]).clear()
        if self.headers is not None:
            self.headers.clear()

    def send_400_response(self, msg: str) -> None:
        """Close, and say why if that does not get into another answer."""
        problem = self._problem or Problem(
            400, "MALFORMED_HTTP", "The request is no HTTP; look at its line and headers."
        )
        if self._in_head and (self.cycle is None or self.cycle.response_complete):
            answer = problem_response(problem)
            lines = [b"HTTP/1.1 %d %s" % (problem.status, HTTPStatus(problem.status).phrase.encode())]
            lines += [b": ".join(header) for header in answer.raw_headers]
            self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", bytes(answer.body)]))
            self._forget_head()
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer a request; in HTTP/1.0, which knows no chunks, a body ends with its connection."""
        if cycle.scope["http_version"] == "1.0":
            cycle.chunked_encoding = False
            app = _in_one_piece(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _count(self, nr_bytes: int) -> None:
        self._head_bytes += nr_bytes
        if self._head_bytes > self._limits.head_bytes or self._nr_headers > self._limits.headers:
            self._problem = self._too_large()
            raise _Refused

    def _too_large(self) -> Problem:
        most, many = self._limits.head_bytes, self._limits.headers
        detail = f"A request has at most {many} headers, and {most} bytes in them and its address; send less."
        return Problem(431, "HEADERS_TOO_LARGE", detail)

    def _expect_headers(self) -> None:
        if self._headers_due is None:
            self._headers_due = self.loop.call_later(self._limits.headers_s, self.transport.close)

    def _expect_no_headers(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None


def _in_one_piece(app: ASGIApp, cycle: RequestResponseCycle) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_unframed(message: Message) -> None:
            if message["type"] == "http.response.body":  # as long as uvicorn wants it to be
                cycle.expected_content_length = len(message.get("body", b"")) + bool(message.get("more_body", False))
            await send(message)

        await app(scope, receive, send_unframed)

    return answer


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One whose client cannot fill the memory, and whose refusal is not called an error in the log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard_bytes = 0
        self._since = self.loop.time()
        self._occupancy: Occupancy = cast(FastAPI, self.config.app).state.occupancy

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._occupancy.leave(self.transport)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to read; uvicorn's pings end it if it never does."""
        super().pause_writing()
        self._occupancy.stalls(self.transport)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._occupancy.reads(self.transport)

    def data_received(self, data: bytes) -> None:
        """Take what the client says, which nobody listens to, unless that is too much: each frame costs time."""
        self._heard_bytes += len(data)
        if self._heard_bytes > _CHATTER_BYTES + _CHATTER_BYTES_PER_S * (self.loop.time() - self._since):
            self.transport.abort()
        else:
            super().data_received(data)

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
