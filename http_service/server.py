"""Serving: listen first, say where, and stop without losing what was begun."""

import asyncio
import logging
import os
import resource
import signal
import socket
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from http_service.admission import Occupancy
from http_service.connections import HttpConnection, WebSocketConnection
from http_service.request_log import Seldom
from http_service.settings import ServiceSettings
from market_files import write_json
from market_log import structlog

SHUTDOWN_SECONDS = 8
"""How long open requests may take to end; shorter than the 10 s that container engines and our demo wait."""

RECEIVED_BYTES = 32_768
"""Of a connection that the kernel keeps for us (Linux takes it twice).

It bounds what a client is ahead of its application: some dozens of large bodies fit into ``Limits.unfinished_bytes``.
"""

LARGEST_MESSAGE_BYTES = 1024
"""Of what a WebSocket's client says; no service listens to it."""

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  listening everywhere is announced by the loopback address

_log = structlog.stdlib.get_logger(__name__)


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT; then stop accepting, let open requests end and return.

    Clients are held to the settings' limits. When it listens, ``settings.announce`` gets ``{"url": ..., "pid": ...}``;
    the file goes away with the service.

    Raises
    ------
    SystemExit
        1 if it cannot listen, 3 if the application cannot start; the log says why.
    """
    os.umask(0o077)  # what a service stores is for its owner alone
    listener = _listen(settings.host, settings.port)
    app.state.occupancy = Occupancy(settings.limits)
    app.state.known_names = settings.known_names
    logging.getLogger("uvicorn.error").addFilter(Seldom())
    _allow_open_files(settings.open_files)
    config = uvicorn.Config(
        app,
        http=HttpConnection,
        ws=WebSocketConnection,
        ws_max_size=LARGEST_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # it takes 80 kB of each connection, four times as much as all else
        lifespan="on",
        log_config=None,
        log_level="warning",  # that it starts, listens and stops we say ourselves
        access_log=False,
        server_header=False,
        proxy_headers=False,  # else everybody on this machine could say to be somebody else
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config, app.state.stopping, _url(settings.host, listener), settings.announce)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.end_without_error)
    try:
        server.run(sockets=[listener])
    finally:
        if settings.announce is not None:
            settings.announce.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, url: str, announce: Path | None) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._url = url
        self._announce = announce
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self._announce is not None:
            write_json(self._announce, {"url": self._url, "pid": os.getpid()})
        _log.info("listening", url=self._url)

    def end_without_error(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle a signal before the server runs, and the one it raises again once it has stopped because of it."""
        if not self.should_exit:
            raise SystemExit(0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


def all_is_said() -> None:
    """Keep uvicorn from showing the traceback of an expected reason not to start, which was logged in a sentence."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: not record.getMessage().startswith("Traceback"))


def _allow_open_files(wanted: int) -> None:
    """Raise what the shell allows, mostly 1,024 or 256, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        _log.warning("may open too few files for its limits; lower --max-streams or raise ulimit -Hn", files=most)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        _log.error("cannot listen; choose another --host or --port", host=host, port=port, reason=str(error))
        raise SystemExit(1) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)  # of each connection that it accepts
    return listener


def _url(host: str, listener: socket.socket) -> str:
    shown = _WILDCARDS.get(host, host)
    if ":" in shown:
        shown = f"[{shown}]"
    return f"http://{shown}:{listener.getsockname()[1]}"
