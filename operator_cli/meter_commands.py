"""``energy-market meters``: the meters at prosumers' connections, with keys of their own."""

from typing import Annotated

import typer

from energy_market_chaincode import Topic, meter_views
from operator_cli.key_changes import entered_key
from operator_cli.meter_import import import_readings
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, voice

app = typer.Typer(help="The meters at prosumers' connections.", invoke_without_command=True)
app.command("import")(import_readings)


@app.callback()
def meters(context: typer.Context, json: AsJson = False) -> None:
    """List all, if no command is given."""
    if context.invoked_subcommand is None:
        list_meters()


@app.command("list")
def list_meters(json: AsJson = False) -> None:
    """List the meters in service."""
    views: list[meter_views.MeterView] = OperatorSettings.read().ask(lambda market: market.meters())
    voice.rows(views, ("meter", "prosumer", "powerKw", "since"))


@app.command()
def add(
    meter: Annotated[str, typer.Argument(help="The meter's id.")],
    prosumer: Annotated[str, typer.Argument(help="At whose connection it is.")],
    power: Annotated[str, typer.Option(help="What the connection can carry, kW; no reading says more.")],
    public_key: Annotated[
        str | None, typer.Option(help="Its Ed25519 public key in base64; default: of the key in our folder of keys.")
    ] = None,
    modulus: Annotated[str, typer.Option(help="Where its registers begin at zero again, kWh.")] = "1000000",
    replaces: Annotated[str | None, typer.Option(help="The meter in whose place it comes.")] = None,
    json: AsJson = False,
) -> None:
    """Enter a meter; without --public-key its key is made in our folder of keys.

    From the first meter on games are metered by meters, unless they say otherwise: who has none does not trade.
    """
    settings = OperatorSettings.read()
    data = {"id": meter, "prosumer": prosumer, "powerKw": power, "registerModulusKwh": modulus}
    if replaces is not None:
        data["replaces"] = replaces
    with entered_key(settings, meter, public_key) as key:
        result = settings.ask(
            lambda market: market.submit(Topic.REGISTER_METER, {**data, "publicKey": key}), settings.operator
        )
    voice.done(result, f"{meter} counts at the connection of {prosumer}")
