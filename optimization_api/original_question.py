"""The original system's body."""

from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field

from energy_market_chaincode import game as rules
from energy_market_chaincode import units
from energy_market_chaincode.units import Energy, Price
from http_service import FieldError, invalid_parameters
from optimization_api.question import FEE_PER_HOP, Hops, PositiveEnergy, Question, refuse_shortfall

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
    buyer_demand: PositiveEnergy
    sellers_price: list[Annotated[Figure, Field(ge=1e-9, le=1e6)]]
    sellers_capacity: list[Annotated[Figure, Field(ge=1e-4, le=1e9)]]
    used_capacities: list[Annotated[Figure, Field(ge=-LARGEST_ROUNDING_ERROR, le=1e9)]]
    hop_distrances: list[Hops]

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
