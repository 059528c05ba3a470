"""The original system's body, and the answer that its clients know."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, WithJsonSchema

from energy_market_chaincode import Energy, Price, SomeEnergy, units
from energy_market_chaincode import game as rules
from http_service import FieldError, invalid_parameters
from market_solver import best_bid
from optimization_api.answers import Answer
from optimization_api.questions import FEE_PER_HOP, Hops, Question, refuse_shortfall

MAX_SELLERS = 100
LARGEST_ROUNDING_ERROR = 1e-6
"""How far below zero a used capacity may be: the original's client adds and subtracts floats."""

Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class OriginalQuestion(Question):
    """The original system's body: lists in the order of the sellers, in kWh and currency per kWh.

    Capacities are rounded to 0.1 Wh. Of a seller whose capacity is used up, nothing is left.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "nr_sellers": 2,
                    "buyer_demand": 28,
                    "sellers_price": [0.14, 0.08376051515357819],
                    "sellers_capacity": [350, 36],
                    "used_capacities": [84.2965, 24.2417],
                    "hop_distrances": [4, 1],
                }
            ]
        }
    )

    nr_sellers: Annotated[int, Field(ge=1, le=MAX_SELLERS, strict=True)]
    buyer_demand: SomeEnergy
    sellers_price: Annotated[list[Annotated[Figure, Field(ge=1e-9, le=1e6)]], Field(max_length=MAX_SELLERS)]
    sellers_capacity: Annotated[list[Annotated[Figure, Field(ge=1e-4, le=1e9)]], Field(max_length=MAX_SELLERS)]
    used_capacities: Annotated[
        list[Annotated[Figure, Field(ge=-LARGEST_ROUNDING_ERROR, le=1e9)]], Field(max_length=MAX_SELLERS)
    ]
    hop_distrances: Annotated[list[Hops], Field(max_length=MAX_SELLERS)]

    def check(self) -> None:
        """Check what one field alone does not show.

        Raises
        ------
        Problem
            422, ``INVALID_PARAMETER`` naming each field, or ``INFEASIBLE_DEMAND``.
        """
        errors = [
            FieldError(name, f"has {len(values)} elements; nr_sellers is {self.nr_sellers}")
            for name in ("sellers_price", "sellers_capacity", "used_capacities", "hop_distrances")
            if len(values := getattr(self, name)) != self.nr_sellers
        ]
        if errors:
            raise invalid_parameters(errors)
        refuse_shortfall(self.buyer_demand - sum(supply.room for supply in self.supplies))

    @property
    def supplies(self) -> list[rules.Supply]:
        """The sellers as the rule book sees them."""
        rows = zip(self.sellers_price, self.sellers_capacity, self.used_capacities, self.hop_distrances, strict=True)
        return [_supply(price, capacity, used, hops) for price, capacity, used, hops in rows]


def _supply(price: float, capacity: float, used: float, hops: int) -> rules.Supply:
    whole = _rounded(capacity, units.ENERGY_DECIMALS)
    others_load = min(max(_rounded(used, units.ENERGY_DECIMALS), 0), whole)
    exact_price = _rounded(price, units.PRICE_DECIMALS)
    return rules.Supply(Energy(whole), Price(exact_price), Energy(others_load), Price(hops * FEE_PER_HOP))


def _rounded(value: float, decimals: int) -> int:
    return round(Decimal(str(value)).scaleb(decimals))


FourDecimals = Annotated[Decimal, WithJsonSchema({"type": "number", "description": "kWh, with 4 decimals"})]


class Method(StrEnum):
    """How a solution was found."""

    ORIGINAL = "slsqp"
    BEST_RESPONSE = "best-response"


class OriginalAnswer(Answer):
    """A solution as the original's clients know it, and the exact best response beside it."""

    solution: list[FourDecimals] = Field(
        description="kWh in the order of the sellers, adding up to the demand exactly; "
        "what the original's solver gives."
    )
    method: Method = Field(description="``slsqp``, or ``best-response`` where that fails.")
    best_response: list[FourDecimals] = Field(description="kWh in the order of the sellers; what the buyer should bid.")

    @classmethod
    def to(cls, question: OriginalQuestion) -> Self:
        """Answer a checked question."""
        from market_solver import Supplies, nearness, original_bid, rounded  # NumPy comes with them

        demand, supplies = question.buyer_demand, question.supplies
        best = best_bid(demand, supplies)
        amounts = original_bid(float(units.kwh(demand)), Supplies.from_ledger(supplies))
        solution, method = best, Method.BEST_RESPONSE
        if amounts is not None:
            row, rooms = amounts[None], [supply.room for supply in supplies]
            solution = rounded(row, [demand], rooms, nearness(row))[0].tolist()
            method = Method.ORIGINAL
        return cls(solution=_four_decimals(solution), method=method, best_response=_four_decimals(best))


def _four_decimals(energies: Sequence[int]) -> list[Decimal]:
    return [Decimal(energy).scaleb(-units.ENERGY_DECIMALS) for energy in energies]


def answer_original(question: OriginalQuestion, on_step: Callable[[], None]) -> OriginalAnswer:
    """Answer as the original system did; runs in a solver's process."""
    on_step()
    return OriginalAnswer.to(question)
