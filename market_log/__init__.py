"""How every program of the market logs: structlog, as text on a terminal and as JSON lines otherwise.

A library only asks structlog for a logger; the program that uses it calls :func:`configure_logs` once, first of all.
structlog is imported here, so that it comes without rich, which it would load for tracebacks that show local variables;
whoever has another library that brings along a terminal's, as httpx does, imports it with :func:`without`.
"""

import logging
import os
import sys
from collections.abc import Sequence

from market_log.lean_imports import without

with without("rich"):
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["FORMATS", "LEVELS", "configure_logs", "structlog", "without"]

FORMATS = ("auto", "text", "json")
"""Auto: text on a terminal, JSON otherwise."""
LEVELS = ("debug", "info", "warning", "error")

_CHATTY = ("apscheduler", "httpx")
"""Libraries that tell of everything they do; only their warnings are kept."""


def configure_logs(program: str, log_format: str | None = None, log_level: str | None = None) -> None:
    """Log to standard error, each line with the program's name; standard logging goes the same way.

    Leaves the program with status 2 if the settings of the logs are wrong.

    Parameters
    ----------
    log_format
        One of :data:`FORMATS`; default: ``ENERGY_MARKET_LOG_FORMAT`` or auto.
    log_level
        One of :data:`LEVELS`; default: ``ENERGY_MARKET_LOG_LEVEL`` or info.
    """
    log_format = log_format or _setting(program, "ENERGY_MARKET_LOG_FORMAT", FORMATS, "auto")
    log_level = log_level or _setting(program, "ENERGY_MARKET_LOG_LEVEL", LEVELS, "info")
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "service": program}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        _without_colours,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_renderers(as_text)))
    logging.basicConfig(handlers=[handler], level=log_level.upper(), force=True)
    logging.captureWarnings(True)
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)


def _setting(program: str, name: str, choices: Sequence[str], default: str) -> str:
    value = os.environ.get(name, default)
    if value not in choices:
        print(f"{program}: error: {name}: {value} is none of {', '.join(choices)}", file=sys.stderr)
        sys.exit(2)
    return value


def _renderers(as_text: bool) -> list[Processor]:
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if as_text:
        # rich's tracebacks would show local variables, and so what prosumers send
        return [without_meta, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [without_meta, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _without_colours(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop uvicorn's second rendering of its message."""
    event.pop("color_message", None)
    return event
