"""``energy-market ledger``: the chain itself, and whether it is what the rules say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from energy_market_chaincode import Topic, invoke, iso
from ledger import LedgerKind, LedgerSettings
from ledger.embedded import verify as verify_file
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, ExitCode, voice
from prosumer_client import latest_time, run_to_end

app = typer.Typer(help="The ledger's blocks.", no_args_is_help=True)


class LedgerTimeFits(Exception):
    """There is nothing to set right."""

    code: ClassVar[str] = "LEDGER_TIME_FITS"


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="Default: the embedded ledger of ENERGY_MARKET_HOME.")] = None,
    replay_only: Annotated[
        bool, typer.Option(help="Do not run the rules again: for a chain written under an older version of them.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Recompute a ledger's chain and state from its blocks; name the first block that does not fit.

    On Fabric every peer's blocks and state are compared and all signatures checked, and it is said what had to be
    trusted.
    """
    settings = OperatorSettings.read()
    if file is None and settings.ledger is LedgerKind.FABRIC:
        _verify_network(LedgerSettings(home=settings.home), replay_only)
        return
    path = file or settings.home / "ledger.sqlite"
    found = verify_file(path, None if replay_only else invoke)
    counts = {"file": str(path), "blocks": found.blocks, "transactions": found.transactions, "events": found.events}
    fault = None if found.fault is None else str(found.fault)
    voice.facts({**counts, "head": found.head, "fault": fault})
    if fault is not None:
        voice.remark(f"does not fit {fault}")
        raise typer.Exit(ExitCode.FAILED)
    voice.remark(f"everything fits; the last block's hash is {found.head}")


def _verify_network(settings: LedgerSettings, replay_only: bool) -> None:
    from ledger.fabric import profile_of, verify_network

    found = run_to_end(verify_network(profile_of(settings), None if replay_only else invoke))
    counts = {name: getattr(found, name) for name in ("blocks", "transactions", "events", "signatures")}
    view = {"peers": list(found.peers), **counts, "head": found.head, "fault": found.fault, "trusted": found.trusted}
    voice.facts(view, ("peers", *counts, "head"))
    if found.fault is not None:
        voice.remark(f"does not fit: {found.fault}")
        raise typer.Exit(ExitCode.FAILED)
    voice.remark(f"everything fits; the last block's hash is {found.head}")
    for trusted in found.trusted:
        voice.remark(f"trusted: {trusted}")


@app.command()
def blocks(
    first: Annotated[
        int | None, typer.Option("--from", help="The first block shown; default: the newest ones are.", min=0)
    ] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
    json: AsJson = False,
) -> None:
    """List blocks in their order, the newest ones unless told otherwise."""
    view = OperatorSettings.read().ask(lambda market: market.blocks(first, limit)).as_json()
    voice.rows(view["blocks"], ("number", "hash", "at", "nrTransactions"), f"height {view['height']}", view)


@app.command()
def block(number: Annotated[int, typer.Argument(min=0)], json: AsJson = False) -> None:
    """Show one block with its transactions, always as JSON."""
    voice.document(OperatorSettings.read().ask(lambda market: market.block(number)))


@app.command()
def market(json: AsJson = False) -> None:
    """Show the operators and how much money there is."""
    view = OperatorSettings.read().ask(lambda client: client.market()).as_json()
    facts = {**view, **view["accounts"]}
    voice.facts(facts, (name for name in facts if name != "accounts"), view)


@app.command("set-time")
def set_time(
    old_time: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S.%fZ"], help="The wrong time; default: the latest of the last blocks."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Set a ledger's time that is ahead of the true one to this machine's, and begin a new epoch."""
    settings = OperatorSettings.read()
    now = datetime.now(UTC)
    wrong = old_time.replace(tzinfo=UTC) if old_time is not None else settings.ask(latest_time) or now
    if wrong <= now:
        raise LedgerTimeFits(f"the ledger's time, {iso(wrong)}, is not ahead of this machine's, {iso(now)}")
    voice.confirm(
        f"The ledger's time is {iso(wrong)}, this machine's {iso(now)}. If this machine's is right, the ledger's is "
        "set to it and a new epoch begins: what was signed before and has not been decided counts no more.",
        yes,
    )
    times = {"oldTime": iso(wrong), "newTime": iso(datetime.now(UTC))}
    result = settings.order(lambda client: client.submit(Topic.SET_LEDGER_TIME, times))
    voice.done(result, f"the ledger's time is right; epoch {result['number']}, in which its id is {result['ledger']}")
