"""What all questions to the service have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from energy_market_chaincode import units
from energy_market_chaincode.amounts import EnergyKwh, PriceCurrencyPerKwh, positive
from http_service import Problem

MAX_BODY_BYTES = 4_000_000

Name = Annotated[str, Field(min_length=1, max_length=64)]
Hops = Annotated[int, Field(ge=0, le=1_000, strict=True)]
PositiveEnergy = Annotated[EnergyKwh, AfterValidator(positive)]
PositivePrice = Annotated[PriceCurrencyPerKwh, AfterValidator(positive)]

FEE_PER_HOP = units.price_from_currency_per_kwh("0.02")


class Question(BaseModel):
    """A body, or a part of one; members it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse_shortfall(shortfall: int) -> None:
    """Raise a Problem, 422 ``INFEASIBLE_DEMAND``, if something is missing (0.1 Wh)."""
    if shortfall <= 0:
        return
    missing = units.kwh(shortfall)
    detail = f"The demand does not fit: {missing} kWh more than the sellers have left; lower it by that much."
    raise Problem(422, "INFEASIBLE_DEMAND", detail, extensions={"shortfall": missing})
