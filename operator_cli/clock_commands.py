"""``energy-market clock``: which games are published when, and an operator's signed say in it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import simplejson
import typer

from operator_cli.settings import PATIENCE, OperatorSettings
from operator_cli.voice import AsJson, show_by_default, voice
from prosumer_client import ClockClient, Identity, run_to_end

app = typer.Typer(help="The market clock's schedule.")

T = TypeVar("T")
Entry = Annotated[str, typer.Argument(help="The id of an entry of the schedule.")]


def _tell(order: Callable[[ClockClient], Awaitable[T]]) -> T:
    """Have the clock do something, by a command that the operator signs for the market's ledger."""
    settings = OperatorSettings.read()
    identity = Identity.load(settings.operator, settings.keys)
    ledger = settings.ask(lambda market: market.ledger_id())

    async def told() -> T:
        async with ClockClient(settings.clock_url, identity, ledger, patience=PATIENCE) as clock:
            return await order(clock)

    return run_to_end(told())


@app.command()
def show(json: AsJson = False) -> None:
    """Show the schedule, and the games that the clock drives."""
    schedule = _tell(lambda clock: clock.schedule())
    if voice.as_json:
        voice.document(schedule)
        return
    voice.facts(schedule, ("now", "paused", "speed"))
    voice.rows(schedule["entries"], ("id", "every", "cron", "timeZone", "lead", "nextSlot"), "entries")
    voice.rows(schedule["games"], ("game", "waitsUntil", "problem"), "games")


show_by_default(app, show)


@app.command()
def add(
    entry: Entry,
    every: Annotated[str | None, typer.Option(help="Publish a game every so often: 15m, or PT15M.")] = None,
    cron: Annotated[str | None, typer.Option(help="Publish games by five cron fields.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of --cron, for instance Europe/Berlin; default UTC.")] = None,
    lead: Annotated[
        str | None, typer.Option(help="Publish each game so long before its slot, which has a time then: 1d.")
    ] = None,
    parameters: Annotated[str, typer.Option(help="The games' parameters as JSON, see publishGame.")] = "{}",
    json: AsJson = False,
) -> None:
    """Have games published again and again; the same entry again changes nothing."""
    try:
        stated: Any = simplejson.loads(parameters, use_decimal=True)
    except ValueError as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--parameters") from None
    words = {"every": every, "cron": cron, "timeZone": time_zone, "lead": lead}
    rhythm = {name: text for name, text in words.items() if text is not None}
    result = _tell(lambda clock: clock.add({"id": entry, "parameters": stated, **rhythm}))
    voice.done(
        result, f"{entry} is on the schedule; its next game: {result['nextSlot'] or 'once the clock is resumed'}"
    )


@app.command()
def remove(entry: Entry, json: AsJson = False) -> None:
    """Take an entry off the schedule; games that are published already go on."""
    _tell(lambda clock: clock.remove(entry))
    voice.done({"id": entry}, f"{entry} is off the schedule")


@app.command()
def pause(json: AsJson = False) -> None:
    """Publish no new games until resumed; those that are published go on."""
    _tell(lambda clock: clock.pause())
    voice.done({"paused": True}, "the clock publishes no games for now")


@app.command()
def resume(json: AsJson = False) -> None:
    """Publish games again, from the next slot on."""
    _tell(lambda clock: clock.resume())
    voice.done({"paused": False}, "the clock publishes games again")
