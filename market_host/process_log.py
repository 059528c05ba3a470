"""What each process says, on a terminal, in the spirit of the original's log, and where things stand."""

import json
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

_HIDDEN = frozenset({"event", "level", "timestamp", "prosumer", "service", "game", "command", "request_id"})
_HOUSEKEEPING = frozenset({"request"})
"""Lines of a service that tell nothing about the market."""
_STYLES = {"warning": "yellow", "error": "red", "critical": "red"}
_QUIET = frozenset({"tx_queue", "optimization_api"})
"""Processes of which only warnings and errors are shown: what they do, the prosumers and the clock tell."""


class ProcessLog:
    """Prints log lines above a status line that says where things stand.

    Parameters
    ----------
    only_from
        Processes whose ordinary lines are shown; None: all.
    """

    def __init__(self, console: Console, only_from: frozenset[str] | None = None) -> None:
        self._console = console
        self._only_from = only_from
        self._status: Status | None = console.status("starting") if console.is_terminal else None
        if self._status is not None:
            self._status.start()

    def close(self) -> None:
        """End the status line; from now on only warnings and errors are printed."""
        self._only_from = frozenset()
        if self._status is not None:
            self._status.stop()

    def stands(self, text: str) -> None:
        """Say where things stand."""
        if self._status is not None:
            self._status.update(escape(text))

    def say(self, text: str, name: str = "market", level: str = "info") -> None:
        """Print a line of our own."""
        self._print(name, datetime.now(UTC).isoformat(sep=" ", timespec="seconds")[:19], level, text)

    def hear(self, name: str, line: str) -> None:
        """Print a line that a process printed: structlog's JSON, or plain text where something went wrong early."""
        record = read_record(line)
        level = str(record.get("level", "info"))
        if level in ("info", "debug") and (record["event"] in _HOUSEKEEPING or not self._is_shown(name)):
            return
        who = str(record.get("prosumer", name))
        rest = " ".join(f"{key}={_plain(value)}" for key, value in record.items() if key not in _HIDDEN)
        moment = str(record.get("timestamp", ""))[:19].replace("T", " ")
        self._print("CLOCK" if who == "market_clock" else who, moment, level, f"{record['event']} {rest}".rstrip())

    def _is_shown(self, name: str) -> bool:
        return name not in _QUIET and (self._only_from is None or name in self._only_from)

    def _print(self, name: str, moment: str, level: str, text: str) -> None:
        style = _STYLES.get(level, "default")
        self._console.print(
            f"[bold]{escape(f'[{name}]')}[/] [dim]{escape(f'[{moment}]')}[/] [{style}]{level}: {escape(text)}[/]",
            highlight=False,
            soft_wrap=True,
        )


def read_record(line: str) -> dict[str, Any]:
    """Read a line of a process's log; what is none becomes a warning."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    return record if isinstance(record, dict) and "event" in record else {"event": line, "level": "warning"}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
