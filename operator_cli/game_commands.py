"""``energy-market games``: which games there are and how they stand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from demo.scenario_file import scenario_named
from energy_market_chaincode import Topic
from operator_cli.output import console, print_facts, print_json, print_table
from operator_cli.settings import OperatorSettings
from prosumer_client import MarketClient

app = typer.Typer(help="Games and their results.", invoke_without_command=True)

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="The game's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.callback()
def games(context: typer.Context) -> None:
    """List all, if no command is given."""
    if context.invoked_subcommand is None:
        list_games()


@app.command("list")
def list_games(json: AsJson = False) -> None:
    """List the games, the oldest first."""
    views = [game.as_json() for game in _read(lambda market: market.games())]
    if json:
        print_json(views)
        return
    columns = ("game", "phase", "round", "buyerInTurn", "nrSellers", "nrBuyers", "publishedAt")
    print_table(columns, ([view[column] for column in columns] for view in views))


@app.command()
def show(game: Name, json: AsJson = False) -> None:
    """Show a game with its bids and transfers."""

    async def read(market: MarketClient) -> dict[str, Any]:
        whole, bids, transfers = await market.game(game), await market.bids(game), await market.transfers(game)
        lists = {"bids": [bid.as_json() for bid in bids], "transfers": [transfer.as_json() for transfer in transfers]}
        return whole.as_json() | lists

    view = _read(read)
    if json:
        print_json(view)
        return
    print_facts({name: view[name] for name in ("game", "phase", "mechanism", "round", "buyerInTurn", "publishedAt")})
    for title, facts in (("stop", view["stop"]), ("settlement", view["settlement"])):
        if facts is not None:
            console.print(f"[bold]{title}[/]")
            print_facts({name: value for name, value in facts.items() if not isinstance(value, dict)})
    _print_rows("sellers", view["sellers"], ("seller", "price", "capacity", "load"))
    _print_rows("bids", view["bids"], ("buyer", "demand", "cost", "regret"))
    columns = ("seller", "buyer", "energy", "energyCost", "transmissionFee", "delivered")
    _print_rows("transfers", view["transfers"], columns)


def _print_rows(title: str, views: list[dict[str, Any]], columns: Sequence[str]) -> None:
    print_table(columns, ([view[column] for column in columns] for view in views), title)


@app.command()
def publish(
    scenario: Annotated[
        str | None, typer.Option(help="Take the parameters, and the topology, of a scenario: a file, or one of ours.")
    ] = None,
) -> None:
    """Publish a game now; the clock drives it from there."""
    chosen = scenario_named(scenario) if scenario is not None else None

    async def submit() -> str:
        async with OperatorSettings().market() as market:
            if chosen is not None:
                await market.submit(Topic.SET_TOPOLOGY, chosen.topology())
            result = await market.submit(Topic.PUBLISH_GAME, chosen.game_parameters() if chosen is not None else {})
            return str(result["game"])

    console.print(asyncio.run(submit()))


def _read(question: Callable[[MarketClient], Awaitable[T]]) -> T:
    async def read() -> T:
        async with OperatorSettings().reader() as market:
            return await question(market)

    return asyncio.run(read())
