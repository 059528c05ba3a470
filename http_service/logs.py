"""Logs: structlog, for people on a terminal and JSON lines otherwise."""

import logging
import logging.config
import sys
from typing import Literal

import structlog
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import EventDict, Processor, WrappedLogger


class LogSettings(BaseSettings):
    """From the environment: ``ENERGY_MARKET_LOG_FORMAT`` (text, json or auto) and ``ENERGY_MARKET_LOG_LEVEL``."""

    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    log_format: Literal["auto", "text", "json"] = "auto"
    """Auto: text on a terminal, JSON otherwise."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def configure_logs(service: str) -> None:
    """Log to standard error, each line with the service's name; standard logging goes the same way.

    Leaves the program with status 2 if the settings of the logs are wrong.
    """
    try:
        settings = LogSettings()
    except ValidationError as error:
        first = error.errors()[0]
        print(f"{service}: error: ENERGY_MARKET_{str(first['loc'][0]).upper()}: {first['msg']}", file=sys.stderr)
        sys.exit(2)
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "service": service}

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
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.captureWarnings(True)


def all_is_said() -> None:
    """Keep uvicorn from showing the traceback of an expected reason not to start, which was logged in a sentence."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: not record.getMessage().startswith("Traceback"))


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
