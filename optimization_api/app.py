"""The service's application and its endpoints."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from energy_market_chaincode import Energy, Price, Supply, units
from http_service import JsonRoute, create_app, exact_response
from market_solver import (
    best_bid,
    clear_by_best_response,
    clear_by_social_optimum,
    clear_by_variational_equilibrium,
)
from optimization_api.answers import Answer, BestResponseAnswer, GameAnswer
from optimization_api.gate import Gate
from optimization_api.original import OriginalAnswer, OriginalQuestion
from optimization_api.questions import MAX_BODY_BYTES, BestResponseQuestion, EquilibriumQuestion, GameQuestion
from optimization_api.settings import OptimizerSettings

router = APIRouter(route_class=JsonRoute)
VERSION = "1.0.0"
SELLERS_AT_ONCE = 100
"""Up to so many a buyer's turn takes less than a change of threads or not much more, and is answered without one."""
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


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


Guard = Annotated[Gate, Depends(_gate)]

# Endpoints for whole games are no coroutines: FastAPI runs them in threads, and they do not hold up the others.


@router.post("/best-response", response_model=BestResponseAnswer)
async def best_response(question: BestResponseQuestion) -> Response:
    """Return the cheapest bid of a buyer whose turn it is.

    422 `INFEASIBLE_DEMAND` says by how many kWh the demand exceeds what is left, in `shortfall`. At most 5,000 sellers.
    """
    question.check()
    if len(question.sellers) <= SELLERS_AT_ONCE:
        return _response(BestResponseAnswer.to(question))
    return _response(await run_in_threadpool(BestResponseAnswer.to, question))


@router.post("/equilibrium", response_model=GameAnswer)
def equilibrium(question: EquilibriumQuestion, gate: Guard) -> Response:
    """Return a game's equilibrium, by sequential best response or the variational one.

    At most 1,000 buyers, 300 sellers and 40,000 pairs of them. 503 `TOO_BUSY` when too many games are being solved,
    422 `SOLVE_TOO_LONG` when this one takes too long.
    """
    game = question.game()
    with gate.entered() as deadline:
        if question.method == "variational":
            clearing = clear_by_variational_equilibrium(game, deadline.check)
        else:
            tolerance = float(units.fraction(question.tolerance))
            clearing = clear_by_best_response(game, tolerance, question.round_limit, deadline.check)
        return _response(GameAnswer.of(clearing))


@router.post("/social-optimum", response_model=GameAnswer)
def social_optimum(question: GameQuestion, gate: Guard) -> Response:
    """Return the allocation whose total cost is least; its buyers may have regrets. Limits as for /equilibrium."""
    game = question.game()
    with gate.entered() as deadline:
        return _response(GameAnswer.of(clear_by_social_optimum(game, deadline.check)))


@router.post("/optimalEnergyDecomposition", response_model=OriginalAnswer, tags=["original"])
def optimal_energy_decomposition(question: OriginalQuestion, gate: Guard) -> Response:
    """Answer as the original system did, by a solver that stops early, often kWh away from the best response.

    `solution` is what the original would give, but adds up to the demand; `best_response` is what the buyer should bid.
    New clients use /best-response. At most 100 sellers.
    """
    question.check()
    with gate.entered():
        return _response(OriginalAnswer.to(question))


def _response(answer: Answer) -> Response:
    return exact_response(answer.model_dump())
