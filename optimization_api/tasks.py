"""How each kind of question about a whole game is answered; it runs in the solvers' processes.

The service imports this, too, to name a task. What needs NumPy is imported where it is used.
"""

from typing import TYPE_CHECKING

from energy_market_chaincode import certificate, units
from http_service import Problem
from optimization_api.answers import ClearingAnswer, GameAnswer
from optimization_api.original import OriginalAnswer, OriginalQuestion
from optimization_api.questions import ClearingQuestion, EquilibriumQuestion, GameQuestion

if TYPE_CHECKING:
    from market_solver import OnStep


def answer_equilibrium(question: EquilibriumQuestion, on_step: "OnStep") -> GameAnswer:
    """Find an equilibrium."""
    from market_solver import clear_by_best_response, clear_by_variational_equilibrium

    if question.method == "variational":
        return GameAnswer.of(clear_by_variational_equilibrium(question.game(), on_step))
    tolerance = float(units.fraction(question.tolerance))
    return GameAnswer.of(clear_by_best_response(question.game(), tolerance, question.round_limit, on_step))


def answer_social_optimum(question: GameQuestion, on_step: "OnStep") -> GameAnswer:
    """Find the least total cost."""
    from market_solver import clear_by_social_optimum

    return GameAnswer.of(clear_by_social_optimum(question.game(), on_step))


def answer_clearing(question: ClearingQuestion, on_step: "OnStep") -> ClearingAnswer:
    """Find the variational equilibrium with the grid in the game."""
    from market_solver import TooManyPairs, certified, equilibrium_with_grid

    game, steps = question.game(), 0
    try:
        for steps, nearer in enumerate(equilibrium_with_grid(game), 1):  # noqa: B007  the last ones are what is wanted
            on_step()
            point = nearer
    except TooManyPairs as error:
        detail = f"The network keeps too few apart: {error}; ask for fewer prosumers, or with their real distances."
        raise Problem(422, "TOO_MANY_PAIRS", detail) from None
    found = certified(game, point)
    if not question.rows:
        return ClearingAnswer.of(question, found, steps)
    purchases = certificate.purchases_at(question.slot_game(game), found.exact_scarcity)
    return ClearingAnswer.of(question, found, steps, purchases)


def answer_original(question: OriginalQuestion, on_step: "OnStep") -> OriginalAnswer:
    """Answer as the original system did."""
    on_step()
    return OriginalAnswer.to(question)
