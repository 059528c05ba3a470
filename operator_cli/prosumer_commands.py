"""``energy-market prosumers``: who takes part, with what money and which key."""

import asyncio
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from energy_market_chaincode.commands import Role, Topic
from operator_cli.output import console, print_facts, print_json, print_table
from operator_cli.settings import OperatorSettings
from prosumer_client.identity import Identity
from prosumer_client.keys import key_file, load_or_create_key

app = typer.Typer(help="Prosumers, operators and their accounts.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="The prosumer's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
PublicKey = Annotated[
    str | None, typer.Option(help="Its Ed25519 public key in base64; default: of the key in our folder of keys.")
]


def _amount(text: str) -> str:
    """Refuse what is no amount before anything is entered; the market itself checks the rest."""
    try:
        if Decimal(text).is_finite() and Decimal(text) >= 0:
            return text
    except InvalidOperation:
        pass
    raise typer.BadParameter(f"{text!r} is no amount of money; write it as 12.50")


@app.callback()
def prosumers(context: typer.Context) -> None:
    """List all, if no command is given."""
    if context.invoked_subcommand is None:
        list_prosumers()


@app.command("list")
def list_prosumers(json: AsJson = False) -> None:
    """List who is registered."""

    async def read() -> list[dict[str, Any]]:
        async with OperatorSettings().reader() as market:
            return await market.prosumers()

    views = asyncio.run(read())
    if json:
        print_json(views)
        return
    columns = ("prosumer", "role", "accountBalance", "frozenFunds", "debt", "contributionMetric")
    print_table(columns, ([view[column] for column in columns] for view in views))


@app.command()
def show(prosumer: Name, json: AsJson = False) -> None:
    """Show one."""

    async def read() -> dict[str, Any]:
        async with OperatorSettings().reader() as market:
            return await market.prosumer(prosumer)

    view = asyncio.run(read())
    if json:
        print_json(view)
    else:
        print_facts(view)


@app.command()
def add(
    prosumer: Name,
    public_key: PublicKey = None,
    role: Annotated[Role, typer.Option(help="May it trade, or operate the market?")] = Role.PROSUMER,
    production: Annotated[str, typer.Option(help="Metered production so far, kWh.")] = "0",
    consumption: Annotated[str, typer.Option(help="Metered consumption so far, kWh.")] = "0",
    balance: Annotated[str, typer.Option(help="Money to begin with.", callback=_amount)] = "0",
) -> None:
    """Register a prosumer or operator; without --public-key its key is made in our folder of keys."""
    settings = OperatorSettings()
    data = {
        "id": prosumer,
        "publicKey": public_key or _own_key(settings, prosumer),
        "role": role,
        "totalProduction": production,
        "totalConsumption": consumption,
    }
    _submit(Topic.REGISTER_PROSUMER, data)
    if Decimal(balance):
        _submit(Topic.TOP_UP_ACCOUNT, {"prosumer": prosumer, "amount": balance})
    console.print(f"{prosumer} is registered")


@app.command("top-up")
def top_up(prosumer: Name, amount: Annotated[str, typer.Argument(help="In currency.")]) -> None:
    """Put money into an account."""
    result = _submit(Topic.TOP_UP_ACCOUNT, {"prosumer": prosumer, "amount": amount})
    owes = f" and owes the grid operator {result['debt']}" if "debt" in result else ""
    console.print(f"{prosumer} has {result['accountBalance']}{owes}")


@app.command("replace-key")
def replace_key(prosumer: Name, public_key: PublicKey = None) -> None:
    """Give a prosumer or operator a new key; the old one signs nothing any more.

    Without --public-key a new key is made in our folder of keys, and the old one is kept beside it.
    """
    settings = OperatorSettings()
    draft = key_file(settings.keys, f"{prosumer}.next")
    new = public_key or Identity(prosumer, load_or_create_key(draft)).public_key
    _submit(Topic.REGISTER_PROSUMER, {"id": prosumer, "publicKey": new, "replaceKey": True})
    if public_key is None:
        _put_in_place(draft, key_file(settings.keys, prosumer))
    console.print(f"{prosumer} has a new key")


def _put_in_place(new: Path, place: Path) -> None:
    """Let a new key take the place of the old one, which stays beside it."""
    if place.exists():
        place.rename(place.with_name(f"{place.name}.old"))
    new.rename(place)


def _own_key(settings: OperatorSettings, prosumer: str) -> str:
    return Identity(prosumer, load_or_create_key(key_file(settings.keys, prosumer))).public_key


def _submit(topic: Topic, data: dict[str, Any]) -> dict[str, Any]:
    async def submit() -> dict[str, Any]:
        async with OperatorSettings().market() as market:
            return await market.submit(topic, data)

    return asyncio.run(submit())
