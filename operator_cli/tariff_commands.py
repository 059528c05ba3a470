"""``energy-market tariffs``: what the grid takes and gives for a kWh, by time."""

import csv
from datetime import UTC, datetime
from typing import Annotated, Any

import simplejson
import typer
from pydantic import ValidationError

from energy_market_chaincode import SetTariffs, TariffsFrom, Topic, iso, milliseconds, units
from market_files import read_text
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, plain, show_by_default, voice
from prosumer_client import MarketClient

LARGEST_FILE_BYTES = 1 << 20
"""The queue takes no larger command."""
UNUSUAL = units.price_from_currency_per_kwh("2")
"""A kWh that costs more is more likely one in cents."""
COLUMNS = ("from", "retail", "feedIn")

app = typer.Typer(help="The grid's tariffs by time.")


@app.command()
def show(json: AsJson = False) -> None:
    """Show the table; each line holds until the next one."""
    table = OperatorSettings.read().ask(lambda market: market.tariffs())
    if voice.as_json:
        voice.document(table)
        return
    voice.facts(table, ("defaultRetail", "defaultFeedIn"))
    voice.rows(table.tariffs, COLUMNS)


show_by_default(app, show)


@app.command("set")
def set_tariffs(
    file: Annotated[
        str | None,
        typer.Argument(help="The whole table: CSV with from, retail, feedIn, or JSON; - reads it."),
    ] = None,
    retail: Annotated[str | None, typer.Option(help="What the grid takes for a kWh, on one more line.")] = None,
    feed_in: Annotated[str | None, typer.Option(help="What the grid gives for a kWh.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From when on, as 2027-01-01T00:00+01:00; default: from now on.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask about an unusual price.")] = False,
    json: AsJson = False,
) -> None:
    """Replace the table of tariffs by a file's, or add one line to it.

    Games that are published already keep their tariffs.
    """
    if (file is None) == (retail is None and feed_in is None and since is None):
        raise typer.BadParameter("name either a file, or --retail and --feed-in")
    one_line = {"from": since or iso(datetime.now(UTC)), "retail": retail, "feedIn": feed_in}
    new = _checked([one_line] if file is None else _table(read_text(file, LARGEST_FILE_BYTES))).tariffs
    _question_unusual(new, yes)

    async def submit(market: MarketClient) -> dict[str, Any]:
        if file is None:
            table = await _with_one_more(market, new[0], is_from_now=since is None)
        else:
            table = SetTariffs(tariffs=new)
        return await market.submit(Topic.SET_TARIFFS, table.model_dump(mode="json", by_alias=True))

    result = OperatorSettings.read().order(submit)
    voice.done(result, f"lines in the table: {result['tariffs']}")


async def _with_one_more(market: MarketClient, line: TariffsFrom, *, is_from_now: bool) -> SetTariffs:
    """Return the market's table with a line more, in the place of one from the same moment on."""
    if is_from_now:
        line = line.model_copy(update={"from_ms": milliseconds((await market.learn_time()).now())})
    others = _checked(plain((await market.tariffs()).tariffs)).tariffs
    return SetTariffs(tariffs=[*(each for each in others if each.from_ms != line.from_ms), line])


def _table(text: str) -> list[Any]:
    """Read a file's table: JSON, or CSV with a line of titles."""
    if text.lstrip()[:1] in ("[", "{"):
        try:
            table = simplejson.loads(text, use_decimal=True)
        except ValueError as error:
            raise typer.BadParameter(f"no JSON: {error}", param_hint="FILE") from None
        return list(table if isinstance(table, list) else table.get("tariffs", []))
    lines = list(csv.DictReader(text.splitlines()))
    if not lines or set(lines[0]) != set(COLUMNS):
        raise typer.BadParameter(f"has no titles {','.join(COLUMNS)}, or no line after them", param_hint="FILE")
    return lines


def _checked(table: list[Any]) -> SetTariffs:
    try:
        return SetTariffs.model_validate({"tariffs": table})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise typer.BadParameter(f"{place}: {problem['msg'].removeprefix('Value error, ')}") from None


def _question_unusual(lines: list[TariffsFrom], is_confirmed: bool) -> None:
    """Have a price confirmed that looks like one in cents."""
    highest = max((max(abs(line.retail), abs(line.feed_in)) for line in lines), default=0)
    if highest > UNUSUAL and not is_confirmed:
        price = units.currency_per_kwh(highest)
        meant = units.currency_per_kwh(highest // 100)
        voice.confirm(f"{price} for a kWh is unusual; was {meant} meant?", False, f"Enter {price} all the same?")
