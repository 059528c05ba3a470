"""A whole game, to be cleared."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from energy_market_chaincode import units
from energy_market_chaincode.amounts import PriceCurrencyPerKwh, ShareOfOne
from energy_market_chaincode.units import Price
from http_service import FieldError, invalid_parameters
from optimization_api.exact_game import ExactGame
from optimization_api.question import (
    FEE_PER_HOP,
    Hops,
    Name,
    PositiveEnergy,
    PositivePrice,
    Question,
    refuse_shortfall,
)

MAX_BUYERS = 1_000
MAX_SELLERS = 300
MAX_PAIRS = 40_000


class Buyer(Question):
    """A buyer of a game."""

    demand: PositiveEnergy


class Seller(Question):
    """A seller of a game."""

    capacity: PositiveEnergy
    price: PositivePrice


GAME_EXAMPLE: dict[str, Any] = {
    "buyers": {"P003": {"demand": 28}, "P007": {"demand": 15}},
    "sellers": {"S004": {"capacity": 350, "price": 0.14}, "S001": {"capacity": 36, "price": "0.08376051515357819"}},
    "hops": {"P003": {"S004": 4, "S001": 1}, "P007": {"S004": 1, "S001": 2}},
    "fee_per_hop": 0.02,
}


class GameQuestion(Question):
    """A whole game: buyers in turn order, sellers, and the hops from each buyer to each seller."""

    model_config = ConfigDict(json_schema_extra={"examples": [GAME_EXAMPLE]})

    buyers: Annotated[dict[Name, Buyer], Field(min_length=1, max_length=MAX_BUYERS)]
    sellers: Annotated[dict[Name, Seller], Field(min_length=1, max_length=MAX_SELLERS)]
    hops: dict[Name, dict[Name, Hops]]
    """{buyer: {seller: hops}}, complete."""
    fee_per_hop: PriceCurrencyPerKwh = FEE_PER_HOP

    def game(self) -> ExactGame:
        """Check what one field alone does not show, and return the game.

        Raises
        ------
        Problem
            422, ``INVALID_PARAMETER`` naming each field, or ``INFEASIBLE_DEMAND``.
        """
        pairs = len(self.buyers) * len(self.sellers)
        if pairs > MAX_PAIRS:
            message = f"with these sellers there are {pairs} pairs; at most {MAX_PAIRS} are solved here"
            raise invalid_parameters([FieldError("buyers", message)])
        errors = [*self._missing_hops(), *self._hops_of_strangers()]
        if errors:
            raise invalid_parameters(errors)
        game = ExactGame(
            buyers=list(self.buyers),
            demands=[buyer.demand for buyer in self.buyers.values()],
            sellers=list(self.sellers),
            capacities=[seller.capacity for seller in self.sellers.values()],
            prices=[seller.price for seller in self.sellers.values()],
            fees=[[Price(self.hops[i][j] * self.fee_per_hop) for j in self.sellers] for i in self.buyers],
        )
        refuse_shortfall(sum(game.demands) - sum(game.capacities))
        return game

    def _missing_hops(self) -> Iterable[FieldError]:
        for buyer in self.buyers:
            row = self.hops.get(buyer, {})
            for seller in self.sellers:
                if seller not in row:
                    yield FieldError(f"hops.{buyer}.{seller}", "is missing")

    def _hops_of_strangers(self) -> Iterable[FieldError]:
        for buyer, row in self.hops.items():
            if buyer not in self.buyers:
                yield FieldError(f"hops.{buyer}", "is not one of the buyers")
            for seller in row:
                if seller not in self.sellers:
                    yield FieldError(f"hops.{buyer}.{seller}", "is not one of the sellers")


class EquilibriumQuestion(GameQuestion):
    """A game and how to find its equilibrium.

    ``best-response`` plays round after round until no buyer saved more than a share ``tolerance`` of its cost in one,
    or ``round_limit`` is reached; where capacities are full its end depends on the buyers' order. ``variational`` is
    the one equilibrium that does not, with prices and a duality gap that certify it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{**GAME_EXAMPLE, "method": "best-response"}]})

    method: Literal["best-response", "variational"] = "best-response"
    tolerance: ShareOfOne = units.share_from_fraction("0.000000001")
    round_limit: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1_000
