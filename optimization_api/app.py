"""The service's application."""

from fastapi import FastAPI

from energy_market_chaincode.game import Supply
from energy_market_chaincode.units import Energy, Price
from http_service import create_app
from optimization_api.bid import best_bid
from optimization_api.gate import Gate
from optimization_api.question import MAX_BODY_BYTES
from optimization_api.routes import router
from optimization_api.settings import OptimizerSettings

VERSION = "1.0.0"
_SUPPLY = Supply(Energy(100_000), Price(10**17), Energy(0), Price(0))


def make_app(settings: OptimizerSettings) -> FastAPI:
    """Make the optimizer's application."""
    app = create_app(
        title="Optimization API",
        version=VERSION,
        description="Best responses, equilibria and the social optimum of the energy game. Energy is in kWh, money in "
        "currency units; a number may be a JSON number or a decimal string.",
        ready=_solves,
        max_body_bytes=MAX_BODY_BYTES,
    )
    app.state.gate = Gate(settings.solves_at_once, settings.solve_seconds, app.state.stopping.is_set)
    app.include_router(router)
    return app


async def _solves() -> str | None:
    """Split a tiny demand between two equal sellers."""
    bid = best_bid(Energy(3), [_SUPPLY, _SUPPLY])
    return None if bid == [2, 1] else f"the solver splits 0.3 Wh between two equal sellers as {bid}"
