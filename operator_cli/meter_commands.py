"""``energy-market meters``: the meters at prosumers' connections, with keys of their own.

``meters import`` shows the readings of a file row by row, then has them signed by their meters and sends them.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from energy_market_chaincode import Topic, iso, market_views
from market_files import read_text
from operator_cli.key_changes import entered_key
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, named_zone, show_by_default, voice
from prosumer_client import (
    FileLayout,
    Finding,
    Identity,
    MarketClient,
    MeteredSlot,
    MeterSeries,
    Stamp,
    Trouble,
    Unit,
    UnusableMeterFile,
    Values,
    read_meter_file,
    repeatable_id,
)

app = typer.Typer(help="The meters at prosumers' connections.")

LARGEST_FILE_BYTES = 200 << 20
"""A year of quarter-hours of a hundred connections takes two thirds of it."""
_AT_ONCE = 96
_DELIMITERS = {"tab": "\t", "\\t": "\t"}


@app.command("list")
def list_meters(json: AsJson = False) -> None:
    """List the meters in service."""
    views: list[market_views.MeterView] = OperatorSettings.read().ask(lambda market: market.meters())
    voice.rows(views, ("meter", "prosumer", "powerKw", "since"))


show_by_default(app, list_meters)


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
        result = settings.order(lambda market: market.submit(Topic.REGISTER_METER, {**data, "publicKey": key}))
    voice.done(result, f"{meter} counts at the connection of {prosumer}")


@app.command("import")
def import_readings(
    file: Annotated[Path, typer.Argument(help="CSV with a row of names.")],
    columns: Annotated[str, typer.Option(help="Of time and in, perhaps out and prosumer.")] = "time=start,in=in",
    delimiter: Annotated[str, typer.Option(help="Between two cells; 'tab' is one, too.")] = ",",
    decimal_comma: Annotated[bool, typer.Option("--decimal-comma", help="Numbers are written as 1,5.")] = False,
    unit: Annotated[Unit, typer.Option(help="What the numbers count; kW is the mean of a slot.")] = Unit.KWH,
    registers: Annotated[bool, typer.Option("--registers", help="Rows show registers, not a slot's energy.")] = False,
    stamp: Annotated[Stamp, typer.Option(help="Which end of its slot dates a row of energy.")] = Stamp.START,
    zone: Annotated[str | None, typer.Option(help="Of times without an offset, for instance Europe/Berlin.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Of times that are not ISO 8601: %d.%m.%Y %H:%M")] = None,
    minutes: Annotated[int, typer.Option(help="How long a slot is.", min=1, max=1440)] = 15,
    power_kw: Annotated[str | None, typer.Option(help="Of the connection: more is implausible.")] = None,
    modulus_kwh: Annotated[str | None, typer.Option(help="Where registers begin anew from 0.")] = None,
    meter: Annotated[
        str | None, typer.Option(help="Which meter signs; default: the prosumer's, by the column.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be sent, and what is wrong.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Send the readings of a file, signed by the meters; a row that gives none is shown with the reason.

    The same file again sends the same commands, which count once.
    """
    layout = FileLayout(
        **_columns(columns),
        delimiter=_DELIMITERS.get(delimiter, delimiter),
        decimal_comma=decimal_comma,
        unit=unit,
        values=Values.REGISTERS if registers else Values.ENERGY,
        stamp=stamp,
        time_zone=named_zone(zone),
        time_format=time_format,
        step=timedelta(minutes=minutes),
        power_kw=_number(power_kw, "--power-kw"),
        modulus_kwh=_number(modulus_kwh, "--modulus-kwh"),
    )
    series = _read(file, layout)
    if not dry_run:
        _send(series, meter)
    _show(series)


