"""What the original system answered."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

import numpy as np
from pydantic import WithJsonSchema

from energy_market_chaincode import units
from optimization_api.answers import Answer
from optimization_api.bid import best_bid
from optimization_api.original_method import original_bid
from optimization_api.original_question import OriginalQuestion
from optimization_api.rounding import nearness, rounded
from optimization_api.supplies import Supplies

FourDecimals = Annotated[Decimal, WithJsonSchema({"type": "number", "description": "kWh, with 4 decimals"})]


class Method(StrEnum):
    """How a solution was found."""

    ORIGINAL = "slsqp"
    BEST_RESPONSE = "best-response"


class OriginalAnswer(Answer):
    """A solution as the original's clients know it, and the exact best response beside it."""

    solution: list[FourDecimals]
    """kWh in the order of the sellers, adding up to the demand exactly; what the original's solver gives."""
    method: Method
    """``slsqp``, or ``best-response`` where that fails."""
    best_response: list[FourDecimals]
    """kWh in the order of the sellers; what the buyer should bid."""

    @classmethod
    def to(cls, question: OriginalQuestion) -> Self:
        """Answer a checked question."""
        demand, supplies = question.buyer_demand, question.supplies
        best = best_bid(demand, supplies)
        amounts = original_bid(float(units.kwh(demand)), Supplies.from_ledger(supplies))
        if amounts is None:
            solution, method = best, Method.BEST_RESPONSE
        else:
            rooms = [supply.room for supply in supplies]
            row = amounts[np.newaxis]
            solution, method = rounded(row, [demand], rooms, nearness(row))[0].tolist(), Method.ORIGINAL
        return cls(solution=_four_decimals(solution), method=method, best_response=_four_decimals(best))


def _four_decimals(energies: Sequence[int]) -> list[Decimal]:
    return [Decimal(energy).scaleb(-units.ENERGY_DECIMALS) for energy in energies]
