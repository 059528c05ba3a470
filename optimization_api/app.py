"""The service's application and its endpoints."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from energy_market_chaincode import Energy, Price, Supply
from http_service import JsonRoute, ServiceSettings, create_app, exact_response
from market_solver import best_bid
from optimization_api.answers import (
    Answer,
    BestResponseAnswer,
    ClearingAnswer,
    GameAnswer,
    SolveAnswer,
    answer_clearing,
    answer_equilibrium,
    answer_social_optimum,
)
from optimization_api.original import OriginalAnswer, OriginalQuestion, answer_original
from optimization_api.pool import SolverPool
from optimization_api.questions import (
    MAX_BODY_BYTES,
    MAX_MEMBERS,
    MAX_VALUES,
    BestResponseQuestion,
    ClearingQuestion,
    EquilibriumQuestion,
    GameQuestion,
)

router = APIRouter(route_class=JsonRoute)
VERSION = "1.0.0"
SELLERS_AT_ONCE = 100
"""Up to so many a buyer's turn takes less than a change of threads or not much more, and is answered without one."""
_SUPPLY = Supply(Energy(100_000), Price(10**17), Energy(0), Price(0))


class OptimizerSettings(ServiceSettings):
    """Settings of ``python -m optimization_api``."""

    port: int = Field(8081, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    solves_at_once: int = Field(2, ge=1, description="how many whole games are solved at once")
    solve_seconds: float = Field(10.0, gt=0, description="how long the solution of one game may take, seconds")


def make_app(settings: OptimizerSettings) -> FastAPI:
    """Make the optimizer's application."""
    app = create_app(
        title="Optimization API",
        version=VERSION,
        description="Best responses, equilibria and the social optimum of the energy game. Energy is in kWh, money in "
        "currency units; a number may be a JSON number or a decimal string.",
        ready=_solves,
        max_body_bytes=MAX_BODY_BYTES,
        max_values=MAX_VALUES,
        max_members=MAX_MEMBERS,
    )
    app.state.pool = SolverPool(settings.solves_at_once, settings.solve_seconds, app.state.stopping)
    app.include_router(router)
    return app


async def _solves() -> str | None:
    """Split a small demand between two equal sellers."""
    bid = best_bid(Energy(30_001), [_SUPPLY, _SUPPLY])
    return None if bid == [15_001, 15_000] else f"the solver splits 3.0001 kWh between two equal sellers as {bid}"


async def _pool(request: Request) -> SolverPool:  # without a thread, during which other bodies would be read, too
    pool: SolverPool = request.app.state.pool
    return pool


Pool = Annotated[SolverPool, Depends(_pool)]


@router.post("/best-response", response_model=BestResponseAnswer)
async def best_response(question: BestResponseQuestion) -> Response:
    """Return the cheapest bid of a buyer whose turn it is.

    With a `retail_tariff` the bid leaves to the grid what costs more from the sellers. Without one, 422
    `INFEASIBLE_DEMAND` says by how many kWh the demand exceeds what is left, in `shortfall`. At most 5,000 sellers.
    """
    question.check()
    if len(question.sellers) <= SELLERS_AT_ONCE:
        return _response(BestResponseAnswer.to(question))
    return _response(await run_in_threadpool(BestResponseAnswer.to, question))


@router.post("/equilibrium", response_model=GameAnswer)
async def equilibrium(question: EquilibriumQuestion, request: Request, pool: Pool) -> Response:
    """Return a game's equilibrium, by sequential best response or the variational one.

    With a `retail_tariff` the grid is in the game; without one, 422 `INFEASIBLE_DEMAND` if the demands do not fit.

    At most 1,000 buyers, 300 sellers and 40,000 pairs of them. 503 `TOO_BUSY` when too many hard games are being
    solved, 422 `SOLVE_TOO_LONG` when this one takes too long. A client that hangs up ends its solve.
    """
    question.check()
    return exact_response(await pool.solve(answer_equilibrium, question, request))


@router.post("/social-optimum", response_model=GameAnswer)
async def social_optimum(question: GameQuestion, request: Request, pool: Pool) -> Response:
    """Return the allocation whose total cost is least; its buyers may have regrets. Limits as for /equilibrium."""
    question.check()
    return exact_response(await pool.solve(answer_social_optimum, question, request))


@router.post("/clearing", response_model=ClearingAnswer)
async def clearing(question: ClearingQuestion, request: Request, pool: Pool) -> Response:
    """Return the variational equilibrium of a slot with the grid in the game: prices that certify it.

    At most 10,000 prosumers, and 40,000 pairs of places if hops are a table. 422 `TOO_MANY_PAIRS` where nearly
    everybody is as near as everybody else; otherwise as for /equilibrium.
    """
    question.check()
    return exact_response(await pool.solve(answer_clearing, question, request))


@router.get("/solves/{request_id}", response_model=SolveAnswer)
async def progress(request_id: str, pool: Pool) -> Response:
    """Tell how far the question about a whole game is that came with this X-Request-Id; 404 once it is answered."""
    solve = pool.find(request_id)
    return _response(SolveAnswer(seconds=round(solve.seconds, 3), steps=solve.steps))


@router.post("/solves/{request_id}/cancel", status_code=204)
async def cancel(request_id: str, pool: Pool) -> Response:
    """Give up a question about a whole game; whoever asked it is told 409 `CANCELLED`."""
    pool.find(request_id).cancelled.set()
    return Response(status_code=204)


@router.post("/optimalEnergyDecomposition", response_model=OriginalAnswer, tags=["original"])
async def optimal_energy_decomposition(question: OriginalQuestion, request: Request, pool: Pool) -> Response:
    """Answer as the original system did, by a solver that stops early, often kWh away from the best response.

    `solution` is what the original would give, but adds up to the demand; `best_response` is what the buyer should bid.
    New clients use /best-response. At most 100 sellers.
    """
    question.check()
    return exact_response(await pool.solve(answer_original, question, request))


def _response(answer: Answer) -> Response:
    return exact_response(answer.model_dump())
