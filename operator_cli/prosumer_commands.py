"""``energy-market prosumers``: who takes part, with what money and which key."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from energy_market_chaincode import Role, Topic
from energy_market_chaincode.units import MAX_MONEY, money_from_currency
from operator_cli.output import console, print_facts, print_json, print_table
from operator_cli.settings import OperatorSettings
from prosumer_client import CommandRejected, Identity, RequestRefused, key_file, load_or_create_key

app = typer.Typer(help="Prosumers, operators and their accounts.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="The prosumer's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
PublicKey = Annotated[
    str | None, typer.Option(help="Its Ed25519 public key in base64; default: of the key in our folder of keys.")
]


def _amount(text: str) -> str:
    """Refuse what is no amount before anything is entered."""
    try:
        amount = money_from_currency(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}; write it as 12.50") from None
    if not 0 <= amount <= MAX_MONEY:
        raise typer.BadParameter(f"{text!r} is no amount of money that an account can hold")
    return text


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
            return [prosumer.as_json() for prosumer in await market.prosumers()]

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
            return (await market.prosumer(prosumer)).as_json()

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
    history = {"role": role, "totalProduction": production, "totalConsumption": consumption}
    with _key_for(prosumer, key_file(settings.keys, prosumer), public_key) as key:
        _submit(Topic.REGISTER_PROSUMER, {"id": prosumer, "publicKey": key, **history})
    console.print(f"{prosumer} is registered")
    if Decimal(balance):
        top_up(prosumer, balance)


@app.command("top-up")
def top_up(prosumer: Name, amount: Annotated[str, typer.Argument(help="In currency.")]) -> None:
    """Put money into an account."""
    result = _submit(Topic.TOP_UP_ACCOUNT, {"prosumer": prosumer, "amount": amount})
    owes = f" and owes the grid operator {result['debt']}" if result["debt"] else ""
    console.print(f"{prosumer} has {result['accountBalance']}{owes}")


@app.command("replace-key")
def replace_key(prosumer: Name, public_key: PublicKey = None) -> None:
    """Give a prosumer or operator a new key; the old one signs nothing any more.

    Without --public-key a new key is made in our folder of keys, and the old one is kept beside it.
    """
    settings = OperatorSettings()
    place = key_file(settings.keys, prosumer)
    draft = place.with_name(f".{place.name}.next")  # no prosumer's id begins with a dot
    with _key_for(prosumer, draft, public_key) as key:
        _submit(Topic.REGISTER_PROSUMER, {"id": prosumer, "publicKey": key, "replaceKey": True})
    if public_key is None:
        _put_in_place(draft, place)
    console.print(f"{prosumer} has a new key")


def _put_in_place(new: Path, place: Path) -> None:
    """Let a new key take the place of the old one, which stays beside it."""
    if place.exists():
        place.rename(place.with_name(f"{place.name}.old"))
    new.rename(place)


@contextmanager
def _key_for(prosumer: str, file: Path, public_key: str | None) -> Iterator[str]:
    """Give the public key to enter: the one that is named, or of the key in a file, which is made if need be.

    A key that was made for a command that the market turns away goes again. Where nobody knows what became of the
    command it stays.
    """
    if public_key is not None:
        yield public_key
        return
    is_new = not file.exists()
    try:
        yield Identity(prosumer, load_or_create_key(file)).public_key
    except (CommandRejected, RequestRefused):
        if is_new:
            file.unlink(missing_ok=True)
        raise


def _submit(topic: Topic, data: dict[str, Any]) -> dict[str, Any]:
    async def submit() -> dict[str, Any]:
        async with OperatorSettings().market() as market:
            return await market.submit(topic, data)

    return asyncio.run(submit())
