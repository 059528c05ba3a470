"""``energy-market verify-clearing``: whoever doubts a certified clearing recomputes its proof."""

from typing import Annotated

import typer

from energy_market_chaincode import GameView, views
from operator_cli.clearing_audit import audit
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, ExitCode, voice
from prosumer_client import MarketClient

Edges = list[list[str]]


def verify_clearing(game: Annotated[str, typer.Argument(help="The game's id.")], json: AsJson = False) -> None:
    """Recompute a certified clearing's proof from the ledger's data alone.

    By code of its own: gap, largest regret, and how far from the equilibrium anybody can be at most.
    """

    async def read(market: MarketClient) -> tuple[GameView, list[views.BidView], Edges | None]:
        return await market.game(game), await market.bids(game, brief=True), (await market.topology_of(game)).edges

    view, bids, edges = OperatorSettings.read().ask(read)
    try:
        found = audit(view, bids, edges)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="GAME") from None
    worst = max(found.regrets, key=lambda buyer: found.regrets[buyer])
    voice.facts(
        {
            "game": game,
            "arena": view.clearing.arena if view.clearing is not None else None,
            "potential": f"{found.potential:.6f}",
            "gap": f"{found.gap:.3e}",
            "gapShare": f"{found.gap / abs(found.potential):.3e}",
            "maxRegret": f"{found.regrets[worst]:.3e}",
            "maxRegretBuyer": worst,
            "distanceKwh": f"{found.distance:.3e}",
            "problems": found.problems,
        }
    )
    if found.problems:
        voice.remark("does not hold: " + "; ".join(found.problems[:5]))
        raise typer.Exit(ExitCode.FAILED)
    voice.remark(
        f"it holds: no buyer could save more than {found.regrets[worst]:.2e}, and nothing is further than "
        f"{found.distance:.2e} kWh from the equilibrium"
    )
