"""How the commands speak to a person or, with --json, to a program."""

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import simplejson
from rich.console import Console
from rich.table import Table

WIDE_COLUMNS = 200
"""Where no terminal says how wide it is, in a pipe or a file, nothing is to be cut off."""

console = Console(width=None if sys.stdout.isatty() else WIDE_COLUMNS)
complaints = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print a value as JSON with exact decimals."""
    sys.stdout.write(pretty_json(value))


def pretty_json(value: Any) -> str:
    """Return a value as indented JSON with exact decimals."""
    return simplejson.dumps(value, indent=2, use_decimal=True, allow_nan=False) + "\n"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print rows as a table."""
    table = Table(title=title, title_justify="left", header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")  # an id that is cut off cannot be typed
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    console.print(table)


def print_facts(facts: dict[str, Any]) -> None:
    """Print names with their values."""
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(f"[dim]{name}[/]", _text(value))
    console.print(table)


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)
