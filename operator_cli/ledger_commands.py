"""``energy-market ledger``: the chain itself, and whether it is what the rules say."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from energy_market_chaincode import invoke
from ledger import LedgerKind, LedgerSettings
from ledger.embedded import verify as verify_file
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, ExitCode, voice

app = typer.Typer(help="The ledger's blocks.", no_args_is_help=True)


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="Default: the embedded ledger of ENERGY_MARKET_HOME.")] = None,
    replay_only: Annotated[
        bool, typer.Option(help="Do not run the rules again: for a chain written under an older version of them.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Recompute a ledger's chain and state from its blocks; name the first block that does not fit.

    On Fabric every peer's blocks and state are compared, and it is said what had to be trusted.
    """
    settings = OperatorSettings.read()
    if file is None and settings.ledger is LedgerKind.FABRIC:
        _verify_network(LedgerSettings(home=settings.home))
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


def _verify_network(settings: LedgerSettings) -> None:
    from ledger.fabric import profile_of, verify_network

    found = asyncio.run(verify_network(profile_of(settings)))
    counts = {"blocks": found.blocks, "transactions": found.transactions, "events": found.events}
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
    first: Annotated[int, typer.Option("--from", help="The first block shown.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
    json: AsJson = False,
) -> None:
    """List blocks."""
    view = OperatorSettings.read().ask(lambda market: market.blocks(first, limit)).as_json()
    if json:
        voice.document(view)
    else:
        voice.rows(view["blocks"], ("number", "hash", "at", "nrTransactions"), f"height {view['height']}")


@app.command()
def block(number: Annotated[int, typer.Argument(min=0)], json: AsJson = False) -> None:
    """Show one block with its transactions, always as JSON."""
    voice.document(OperatorSettings.read().ask(lambda market: market.block(number)))


@app.command()
def market(json: AsJson = False) -> None:
    """Show the operators and how much money there is."""
    view = OperatorSettings.read().ask(lambda client: client.market()).as_json()
    if json:
        voice.document(view)
    else:
        voice.facts({**view, **view["accounts"]}, (name for name in (*view, *view["accounts"]) if name != "accounts"))
