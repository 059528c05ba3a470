"""How much of a service a stranger may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What an application and its connections hold their clients to."""

    open_requests: int = 800
    """Requests, long polls and streams at once; with the spare connections below the usual 1024 open files."""
    spare_connections: int = 200
    """Connections beyond the open requests: idle ones, those that still send their headers, and monitoring's."""
    headers_s: float = 10.0
    """From a request's first byte, or a connection's beginning, to the end of its headers."""
    body_s: float = 30.0
    """From the end of the headers to the end of the body."""
