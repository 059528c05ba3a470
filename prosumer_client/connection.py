"""A connection with a service of the market, and what all who speak on it share.

What may be retried is retried, the rest is raised as a typed error.
"""

import asyncio
import ipaddress
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from energy_market_chaincode import market_views, read_exact_json
from prosumer_client.errors import MarketUnavailable, RequestRefused, UnexpectedAnswer, UnusableValue
from prosumer_client.identity import SignedCommand
from prosumer_client.lean_imports import httpx, httpx_sse

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0
SILENCE_LIMIT_S = 60.0
"""A stream without even a keep-alive for so long is taken for dead."""
MAX_CONNECTIONS = 200
ADDRESSES_KEPT = 100

Parameters = Mapping[str, str | int | float]
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


def _tell(details: RetryDetails) -> None:
    _log.info("trying again in %.1f s: %s", details.wait_for, details.caused_by)


# Stamina's own hook writes to standard output where nobody has configured structlog: into a command's --json, say.
set_on_retry_hooks([_tell])


class Interruption(Exception):
    """A failure that the next attempt may not meet: no connection, no answer in time, a service that asks for time.

    Parameters
    ----------
    wait_s
        How long the service asked us to wait, seconds (``Retry-After``).
    """

    def __init__(self, cause: str, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s
        super().__init__(cause)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried again before :class:`~prosumer_client.errors.MarketUnavailable` is raised.

    Delays double from ``first_delay_s`` to ``longest_delay_s``, each up to ``first_delay_s`` longer at random, so that
    many clients of a service that comes back do not all ask at once. What a service asks for in ``Retry-After`` is
    obeyed, unless it is longer than our patience lasts.

    Attributes
    ----------
    total_s
        Seconds from a call's beginning (for the event stream: from the last time it worked) to the last failure that
        is answered with another attempt.
    """

    total_s: float = 120.0
    first_delay_s: float = 0.1
    longest_delay_s: float = 5.0

    async def persist(self, url: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try until an attempt meets no Interruption; raises MarketUnavailable when our patience is over.

        What goes at once, as nearly everything does, costs no bookkeeping of retries.
        """
        gives_up_at = time.monotonic() + self.total_s
        try:
            return await attempt()
        except Interruption as interruption:
            failed = [interruption]

        async def next_attempt() -> Result:
            if failed:
                raise failed.pop()
            return await attempt()

        return await self._persist_until(gives_up_at, url, next_attempt)

    async def _persist_until(self, gives_up_at: float, url: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        caller = stamina.AsyncRetryingCaller(
            attempts=None,
            timeout=self.total_s,
            wait_initial=self.first_delay_s,
            wait_max=self.longest_delay_s,
            wait_jitter=self.first_delay_s,
        )

        def is_worth_it(error: Exception) -> bool | float:
            if not isinstance(error, Interruption) or time.monotonic() + error.wait_s > gives_up_at:
                return False
            spread_s = random.uniform(0, self.first_delay_s)  # noqa: S311 - spreads clients in time, keeps no secret
            return error.wait_s + spread_s if error.wait_s else True

        try:
            return await caller(is_worth_it, attempt)
        except Interruption as last:
            raise MarketUnavailable(
                f"{url} did not serve us within {self.total_s:g} s; the last reason: {last}"
            ) from last


class ServiceConnection:
    """A service of the market under one address.

    Every request may be sent more than once: what it asks for must count once however often it arrives.

    Raises
    ------
    UnusableValue
        If the address is none, or what the environment says of proxies and certificates cannot be followed.
    """

    def __init__(self, url: str, patience: Patience) -> None:
        self.url = require_address(url)
        self.patience = patience
        self._http = _http_client(url)
        # To make an address takes as long as to sign a command.
        self._address = lru_cache(ADDRESSES_KEPT)(self._new_address)

    async def close(self) -> None:
        """Let go of it."""
        await self._http.aclose()

    async def persist(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try while there is hope and patience; see :meth:`Patience.persist`."""
        return await self.patience.persist(self.url, attempt)

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        parameters: Parameters | None = None,
        wait_s: float = 0.0,
    ) -> Any:
        """Send a request until it is answered, and read the answer's JSON with exact decimals.

        Parameters
        ----------
        wait_s
            How much longer than usual the service may take to answer: a long poll.

        Raises
        ------
        RequestRefused, MarketUnavailable, UnexpectedAnswer
        """
        timeout = self._timeout(min(READ_TIMEOUT_S, self.patience.total_s) + wait_s)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        address = self._address(path, tuple((parameters or {}).items()))
        request = self._http.build_request(method, address, content=content, headers=headers, timeout=timeout)
        return await self.persist(partial(self._once, request))

    def _new_address(self, path: str, parameters: tuple[tuple[str, str | int | float], ...]) -> httpx.URL:
        return self._http.build_request("GET", path, params=dict(parameters) or None).url

    async def _once(self, request: httpx.Request) -> Any:
        with _interruptions():
            response = await self._http.send(request)
        _require_success(response)
        try:
            return read_exact_json(response.content)
        except ValueError:
            raise UnexpectedAnswer(str(request.url), "answered something that is no JSON") from None

    @asynccontextmanager
    async def stream(self, path: str, parameters: Parameters) -> AsyncIterator[httpx_sse.EventSource]:
        """Open a stream of server-sent events, once.

        Raises
        ------
        Interruption
            Also while the stream is read.
        RequestRefused, UnexpectedAnswer
        """
        timeout = self._timeout(SILENCE_LIMIT_S)
        try:
            with _interruptions():
                async with httpx_sse.aconnect_sse(
                    self._http, "GET", path, params=parameters, timeout=timeout
                ) as source:
                    if not source.response.is_success:
                        await source.response.aread()
                        _require_success(source.response)
                    yield source
        except httpx_sse.SSEError:
            raise UnexpectedAnswer(f"{self.url}{path}", "answered something that is no event stream") from None

    def _timeout(self, read_s: float) -> httpx.Timeout:
        # No limit on waiting for a free connection: each is given back within its read timeout.
        connect_s = min(CONNECT_TIMEOUT_S, self.patience.total_s)
        return httpx.Timeout(read_s, connect=connect_s, pool=None)


class ServiceClient:
    """Who speaks with a service on a connection of its own; an asynchronous context manager."""

    def __init__(self, url: str, patience: Patience | None) -> None:
        self._connection = ServiceConnection(url, patience or Patience())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


Send = Callable[[Sequence[SignedCommand]], Awaitable[list[Any]]]
"""Sends commands and returns for each its answer, or the exception that is its refusal."""


class Postbag:
    """Gathers what is said before the event loop comes round again, and hands each its own answer.

    There is no timer: whoever speaks alone waits for nobody, and nobody waits for a request that is on its way.

    Parameters
    ----------
    send
        If it raises, all whose commands it was given hear of it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[tuple[SignedCommand, asyncio.Future[Any]]] = []
        self._carriers: set[asyncio.Task[None]] = set()

    async def post(self, command: SignedCommand) -> Any:
        """Send a command with those of others; return the answer to it, or raise its refusal."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if len(self._waiting) == 1:
            carrier = asyncio.create_task(self._carry())
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)
        return await answer

    async def close(self) -> None:
        """Let go of what is on its way; those who wait for it are cancelled."""
        await cancel_all(self._carriers)

    async def _carry(self) -> None:
        bag, self._waiting = self._waiting, []
        try:
            answers = await self._send([command for command, _ in bag])
        except asyncio.CancelledError:
            for _, waiting in bag:
                waiting.cancel()
            raise
        except Exception as error:
            answers = [error] * len(bag)
        for (_, waiting), answer in zip(bag, answers, strict=True):
            if waiting.done():  # whoever said it was cancelled meanwhile
                continue
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)


async def cancel_all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


class MarketTime:
    """By what everybody on a connection goes.

    Attributes
    ----------
    simulated
        The mapping of a market whose time is simulated; None where it is real, or as long as nobody asked.
    """

    def __init__(self) -> None:
        self.simulated: market_views.SimulatedTimeView | None = None

    def now(self) -> datetime:
        """Return the market's time."""
        now = datetime.now(UTC)
        return now if self.simulated is None else self.simulated.market_time(now)

    def until(self, moment: datetime) -> timedelta:
        """Return how much real time it is until a moment of the market's; below zero when it has been."""
        return self.lasts(moment - self.now())

    def lasts(self, span: timedelta) -> timedelta:
        """Return how much real time passes in a span of the market's."""
        return span if self.simulated is None else span / self.simulated.factor


def require_address(url: str) -> str:
    """Return the address of a service; raises UnusableValue if it cannot be one."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        is_one = False
    if not is_one:
        raise UnusableValue(
            "UNUSABLE_ADDRESS",
            f"{url!r} is no address of a service: it must begin with http:// or https:// and name a host, as in "
            "http://127.0.0.1:8080",
        )
    return url


def _http_client(url: str) -> httpx.AsyncClient:
    # Loading the certificates of the authorities takes a tenth of a process's start; only https needs them.
    https = url.startswith("https://")
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
    try:
        return httpx.AsyncClient(base_url=url, limits=limits, verify=https, trust_env=not is_local(url))
    except OSError as error:
        raise UnusableValue(
            "UNUSABLE_CERTIFICATES",
            f"the authorities' certificates that {url} needs cannot be loaded ({error}); correct SSL_CERT_FILE and "
            "SSL_CERT_DIR, or unset them",
        ) from None
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise UnusableValue(
            "UNUSABLE_PROXY",
            f"the environment's proxy cannot be used for {url} ({error}); set HTTP_PROXY, HTTPS_PROXY and ALL_PROXY to "
            "a proxy whose address begins with http:// or https://, or name the host in NO_PROXY",
        ) from None


def is_local(url: str) -> bool:
    """Tell whether a service is on this machine, where a proxy of the environment must not be asked for it."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _interruptions() -> Iterator[None]:
    try:
        yield
    except (httpx.LocalProtocolError, httpx_sse.SSEError):
        raise  # our own request was malformed, or what answers is no stream: so it would be again
    except httpx.TransportError as error:
        raise Interruption(str(error) or type(error).__name__) from error


def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    refused = RequestRefused.from_problem(response.status_code, _problem(response))
    if is_temporary(response.status_code):
        raise Interruption(str(refused), retry_after_s(response.headers.get("Retry-After")))
    raise refused


def _problem(response: httpx.Response) -> Any:
    try:
        return read_exact_json(response.content)
    except ValueError:
        return None


def is_temporary(status: int) -> bool:
    """Tell whether an HTTP status says that the same request may succeed later."""
    return status in (429, 502, 503, 504)


def retry_after_s(header: str | None) -> float:
    """Read ``Retry-After``, seconds or an HTTP date, as seconds from now; 0 if it is absent or unreadable."""
    if header is None:
        return 0.0
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(time.time(), UTC)).total_seconds())
