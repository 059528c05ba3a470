"""The endpoints."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from energy_market_chaincode import units
from http_service import JsonRoute, exact_response
from optimization_api.answers import Answer, BestResponseAnswer, GameAnswer
from optimization_api.clearing import clear_by_best_response, clear_by_social_optimum, clear_by_variational_equilibrium
from optimization_api.game_question import EquilibriumQuestion, GameQuestion
from optimization_api.gate import Gate
from optimization_api.original_answer import OriginalAnswer
from optimization_api.original_question import OriginalQuestion
from optimization_api.turn_question import BestResponseQuestion

router = APIRouter(route_class=JsonRoute)


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


Guard = Annotated[Gate, Depends(_gate)]

# The endpoints are no coroutines: FastAPI runs them in threads, so that a large game does not hold up the others.


@router.post("/best-response", response_model=BestResponseAnswer)
def best_response(question: BestResponseQuestion) -> Response:
    """Return the cheapest bid of a buyer whose turn it is.

    422 `INFEASIBLE_DEMAND` says by how many kWh the demand exceeds what is left, in `shortfall`. At most 5,000 sellers.
    """
    question.check()
    return _response(BestResponseAnswer.to(question))


@router.post("/equilibrium", response_model=GameAnswer)
def equilibrium(question: EquilibriumQuestion, gate: Guard) -> Response:
    """Return a game's equilibrium, by sequential best response or the variational one.

    At most 1,000 buyers, 300 sellers and 40,000 pairs of them. 503 `TOO_BUSY` when too many games are being solved,
    422 `SOLVE_TOO_LONG` when this one takes too long.
    """
    game = question.game()
    with gate.entered() as deadline:
        if question.method == "variational":
            clearing = clear_by_variational_equilibrium(game)
        else:
            tolerance = float(units.fraction(question.tolerance))
            clearing = clear_by_best_response(game, tolerance, question.round_limit, deadline)
        return _response(GameAnswer.of(clearing))


@router.post("/social-optimum", response_model=GameAnswer)
def social_optimum(question: GameQuestion, gate: Guard) -> Response:
    """Return the allocation whose total cost is least; its buyers may have regrets. Limits as for /equilibrium."""
    game = question.game()
    with gate.entered() as deadline:
        return _response(GameAnswer.of(clear_by_social_optimum(game, deadline)))


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
