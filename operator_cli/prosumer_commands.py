"""``energy-market prosumers``: who takes part, with what money and which key."""

from decimal import Decimal
from typing import Annotated, Any

import typer

from energy_market_chaincode import MAX_MONEY, Role, Topic, errors, money_from_currency
from operator_cli.key_changes import KeyChange, entered_key
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, show_by_default, voice
from prosumer_client import CommandRejected, RequestRefused, repeatable_id

app = typer.Typer(help="Prosumers, operators and their accounts.")

Name = Annotated[str, typer.Argument(help="The prosumer's id.")]
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


@app.command("list")
def list_prosumers(json: AsJson = False) -> None:
    """List who is registered."""
    views = OperatorSettings.read().ask(lambda market: market.prosumers())
    voice.rows(views, ("prosumer", "role", "accountBalance", "frozenFunds", "debt", "contributionMetric"))


show_by_default(app, list_prosumers)


@app.command()
def show(prosumer: Name, json: AsJson = False) -> None:
    """Show one."""
    voice.facts(OperatorSettings.read().ask(lambda market: market.prosumer(prosumer)))


@app.command()
def add(
    prosumer: Name,
    public_key: PublicKey = None,
    role: Annotated[Role, typer.Option(help="May it trade, or operate the market?")] = Role.PROSUMER,
    production: Annotated[str, typer.Option(help="Metered production so far, kWh.")] = "0",
    consumption: Annotated[str, typer.Option(help="Metered consumption so far, kWh.")] = "0",
    balance: Annotated[str, typer.Option(help="Money to begin with.", callback=_amount)] = "0",
    json: AsJson = False,
) -> None:
    """Register a prosumer or operator; without --public-key its key is made in our folder of keys.

    The same command again completes what was interrupted; the balance to begin with counts once.
    """
    settings = OperatorSettings.read()
    history = {"role": role, "totalProduction": production, "totalConsumption": consumption}
    with entered_key(settings, prosumer, public_key) as key:
        result = _register(settings, {"id": prosumer, "publicKey": key, **history})
    if Decimal(balance):
        result |= _endow(settings, prosumer, key, balance)
        voice.remark(_purse(prosumer, result))
    if json:
        voice.document(result)


def _register(settings: OperatorSettings, data: dict[str, Any]) -> dict[str, Any]:
    """Register somebody, or find that this was done, by the same command if it was interrupted."""
    prosumer = data["id"]
    try:
        result = _submit(settings, Topic.REGISTER_PROSUMER, data)
    except CommandRejected as refusal:
        if refusal.code != errors.ProsumerExists.code:
            raise
        known = settings.ask(lambda market: market.prosumer(prosumer))
        if (known.public_key, known.role) != (data["publicKey"], data["role"]):
            raise
        voice.progress(f"{prosumer} was registered with this key already")
        return {"prosumer": prosumer, "keyReplaced": False}
    voice.progress(f"{prosumer} is registered")
    return result


def _endow(settings: OperatorSettings, prosumer: str, key: str, balance: str) -> dict[str, Any]:
    """Put the money to begin with into an account, once; return what is in it now."""
    once = repeatable_id(settings.operator, Topic.TOP_UP_ACCOUNT, "to begin with", prosumer, key)
    data = {"prosumer": prosumer, "amount": balance}
    try:
        result = settings.order(
            lambda market: market.submit(Topic.TOP_UP_ACCOUNT, data, command_id=once, has_end=False)
        )
    except (CommandRejected, RequestRefused) as refusal:
        if refusal.code == errors.CommandIdReused.code:
            refusal.add_note(f"{prosumer} got another balance to begin with; `prosumers top-up` adds to it")
        raise
    now = settings.ask(lambda market: market.prosumer(prosumer)).as_json()  # a repeated command says what was then
    return {name: now.get(name, value) for name, value in result.items()}


@app.command("top-up")
def top_up(prosumer: Name, amount: Annotated[str, typer.Argument(help="In currency.")], json: AsJson = False) -> None:
    """Put money into an account."""
    result = _submit(OperatorSettings.read(), Topic.TOP_UP_ACCOUNT, {"prosumer": prosumer, "amount": amount})
    voice.done(result, _purse(prosumer, result))


def _purse(prosumer: str, result: dict[str, Any]) -> str:
    owes = f" and owes the grid operator {result['debt']}" if result["debt"] else ""
    return f"{prosumer} has {result['accountBalance']}{owes}"


@app.command("replace-key")
def replace_key(prosumer: Name, public_key: PublicKey = None, json: AsJson = False) -> None:
    """Give a prosumer or operator a new key; the old one signs nothing any more.

    Without --public-key a new key is made in our folder of keys, and the old one is kept beside it. A replacement that
    was interrupted is completed.
    """
    settings = OperatorSettings.read()
    data = {"id": prosumer, "replaceKey": True}
    if public_key is not None:
        _submit(settings, Topic.REGISTER_PROSUMER, {**data, "publicKey": public_key})
    else:
        with KeyChange.begin(settings, prosumer) as (change, is_known):
            public_key = change.public_key
            if is_known:
                voice.progress("an earlier replacement, which was interrupted, had reached the ledger")
            else:
                _submit(settings, Topic.REGISTER_PROSUMER, {**data, "publicKey": public_key})
            change.complete()
    voice.done({"prosumer": prosumer, "publicKey": public_key}, f"{prosumer} has a new key")


def _submit(settings: OperatorSettings, topic: Topic, data: dict[str, Any]) -> dict[str, Any]:
    return settings.order(lambda market: market.submit(topic, data))
