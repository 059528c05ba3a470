"""``energy-market games``: which games there are and how they stand."""

from contextlib import aclosing, suppress
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic.alias_generators import to_camel

from energy_market_chaincode import GameView, Topic, views
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, plain, show_by_default, voice
from prosumer_client import FROM_NOW, MarketClient

app = typer.Typer(help="Games and their results.")

TIMES = [to_camel(name) for name in views.PhaseTimes.model_fields]

Name = Annotated[str, typer.Argument(help="The game's id.")]


@app.command("list")
def list_games(json: AsJson = False) -> None:
    """List the games, the oldest first."""

    async def read(market: MarketClient) -> tuple[list[views.GameSummary], datetime]:
        return await market.games(), (await market.learn_time()).now()

    found, now = OperatorSettings.read().ask(read)
    if not voice.as_json:  # a program reads the phase that stands on the ledger, and the times
        found = [game.model_copy(update={"phase": game.phase_at(now)}) for game in found]
    voice.rows(found, ("game", "phase", "round", "buyerInTurn", "nrSellers", "nrBuyers", "publishedAt"))


show_by_default(app, list_games)


@app.command()
def show(game: Name, json: AsJson = False) -> None:
    """Show a game with its bids and transfers."""
    _show(game, json)


@app.command()
def wait(game: Name, json: AsJson = False) -> None:
    """Wait until a game is settled or cancelled, then show it."""

    async def until_over(market: MarketClient) -> None:
        async def look() -> None:
            if (await market.game(game, brief=True)).is_over:
                raise _Over

        with suppress(_Over):
            async with aclosing(market.events(FROM_NOW, on_now=look)) as events:
                async for event in events:
                    if event.game in (game, None):  # a reset is of no game, and may have removed this one
                        await look()

    OperatorSettings.read().ask(until_over)
    _show(game, json)


class _Over(Exception):
    """Nothing can happen in the game any more."""


def _show(game: str, json: bool) -> None:
    async def read(market: MarketClient) -> tuple[GameView, dict[str, Any], datetime]:
        lists = {"bids": plain(await market.bids(game)), "transfers": plain(await market.transfers(game))}
        return await market.game(game), lists, (await market.learn_time()).now()

    shown, lists, now = OperatorSettings.read().ask(read)
    view = shown.as_json() | lists
    if json:
        voice.document(view)
        return
    view["phase"] = shown.phase_at(now).value
    voice.facts(view, ("game", "phase", "mechanism", "round", "buyerInTurn", "publishedAt", *TIMES))
    for title in ("stop", "settlement"):
        if view[title] is not None:
            voice.progress(f"\n{title}")
            voice.facts({name: value for name, value in view[title].items() if not isinstance(value, dict)})
    voice.rows(view["sellers"], ("seller", "price", "capacity", "load"), "sellers")
    voice.rows(view["bids"], ("buyer", "demand", "cost", "regret"), "bids")
    columns = ("seller", "buyer", "energy", "energyCost", "transmissionFee", "delivered")
    voice.rows(view["transfers"], columns, "transfers")


@app.command()
def archive(
    games: Annotated[list[str], typer.Argument(help="Their ids; their slots are final.")], json: AsJson = False
) -> None:
    """Leave of games their lines and a hash on the ledger; the clock does so by itself a day after they are final."""

    async def submit(market: MarketClient) -> None:
        left = games
        while left:
            result = await market.submit(Topic.ARCHIVE_SLOTS, {"games": left[:100]})
            left = [*result["left"], *left[100:]]

    OperatorSettings.read().order(submit)
    voice.done({"archived": games}, f"archived: {', '.join(games)}")


@app.command()
def publish(
    slot: Annotated[
        str | None,
        typer.Option(help="When the delivery slot starts, for instance 2027-06-21T12:00Z; or any other name."),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Take the parameters, and the topology, of a scenario: a file, or one of ours.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Publish a game now; the clock drives it from there."""
    from demo import Scenario, scenario_named  # only this command reads scenarios

    chosen = scenario_named(scenario) if scenario is not None else None
    if not isinstance(chosen, Scenario | None):
        sentence = f"{scenario} is a day of many games; play it with energy-market demo --scenario {scenario}"
        raise typer.BadParameter(sentence, param_hint="--scenario")

    async def submit(market: MarketClient) -> dict[str, Any]:
        if chosen is not None:
            await market.submit(Topic.SET_TOPOLOGY, chosen.topology())
        named = {"deliverySlot": slot} if slot is not None else {}
        return await market.submit(Topic.PUBLISH_GAME, (chosen.game_parameters() if chosen is not None else {}) | named)

    result = OperatorSettings.read().order(submit)
    voice.done(result, str(result["game"]))
