"""Settings of a service: from the environment (prefix ``ENERGY_MARKET_``), overridden by flags."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict

from http_service.admission import KnownNames, Limits
from market_files import DEFAULT_HOME

_LIMITS = Limits()
FURTHER_FILES = 200
"""Of a service, beside its connections."""


class ServiceSettings(BaseSettings):
    """What every service can be told; a service adds its own fields and its default port.

    A field's ``description`` is the help of its flag.
    """

    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")] = 0
    announce: Path | None = Field(None, description="file that gets the service's URL and process id once it listens")
    max_open_requests: Annotated[
        int, Field(ge=1, description="requests and long polls open at once; more get 503 TOO_BUSY")
    ] = _LIMITS.requests
    max_streams: Annotated[
        int,
        Field(
            ge=1,
            description="event streams open at once; for one more, one that nobody reads is closed, or every few "
            "seconds one that has lasted for a minute; else it gets 503 TOO_BUSY",
        ),
    ] = _LIMITS.streams
    headers_seconds: Annotated[
        float, Field(gt=0, description="how long a client may take to send a request's headers")
    ] = _LIMITS.headers_s
    body_seconds: Annotated[float, Field(gt=0, description="how long a client may take to send a request's body")] = (
        _LIMITS.body_s
    )
    stalled_seconds: Annotated[
        float, Field(gt=0, description="how long a client may take nothing of what it is sent; then it is dropped")
    ] = _LIMITS.stalled_s
    hosts: str = Field("", description="further names under which clients know the service, separated by commas")
    origins: str = Field(
        "http://localhost:8083,http://127.0.0.1:8083,http://[::1]:8083",
        description="pages that may use the service, separated by commas",
    )
    home: Path = Field(DEFAULT_HOME, description="folder of the market's files")

    @property
    def limits(self) -> Limits:
        """What the service's clients are held to."""
        return Limits(
            requests=self.max_open_requests,
            streams=self.max_streams,
            headers_s=self.headers_seconds,
            body_s=self.body_seconds,
            stalled_s=self.stalled_seconds,
        )

    @property
    def open_files(self) -> int:
        """How many files the service may need at once; a connection is one."""
        return self.limits.connections + FURTHER_FILES

    @property
    def known_names(self) -> KnownNames:
        """For which names the service answers."""
        return KnownNames.of(self.host, self.hosts, self.origins)


Settings = TypeVar("Settings", bound=ServiceSettings)


def parse_arguments(settings_class: type[Settings], description: str, argv: Sequence[str] | None = None) -> Settings:
    """Read a service's settings from flags and environment; leaves the program with status 2 if one is wrong.

    Parameters
    ----------
    description
        What ``--help`` says about the program.
    argv
        The flags; default: the program's own.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    flags = CliSettingsSource[argparse.ArgumentParser](
        settings_class, root_parser=parser, cli_kebab_case=True, cli_implicit_flags=True, cli_hide_none_type=True
    )
    try:
        return settings_class(_cli_settings_source=flags(args=list(sys.argv[1:] if argv is None else argv)))
    except ValidationError as error:
        problems = (f"{_flag(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False))
        parser.error("; ".join(problems))


def _flag(location: tuple[int | str, ...]) -> str:
    if not location:
        return "the settings together"  # a check of the whole has no flag of its own
    name = str(location[0])
    return f"--{name.replace('_', '-')} (or ENERGY_MARKET_{name.upper()})"
