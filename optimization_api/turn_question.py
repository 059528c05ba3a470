"""A buyer's turn, to be answered with its best bid."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from energy_market_chaincode import game as rules
from energy_market_chaincode import units
from energy_market_chaincode.amounts import EnergyKwh, PriceCurrencyPerKwh
from energy_market_chaincode.units import Energy, Price
from http_service import FieldError, invalid_parameters
from optimization_api.question import (
    FEE_PER_HOP,
    Hops,
    Name,
    PositiveEnergy,
    PositivePrice,
    Question,
    refuse_shortfall,
)

MAX_SELLERS = 5_000


class SellerInTurn(Question):
    """A seller as the buyer in turn sees it: kWh, currency per kWh and hops."""

    seller: Name
    capacity: PositiveEnergy
    price: PositivePrice
    others_load: EnergyKwh
    hops: Hops

    @field_validator("others_load")
    @classmethod
    def _fits(cls, others_load: Energy, info: ValidationInfo) -> Energy:
        if others_load > info.data.get("capacity", others_load):
            raise ValueError("must not be larger than the capacity")
        return others_load


class BestResponseQuestion(Question):
    """A buyer's turn: the fields of a BuyBidEvent, in kWh and currency per kWh, as numbers or decimal strings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "demand": 28,
                    "fee_per_hop": 0.02,
                    "sellers": [
                        {"seller": "S004", "capacity": "350", "price": "0.14", "others_load": "84.2965", "hops": 4},
                        {"seller": "S001", "capacity": "36", "price": "0.0838", "others_load": "24.2417", "hops": 1},
                    ],
                    "standing_bid": {"S004": "20", "S001": "8"},
                }
            ]
        }
    )

    demand: PositiveEnergy
    fee_per_hop: PriceCurrencyPerKwh = FEE_PER_HOP
    sellers: Annotated[list[SellerInTurn], Field(min_length=1, max_length=MAX_SELLERS)]
    standing_bid: dict[Name, EnergyKwh] | None = None
    """{seller: kWh}; a seller left out is 0."""

    def check(self) -> None:
        """Check what one field alone does not show.

        Raises
        ------
        Problem
            422, ``INVALID_PARAMETER`` naming each field, or ``INFEASIBLE_DEMAND``.
        """
        errors = [*self._repeated_sellers(), *self._wrong_standing_bid()]
        if errors:
            raise invalid_parameters(errors)
        refuse_shortfall(self.demand - sum(supply.room for supply in self.supplies))

    @property
    def supplies(self) -> list[rules.Supply]:
        """The sellers as the rule book sees them."""
        return [
            rules.Supply(each.capacity, each.price, each.others_load, Price(each.hops * self.fee_per_hop))
            for each in self.sellers
        ]

    @property
    def standing_amounts(self) -> list[Energy] | None:
        """The standing bid in the order of the sellers."""
        bid = self.standing_bid
        return None if bid is None else [bid.get(each.seller, Energy(0)) for each in self.sellers]

    def _repeated_sellers(self) -> Iterable[FieldError]:
        seen = set()
        for index, each in enumerate(self.sellers):
            if each.seller in seen:
                yield FieldError(f"sellers.{index}.seller", f"{each.seller} stands in the list before")
            seen.add(each.seller)

    def _wrong_standing_bid(self) -> Iterable[FieldError]:
        if self.standing_bid is None:
            return
        rooms = {each.seller: each.capacity - each.others_load for each in self.sellers}
        for seller, amount in self.standing_bid.items():
            if seller not in rooms:
                yield FieldError(f"standing_bid.{seller}", "is not one of the sellers")
            elif amount > rooms[seller]:
                yield FieldError(f"standing_bid.{seller}", f"the others leave only {units.kwh(rooms[seller])} kWh")
        total = sum(self.standing_bid.values())
        if total != self.demand:
            message = f"adds up to {units.kwh(total)} kWh; the demand is {units.kwh(self.demand)} kWh"
            yield FieldError("standing_bid", message)
