"""``energy-market prosumers``: who takes part, with what money and which key."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer

from energy_market_chaincode import MAX_MONEY, Role, Topic, errors, market_views, money_from_currency
from operator_cli.key_changes import KeyChange, entered_key
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, show_by_default, voice
from prosumer_client import CommandRejected, MarketClient, MarketError, RequestRefused, repeatable_id

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
    """Register somebody; the same again, with the same key, is the same command and gives the same result."""
    prosumer = data["id"]
    occasion = ("registered", prosumer, data["publicKey"])
    differs = f"{prosumer} is registered otherwise with this key"
    result = _submit_once(settings, Topic.REGISTER_PROSUMER, data, occasion, differs)
    if isinstance(result, MarketError):
        _require_registered(settings, data, result)
        result = market_views.ProsumerEntered(prosumer=prosumer, key_replaced=False).as_json()
    voice.progress(f"{prosumer} is registered")
    return result


def _require_registered(settings: OperatorSettings, data: dict[str, Any], refusal: MarketError) -> None:
    """Raise the refusal unless somebody stands on the ledger as is said here; tell what nobody can know any more."""
    prosumer = data["id"]
    views = settings.ask(lambda market: market.prosumers())
    view = next((each for each in views if each.prosumer == prosumer), None)
    if view is None:
        refusal.add_note(f"{prosumer} is not registered: an earlier registration with this key was refused")
        raise refusal
    if (view.public_key, view.role) != (data["publicKey"], data["role"]):
        refusal.add_note(f"{prosumer} is registered as {view.role} with the key {view.public_key}")
        raise refusal
    now = (view.total_production, view.total_consumption)
    given = (Decimal(data["totalProduction"]), Decimal(data["totalConsumption"]))
    has = f"{prosumer} has a production of {now[0]:f} kWh and a consumption of {now[1]:f} kWh"
    if now[0] < given[0] or now[1] < given[1]:  # meters count upwards
        refusal.add_note(f"{has}, less than is said here")
        raise refusal
    if now != given:
        voice.note(f"{has}; with how much it was registered cannot be told since the ledger's time was set right")


def _endow(settings: OperatorSettings, prosumer: str, key: str, balance: str) -> dict[str, Any]:
    """Put the money to begin with into an account, once; return what is in it now."""
    data = {"prosumer": prosumer, "amount": balance}
    differs = f"{prosumer} got another balance to begin with; `prosumers top-up` adds to it"
    result = _submit_once(settings, Topic.TOP_UP_ACCOUNT, data, ("to begin with", prosumer, key), differs)
    if isinstance(result, MarketError):
        voice.note(
            f"what {prosumer} gets to begin with was decided before and is not paid again; whether it was {balance} "
            "cannot be told since the ledger's time was set right: "
            f"`energy-market statement {prosumer}` shows what came in"
        )
    now = settings.ask(lambda market: market.prosumer(prosumer)).as_json()  # a repeated command says what was then
    return {name: now[name] for name in ("prosumer", "accountBalance", "debt")}


def _submit_once(
    settings: OperatorSettings, topic: Topic, data: dict[str, Any], occasion: Sequence[str], differs: str
) -> dict[str, Any] | CommandRejected | RequestRefused:
    """Give a command that counts once on a ledger, whenever it comes again.

    Parameters
    ----------
    occasion
        What it is known by, whatever the ledger's epoch.
    differs
        What to say where another command was given on this occasion.

    Returns
    -------
    Its result. On a ledger that had several epochs also why it is refused as another one: a command names the epoch
    that it is signed for, so that the same one of an earlier epoch cannot be told from another one.
    """

    async def submit(market: MarketClient) -> dict[str, Any] | CommandRejected | RequestRefused:
        once = repeatable_id(settings.operator, topic, _without_epoch(await market.ledger_id()), *occasion)
        try:
            return await market.submit(topic, data, command_id=once, has_end=False)
        except (CommandRejected, RequestRefused) as refusal:
            if refusal.code != errors.CommandIdReused.code:
                raise
            ledger = await market.ledger_id()
            if ledger == _without_epoch(ledger):
                refusal.add_note(differs)
                raise
            return refusal

    return settings.order(submit)


def _without_epoch(ledger: str) -> str:
    return ledger.partition(".")[0]


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