def _send(series: Sequence[MeterSeries], meter: str | None) -> None:
    """Have the meters sign what there are games for, a command for each day; refuse what nobody can sign first."""
    settings = OperatorSettings.read()
    if meter is not None and len(series) > 1:
        raise UnusableMeterFile("the file has several prosumers; leave out --meter, each one's own meter signs")
    games = {game.delivery_slot for game in settings.ask(lambda market: market.games())}
    at = {view.prosumer: view.meter for view in settings.ask(lambda market: market.meters())}
    signers = [meter or at.get(each.prosumer) for each in series]
    for signer, each in zip(signers, series, strict=True):
        if signer is None:
            whose = f"{each.prosumer} has no meter" if each.prosumer else "no column says whose readings these are"
            raise UnusableMeterFile(f"{whose}; name it with --meter, or enter it (energy-market meters add)")
        Identity.load(signer, settings.keys)
    for signer, each in zip(signers, series, strict=True):
        unknown = [reading for reading in each.readings if iso(reading.start) not in games]
        each.findings += [Finding(one.row, Trouble.NO_GAME, "the market has no game for this slot") for one in unknown]
        each.readings = [reading for reading in each.readings if iso(reading.start) in games]
        for first in range(0, len(each.readings), _AT_ONCE):
            _publish(settings, str(signer), each.readings[first : first + _AT_ONCE])


def _publish(settings: OperatorSettings, signer: str, readings: Sequence[MeteredSlot]) -> None:
    data = [
        {"deliverySlot": iso(one.start), "inEnergy": str(one.in_kwh), "outEnergy": str(one.out_kwh)} for one in readings
    ]
    occasion = [word for reading in data for word in reading.values()]

    async def publish(market: MarketClient) -> None:
        # In another epoch it is another command: what was refused by a wrong time may be right now.
        ledger = (await market.market()).ledger
        command_id = repeatable_id(signer, Topic.PUBLISH_READINGS, ledger, *occasion)
        await market.submit(Topic.PUBLISH_READINGS, {"readings": data}, command_id=command_id)

    settings.ask(publish, signer)


def _columns(text: str) -> dict[str, str]:
    named = dict(part.partition("=")[::2] for part in text.split(","))
    if not {"time", "in"} <= named.keys() <= {"time", "in", "out", "prosumer"} or not all(named.values()):
        raise typer.BadParameter("names at least time and in, as in time=Zeit,in=Wh,out=Wh2", param_hint="--columns")
    return {f"{name}_column": column for name, column in named.items()}


def _read(file: Path, layout: FileLayout) -> list[MeterSeries]:
    lines = StringIO(read_text(file, LARGEST_FILE_BYTES).removeprefix("\ufeff"), newline="")
    return read_meter_file(lines, layout)


def _number(text: str | None, option: str) -> Decimal | None:
    try:
        number = None if text is None else Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if number is not None and not (number.is_finite() and number > 0):
        raise typer.BadParameter(f"{text!r} is no number above zero", param_hint=option)
    return number


def _show(series: Sequence[MeterSeries]) -> None:
    """Show every row, in the file's order, with its reading or what is wrong with it, and the sums."""
    if voice.as_json:
        voice.document([_document(each) for each in series])
        return
    for each in series:
        voice.rows(_rows(each), ("row", "slot", "inEnergy", "outEnergy", "remark"), each.prosumer or None)
        said = f"{len(each.readings)} readings: {each.in_kwh:f} kWh taken, {each.out_kwh:f} kWh fed in"
        voice.progress(f"{said}; {len(each.findings)} remarks")


def _rows(series: MeterSeries) -> list[dict[str, Any]]:
    nothing = dict.fromkeys(("slot", "inEnergy", "outEnergy", "remark"))
    rows = [nothing | {"row": each.row, **_reading(each)} for each in series.readings]
    rows += [nothing | {"row": each.row, "remark": f"{each.trouble}: {each.text}"} for each in series.findings]
    return sorted(rows, key=lambda row: (row["row"], row["slot"] is not None))


def _reading(reading: MeteredSlot) -> dict[str, Any]:
    return {"slot": iso(reading.start), "inEnergy": reading.in_kwh, "outEnergy": reading.out_kwh}


def _document(series: MeterSeries) -> dict[str, Any]:
    return {
        "prosumer": series.prosumer or None,
        "readings": [{"row": each.row, **_reading(each)} for each in series.readings],
        "findings": [{"row": each.row, "code": each.trouble, "detail": each.text} for each in series.findings],
        "inEnergy": series.in_kwh,
        "outEnergy": series.out_kwh,
    }
