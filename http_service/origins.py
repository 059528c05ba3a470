"""For which names a service answers, and which pages may ask it.

Loopback is no authentication: any page in a browser on this machine can send requests to 127.0.0.1, and, by a name of
its own that leads there, read the answers.
"""

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from http_service.problems import Problem, refuse

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@,]+)(?::[0-9]{0,5})?", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  nobody's name
_READS_AND_POSTS = ("GET", "POST", "DELETE")
_ASKED = ("Content-Type", "Last-Event-ID", "X-Request-Id")
_TOLD = ("Link", "Location", "Retry-After", "X-Request-Id")


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What a service is called, and whose pages may use it.

    Attributes
    ----------
    hosts
        Names without ports, in small letters.
    origins
        Scheme, host and port, as a browser writes them: ``http://localhost:8083``.
    """

    hosts: frozenset[str] = _LOOPBACK
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, listens_on: str, hosts: str, origins: str) -> "KnownNames":
        """Add further hosts and origins, separated by commas, to the names of the machine for itself."""
        further = {_bare(name) for name in hosts.split(",") if name.strip()}
        pages = {origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()}
        return cls((_LOOPBACK | {_bare(listens_on)} | further) - _EVERYWHERE, frozenset(pages))


class OriginCheck:
    """Middleware: a service answers only for its own names, and no page of somebody else's.

    400 ``MALFORMED_HOST``, 421 ``UNKNOWN_HOST``, 403 ``FOREIGN_ORIGIN``; a page of a known origin may read the answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        known: KnownNames = scope["app"].state.known_names
        headers = Headers(scope=scope)
        try:
            _check_host(headers, known)
            origin = _check_origin(headers, known)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        app = self._app
        if origin in known.origins:
            app = CORSMiddleware(app, [origin], _READS_AND_POSTS, _ASKED, expose_headers=_TOLD)
        await app(scope, receive, send)


def _check_host(headers: Headers, known: KnownNames) -> None:
    hosts = headers.getlist("host")
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        detail = "A request has one Host header with the name, and the port, that it was sent to."
        raise Problem(400, "MALFORMED_HOST", detail, headers={"Connection": "close"})
    name = _bare(found[1])
    if name not in known.hosts:
        detail = f"This service is not {name[:200]}. If it is to answer for that name, set ENERGY_MARKET_HOSTS."
        raise Problem(421, "UNKNOWN_HOST", detail)


def _check_origin(headers: Headers, known: KnownNames) -> str | None:
    """Return the page's origin, None where no page asks; the service's own pages, such as /docs, may."""
    origins = headers.getlist("origin")
    if not origins:
        return None
    own = {f"{scheme}://{headers['host']}".lower() for scheme in ("http", "https")}
    if len(origins) > 1 or (origins[0] not in known.origins and origins[0].lower() not in own):
        pages = ", ".join(origins)[:200]
        detail = f"Pages of {pages} may not use this service. If they are to, set ENERGY_MARKET_ORIGINS."
        raise Problem(403, "FOREIGN_ORIGIN", detail)
    return origins[0]


def _bare(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()
