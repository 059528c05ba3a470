"""The one voice of the command line: results, progress, errors and exit codes, for people and programs."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import simplejson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDE_COLUMNS = 200
"""Where no terminal says how wide it is, in a pipe or a file, nothing is to be cut off."""


class ExitCode(IntEnum):
    """How a command ended; docs/reference/command-line.md is for users."""

    DONE = 0
    FAILED = 1
    """What was asked for was refused, or is not so; the message says why."""
    MISUSED = 2
    """The command line is wrong."""
    UNAVAILABLE = 3
    """Nobody answered, or the ledger has not decided yet: the same command may succeed later."""
    STOPPED = 130
    """By Ctrl-C or SIGTERM."""


class Voice:
    """Says what a command has to say. With --json standard output holds one JSON document and nothing else."""

    def __init__(self) -> None:
        self.as_json = False
        self.out = Console(width=None if sys.stdout.isatty() else WIDE_COLUMNS)
        self.err = Console(stderr=True)

    def speak_json(self, wanted: bool) -> bool:
        """Take the option --json."""
        self.as_json = wanted
        return wanted

    @property
    def console(self) -> Console:
        """Where to tell a person how it goes."""
        return self.err if self.as_json else self.out

    def progress(self, sentence: str) -> None:
        """Tell how it goes."""
        self.console.print(escape(sentence), highlight=False, soft_wrap=True)

    def note(self, sentence: str) -> None:
        """Tell how it goes where standard output may be a command's file."""
        self.err.print(escape(sentence), highlight=False, soft_wrap=True)

    def remark(self, sentence: str) -> None:
        """Tell a person what a program reads out of the document."""
        if not self.as_json:
            self.progress(sentence)

    def done(self, result: Any, sentence: str) -> None:
        """Give a command's result: the document, or a sentence."""
        if self.as_json:
            self.document(result)
        else:
            self.progress(sentence)

    def rows(self, views: Sequence[Any], columns: Sequence[str], title: str | None = None, whole: Any = None) -> None:
        """Give a list of views: whole as JSON, perhaps with what it stands in, or some of their fields as a table."""
        if self.as_json:
            self.document(views if whole is None else whole)
            return
        views = plain(views)
        table = Table(title=title, title_justify="left", header_style="dim")
        for column in columns:
            table.add_column(column, overflow="fold")  # an id that is cut off cannot be typed
        for view in views:
            table.add_row(*(as_text(view[column]) for column in columns))
        self.out.print(table)

    def facts(self, view: Any, names: Iterable[str] | None = None, whole: Any = None) -> None:
        """Give one view: whole as JSON, perhaps with what it stands in, or some of its fields line by line."""
        if self.as_json:
            self.document(view if whole is None else whole)
            return
        view = plain(view)
        table = Table(show_header=False, box=None)
        for name in view if names is None else names:
            table.add_row(f"[dim]{escape(name)}[/]", as_text(view[name]))
        self.out.print(table)

    def line(self, text: str) -> None:
        """Write a line to standard output that another program is to read as it is."""
        sys.stdout.write(text + "\n")

    def confirm(self, plan: str, is_confirmed: bool, question: str = "Go on?") -> None:
        """Say what cannot be undone, and have a person confirm it, if the command does not say yes itself."""
        if is_confirmed:
            self.note(plan)
        else:
            typer.confirm(f"{plan} {question}", abort=True, err=True)

    def document(self, value: Any) -> None:
        """Write JSON to standard output, decimals exact."""
        sys.stdout.write(pretty_json(plain(value)))

    def error(self, code: str, sentence: str) -> None:
        """Say what went wrong, after its stable code where it has one."""
        sentence = sentence.removeprefix(f"{code}: ")
        if self.as_json:
            sys.stderr.write(json.dumps({"code": code, "detail": sentence}) + "\n")
        else:
            shown = f"{code}: {sentence}" if code else sentence
            self.err.print(f"[red]error[/] {escape(shown)}", highlight=False, soft_wrap=True)


voice = Voice()

AsJson = Annotated[bool, typer.Option("--json", help="Answer with JSON.", callback=voice.speak_json)]


def show_by_default(group: typer.Typer, show: Callable[[], None]) -> None:
    """Have a group of commands show something where none of them is named."""

    def shown(context: typer.Context, json: AsJson = False) -> None:
        if context.invoked_subcommand is None:
            show()

    group.callback(invoke_without_command=True)(shown)


def plain(value: Any) -> Any:
    """Return the rule book's views as what JSON is made of."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.as_json() if hasattr(value, "as_json") else value


def pretty_json(value: Any) -> str:
    """Return a value as indented JSON with exact decimals."""
    return simplejson.dumps(value, indent=2, use_decimal=True, allow_nan=False) + "\n"


def as_text(cell: Any) -> str:
    """Return a value as it stands in a table."""
    if cell is None:
        return "-"
    return escape(format(cell, "f") if isinstance(cell, Decimal) else str(cell))


def named_zone(name: str | None) -> ZoneInfo | None:
    """Return the time zone of a name; raises BadParameter."""
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f"{name!r} is no time zone; one is Europe/Berlin", param_hint="--zone") from None
