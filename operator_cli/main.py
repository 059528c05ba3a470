"""The entry of ``energy-market``: all commands, and one place where errors become a sentence and an exit code."""

import asyncio
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from demo.community import ForeignProsumer
from demo.run import GameFailed
from demo.scenario_file import ScenarioError, ScenarioMissing
from fabric_network import NetworkError, ProgramsMissing
from fabric_network import app as network_app
from ledger import LedgerError
from market_host import ProcessFailed
from operator_cli import (
    backup_commands,
    demo_command,
    game_commands,
    ledger_commands,
    prosumer_commands,
    reset_command,
    up_command,
)
from operator_cli.backup_commands import BackupFailed, BackupUnusable, NothingToBackUp
from operator_cli.output import complaints
from prosumer_client import MarketError, MarketUnavailable

EXPECTED = (
    MarketError,
    LedgerError,
    NetworkError,
    ProgramsMissing,
    ScenarioError,
    ScenarioMissing,
    ProcessFailed,
    GameFailed,
    BackupFailed,
    BackupUnusable,
    NothingToBackUp,
    ForeignProsumer,
    TimeoutError,
    OSError,  # a folder or file that the user named; it says which and why
)
"""What can go wrong without being a defect of ours: a sentence is enough."""

app = typer.Typer(
    name="energy-market",
    help="A local energy market on a permissioned ledger. Settings: ENERGY_MARKET_HOME, ENERGY_MARKET_QUEUE_URL, ...",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo_command.demo)
app.command("up")(up_command.up)
app.command("reset")(reset_command.reset)
app.command("backup")(backup_commands.backup)
app.command("restore")(backup_commands.restore)
app.add_typer(prosumer_commands.app, name="prosumers")
app.add_typer(game_commands.app, name="games")
app.add_typer(ledger_commands.app, name="ledger")
app.add_typer(network_app, name="network")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"energy-market {version('energy-market')}")
        raise typer.Exit


@app.callback(help=app.info.help)
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _with_code(error: BaseException) -> str:
    """Return an error's sentence after its stable code, where it has one."""
    code, sentence = getattr(error, "code", ""), str(error)
    return sentence if sentence.startswith(code) else f"{code}: {sentence}"


def main() -> None:
    """Run the command line."""
    try:
        app()
    except EXPECTED as error:
        complaints.print(f"[red]error[/] {escape(_with_code(error))}", highlight=False, soft_wrap=True)
        if isinstance(error, MarketUnavailable):
            complaints.print(
                "is the market up? `energy-market up` starts one, ENERGY_MARKET_QUEUE_URL says where it is"
            )
        sys.exit(1)
    except ValidationError as error:
        if not error.title.endswith("Settings"):
            raise  # a defect of ours
        for problem in error.errors():
            setting = f"ENERGY_MARKET_{'_'.join(map(str, problem['loc']))}".upper()
            complaints.print(f"[red]error[/] UNUSABLE_SETTING: {setting}: {escape(problem['msg'])}", highlight=False)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        complaints.print("stopped")
        sys.exit(130)


if __name__ == "__main__":
    main()
