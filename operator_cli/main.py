"""The entry of ``energy-market``: all commands, and one place where errors become a sentence and an exit code."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from market_files import escape_unwritable
from operator_cli.voice import ExitCode, voice

COMMANDS = {
    "demo": ("demo_command:demo", "Play a game, or a day of games: services and prosumers as processes of their own."),
    "up": ("up_command:up", "Start queue, optimizer, clock and page, and make the operator's key if there is none."),
    "reset": ("reset_command:reset", "End and remove every game by a signed command, or begin a new chain."),
    "backup": ("backup_commands:backup", "Copy the market's stores and keys into one file, while it runs."),
    "restore": ("backup_commands:restore", "Put a backup in the place of the present market, which is kept."),
    "sign": ("sign_command:sign", "Print a signed command for curl, or send it."),
    "prosumers": ("prosumer_commands:app", "Prosumers, operators and their accounts."),
    "topology": ("topology_commands:app", "The network on which hops are counted."),
    "meters": ("meter_commands:app", "The meters at prosumers' connections."),
    "games": ("game_commands:app", "Games and their results."),
    "statement": (
        "statement_command:statement",
        "Show what a prosumer took, fed in, bought and sold, slot by slot, and what it came to.",
    ),
    "tariffs": ("tariff_commands:app", "The grid's tariffs by time."),
    "verify-clearing": (
        "verify_clearing_command:verify_clearing",
        "Recompute a certified clearing's proof from the ledger's data alone.",
    ),
    "clock": ("clock_commands:app", "The market clock's schedule."),
    "ledger": ("ledger_commands:app", "The ledger's blocks."),
    "network": ("network_commands:app", "A Hyperledger Fabric network, on this machine or in containers."),
}
"""Where each command is, and how it is listed."""

TRY_LATER = frozenset({"MARKET_UNAVAILABLE", "OUTCOME_PENDING"})


class OnDemand(typer.core.TyperGroup):
    """A group that imports a command when that is called; to list them it needs none of them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that is called, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _imported(name) if name in COMMANDS else command, rest


def _imported(name: str) -> Any:
    place, summary = COMMANDS[name]
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"operator_cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        found.command()(function)
    command = typer.main.get_command(found)
    command.help = command.help or summary
    return command


app = typer.Typer(
    name="energy-market",
    cls=OnDemand,
    help="A local energy market on a permissioned ledger. Settings: ENERGY_MARKET_HOME, ENERGY_MARKET_QUEUE_URL, ...",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _name, (_module, _summary) in COMMANDS.items():
    app.command(_name, help=_summary)(lambda: None)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # costs as much as all the rest of this module

        typer.echo(f"energy-market {version('energy-market')}")
        raise typer.Exit


@app.callback(help=app.info.help)
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command line."""
    escape_unwritable()
    try:
        app()
    except (SystemExit, KeyboardInterrupt) as ended:
        if isinstance(ended, SystemExit) and ended.code != ExitCode.STOPPED:
            raise
        voice.error("STOPPED", "stopped")
        sys.exit(ExitCode.STOPPED)
    except UnicodeEncodeError as error:  # a word of the command line that is no text goes nowhere
        if error.reason != "surrogates not allowed":
            raise  # a defect of ours
        voice.error("UNUSABLE_VALUE", f"{error.object!r} is no Unicode text; write it in UTF-8")
        sys.exit(ExitCode.FAILED)
    except Exception as error:
        code = str(getattr(error, "code", ""))
        # Ours have a code. The others are of a folder or file that the user named, and say which, or of a long wait.
        if not code and not isinstance(error, OSError | TimeoutError):
            raise  # a defect of ours
        places = "ENERGY_MARKET_QUEUE_URL and ENERGY_MARKET_CLOCK_URL say where its services are"
        hint = f"; `energy-market up` starts a market, {places}"
        notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
        voice.error(code, f"{error}{hint if code == 'MARKET_UNAVAILABLE' else ''}{notes}")
        sys.exit(ExitCode.UNAVAILABLE if code in TRY_LATER else ExitCode.FAILED)


if __name__ == "__main__":
    main()
