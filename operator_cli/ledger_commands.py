"""``energy-market ledger``: the chain itself, and whether it is what the rules say."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from energy_market_chaincode.contract import invoke
from ledger import LedgerKind
from ledger.embedded import verify as verify_file
from operator_cli.output import console, print_facts, print_json, print_table
from operator_cli.settings import OperatorSettings

app = typer.Typer(help="The ledger's blocks.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="Default: the embedded ledger of ENERGY_MARKET_HOME.")] = None,
    replay_only: Annotated[
        bool, typer.Option(help="Do not run the rules again: for a chain written under an older version of them.")
    ] = False,
) -> None:
    """Recompute an embedded ledger's chain and state from its blocks; name the first block that does not fit."""
    settings = OperatorSettings()
    if file is None and settings.ledger is LedgerKind.FABRIC:
        raise typer.BadParameter(
            "each peer of a Fabric ledger verifies every block itself, and `energy-market network status` compares "
            "them; name a FILE to verify an embedded ledger"
        )
    path = file or settings.home / "ledger.sqlite"
    found = verify_file(path, None if replay_only else invoke)
    print_facts({"file": path, "blocks": found.blocks, "transactions": found.transactions, "events": found.events})
    if found.fault is not None:
        console.print(f"[red]does not fit[/] {found.fault}", highlight=False)
        raise typer.Exit(1)
    console.print(f"[green]everything fits[/]; the last block's hash is {found.head}", highlight=False)


@app.command()
def blocks(
    first: Annotated[int, typer.Option("--from", help="The first block shown.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
    json: AsJson = False,
) -> None:
    """List blocks."""

    async def read() -> dict[str, Any]:
        async with OperatorSettings().reader() as market:
            return (await market.blocks(first, limit)).as_json()

    view = asyncio.run(read())
    if json:
        print_json(view)
        return
    columns = ("number", "hash", "at", "nrTransactions")
    print_table(columns, ([block[c] for c in columns] for block in view["blocks"]), f"height {view['height']}")


@app.command()
def block(number: Annotated[int, typer.Argument(min=0)]) -> None:
    """Show one block with its transactions, as JSON."""

    async def read() -> dict[str, Any]:
        async with OperatorSettings().reader() as market:
            return (await market.block(number)).as_json()

    print_json(asyncio.run(read()))


@app.command()
def market(json: AsJson = False) -> None:
    """Show the operators and how much money there is."""

    async def read() -> dict[str, Any]:
        async with OperatorSettings().reader() as client:
            return (await client.market()).as_json()

    view = asyncio.run(read())
    if json:
        print_json(view)
    else:
        accounts = view.pop("accounts")
        print_facts({**view, **accounts})
