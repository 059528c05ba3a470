"""How a command line says what went wrong: one line with the error's code."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from fabric_network.errors import NetworkError
from fabric_network.programs import ProgramsMissing


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print an expected error and leave the command with exit code 1."""
    try:
        yield
    except (NetworkError, ProgramsMissing) as error:
        console = Console(stderr=True)
        console.print(f"{error.code}: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
