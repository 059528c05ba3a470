"""Ports of this machine: which are free."""

import secrets
import socket
from collections.abc import Iterable

from fabric_network.errors import PortTaken

_LOWEST, _HIGHEST = 20_000, 32_000
"""Below the ports that Linux and macOS give to outgoing connections, which come and go."""
_ATTEMPTS = 200


def free_base_port(nr_ports: int) -> int:
    """Return the first of so many free ports in a row, somewhere; raises PortTaken if there are none."""
    for _ in range(_ATTEMPTS):
        base = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if all(is_free(port) for port in range(base, base + nr_ports)):
            return base
    raise PortTaken(f"found no {nr_ports} free ports in a row between {_LOWEST} and {_HIGHEST}")


def taken(ports: Iterable[int]) -> list[int]:
    """Return those ports that somebody listens on."""
    return [port for port in ports if not is_free(port)]


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, or closed connections would count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
