"""What the service can be asked; amounts are kWh and currency per kWh, as numbers or decimal strings."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from energy_market_chaincode import (
    Energy,
    EnergyKwh,
    Money,
    Price,
    PriceCurrencyPerKwh,
    ShareOfOne,
    SomeEnergy,
    SomePrice,
    TariffCurrencyPerKwh,
    certificate,
    piecewise,
    units,
)
from energy_market_chaincode import game as rules
from http_service import FieldError, Problem, invalid_parameters

if TYPE_CHECKING:
    from market_solver import ExactGame, GridGame

MAX_BODY_BYTES = 4_000_000
MAX_BUYERS = 1_000
MAX_SELLERS = 300
MAX_PAIRS = 40_000
MAX_SELLERS_IN_TURN = 5_000
MAX_PROSUMERS = 10_000
MAX_EDGES = 50_000
MAX_VALUES = 200_000
"""In one body: those of 50,000 edges and 10,000 prosumers with their places, and some more."""
MAX_MEMBERS = 100_000
"""Of these in objects: those of 40,000 pairs of places and 10,000 prosumers with their places, and some more."""
_STRANGE_MEMBERS = 5

Name = Annotated[str, Field(min_length=1, max_length=64)]
Hops = Annotated[int, Field(ge=0, le=1_000, strict=True)]

FEE_PER_HOP = units.price_from_currency_per_kwh("0.02")


class Question(BaseModel):
    """A body, or a part of one; members it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few_members(cls, value: Any) -> Any:
        """Refuse many unknown members in one error: one for each would take more memory than the body."""
        if isinstance(value, dict) and len(value) > (most := len(cls.model_fields) + _STRANGE_MEMBERS):
            raise ValueError(f"Input should have at most {most} members, not {len(value)}")
        return value


def refuse_shortfall(shortfall: int) -> None:
    """Raise a Problem, 422 ``INFEASIBLE_DEMAND``, if something is missing (0.1 Wh)."""
    if shortfall <= 0:
        return
    missing = units.kwh(shortfall)
    detail = f"The demand does not fit: {missing} kWh more than the sellers have left; lower it by that much."
    raise Problem(422, "INFEASIBLE_DEMAND", detail, extensions={"shortfall": missing})


Table = Annotated[
    dict[Name, Annotated[dict[Name, Hops], piecewise(most=MAX_PAIRS)]], piecewise(at_once=1, most=MAX_PAIRS)
]


class SellerInTurn(Question):
    """A seller as the buyer in turn sees it: kWh, currency per kWh and hops."""

    seller: Name
    capacity: SomeEnergy
    price: SomePrice
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
                    "retail_tariff": 0.2869,
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

    demand: SomeEnergy
    retail_tariff: TariffCurrencyPerKwh | None = None
    """What the grid takes for what the bid leaves to it; without it, the sellers are to meet the whole demand."""
    fee_per_hop: PriceCurrencyPerKwh = FEE_PER_HOP
    sellers: Annotated[
        list[SellerInTurn], Field(min_length=1, max_length=MAX_SELLERS_IN_TURN), piecewise(most=MAX_SELLERS_IN_TURN)
    ]
    standing_bid: Annotated[dict[Name, EnergyKwh], piecewise(most=MAX_SELLERS_IN_TURN)] | None = None
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
        if self.retail_tariff is None:
            refuse_shortfall(self.demand - sum(each.capacity - each.others_load for each in self.sellers))

    @cached_property
    def supplies(self) -> tuple[rules.Supply, ...]:
        """The sellers as the rule book sees them."""
        return tuple(
            rules.Supply(each.capacity, each.price, each.others_load, Price(each.hops * self.fee_per_hop))
            for each in self.sellers
        )

    @property
    def standing_amounts(self) -> list[Energy] | None:
        """The standing bid in the order of the sellers."""
        bid = self.standing_bid
        return None if bid is None else [bid.get(each.seller, Energy(0)) for each in self.sellers]

    def bill(self, amounts: Sequence[Energy]) -> Money:
        """Return what a bid and the rest from the grid cost; without a tariff there is no rest."""
        return rules.bill(amounts, self.demand, self.supplies, self.retail_tariff or Price(0))

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
        if total > self.demand or (total < self.demand and self.retail_tariff is None):
            message = f"adds up to {units.kwh(total)} kWh; the demand is {units.kwh(self.demand)} kWh"
            yield FieldError("standing_bid", message)


class BuyersDemand(Question):
    """A buyer of a game."""

    demand: SomeEnergy


class SellersOffer(Question):
    """A seller of a game."""

    capacity: SomeEnergy
    price: SomePrice


GAME_EXAMPLE: dict[str, Any] = {
    "buyers": {"P003": {"demand": 28}, "P007": {"demand": 15}},
    "sellers": {"S004": {"capacity": 350, "price": 0.14}, "S001": {"capacity": 36, "price": "0.08376051515357819"}},
    "hops": {"P003": {"S004": 4, "S001": 1}, "P007": {"S004": 1, "S001": 2}},
    "fee_per_hop": 0.02,
}


class GameQuestion(Question):
    """A whole game: buyers in turn order, sellers, and the hops from each buyer to each seller."""

    model_config = ConfigDict(json_schema_extra={"examples": [GAME_EXAMPLE]})

    buyers: Annotated[dict[Name, BuyersDemand], Field(min_length=1, max_length=MAX_BUYERS), piecewise(most=MAX_BUYERS)]
    sellers: Annotated[
        dict[Name, SellersOffer], Field(min_length=1, max_length=MAX_SELLERS), piecewise(most=MAX_SELLERS)
    ]
    hops: Table
    """{buyer: {seller: hops}}, complete."""
    fee_per_hop: PriceCurrencyPerKwh = FEE_PER_HOP

    def check(self) -> None:
        """Check what one field alone does not show.

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
        if self.grid_tariff is None:
            demands = sum(buyer.demand for buyer in self.buyers.values())
            refuse_shortfall(demands - sum(seller.capacity for seller in self.sellers.values()))

    @property
    def grid_tariff(self) -> Price | None:
        """What the grid takes, if it is in the game."""
        return None

    def game(self) -> "ExactGame":
        """Return the game; the question must have been checked."""
        from market_solver import ExactGame  # NumPy comes with it, which the service does without

        return ExactGame(
            buyers=list(self.buyers),
            demands=[buyer.demand for buyer in self.buyers.values()],
            sellers=list(self.sellers),
            capacities=[seller.capacity for seller in self.sellers.values()],
            prices=[seller.price for seller in self.sellers.values()],
            fees=[[Price(self.hops[i][j] * self.fee_per_hop) for j in self.sellers] for i in self.buyers],
            retail_tariff=self.grid_tariff,
        )

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

    retail_tariff: TariffCurrencyPerKwh | None = None
    """What the grid takes for what costs more locally; without it, the sellers are to meet every demand."""
    method: Literal["best-response", "variational"] = "best-response"
    tolerance: ShareOfOne = units.share_from_fraction("0.000000001")
    round_limit: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1_000

    @property
    def grid_tariff(self) -> Price | None:
        """What the grid takes, if it is in the game."""
        return self.retail_tariff


class ClearingQuestion(Question):
    """A slot with the grid in the game.

    Hops are those of a graph (``edges``), one an edge, or of a table between places (``hops``). Prosumers may stand at
    ``places``; who is not listed there is a place of its own.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "buyers": {"P003": {"demand": 28}, "P007": {"demand": 15}},
                    "sellers": {"S001": {"capacity": 36, "price": "0.08376051515357819"}},
                    "retail_tariff": 0.2869,
                    "edges": [["P003", "feeder"], ["P007", "feeder"], ["feeder", "S001"]],
                }
            ]
        }
    )

    buyers: Annotated[
        dict[Name, BuyersDemand], Field(min_length=1, max_length=MAX_PROSUMERS), piecewise(most=MAX_PROSUMERS)
    ]
    sellers: Annotated[
        dict[Name, SellersOffer], Field(min_length=1, max_length=MAX_PROSUMERS), piecewise(most=MAX_PROSUMERS)
    ]
    retail_tariff: SomePrice
    fee_per_hop: PriceCurrencyPerKwh = FEE_PER_HOP
    edges: (
        Annotated[list[tuple[Name, Name]], Field(min_length=1, max_length=MAX_EDGES), piecewise(most=MAX_EDGES)] | None
    ) = None
    hops: Table | None = None
    """{place of a buyer: {place of a seller: hops}}"""
    places: Annotated[dict[Name, Name], piecewise(most=MAX_MEMBERS)] = {}
    """{prosumer: place}"""
    rows: bool = False
    """Whether to tell who buys how much from whom; for 10,000 prosumers that takes many seconds."""

    def check(self) -> None:
        """Raise a Problem, 422 ``INVALID_PARAMETER``, where one field alone does not show what is wrong."""
        if errors := list(self._errors()):
            raise invalid_parameters(errors)

    def game(self) -> "GridGame":
        """Return the game in kWh.

        Raises
        ------
        Problem
            422 ``INVALID_PARAMETER`` if somebody is not in the network.
        """
        import numpy as np  # the solvers' processes come here, not the service, which starts sooner without

        from market_solver import GridGame, hops_of_graph, hops_of_table

        of_buyers = [self.places.get(buyer, buyer) for buyer in self.buyers]
        of_sellers = [self.places.get(seller, seller) for seller in self.sellers]
        try:
            if self.edges is not None:
                hops, row = hops_of_graph(of_buyers, of_sellers, self.edges)
            else:
                hops, row = hops_of_table(of_buyers, of_sellers, self.hops or {})
        except LookupError as error:
            field = "hops" if self.edges is None else "edges"
            raise invalid_parameters([FieldError(field, f"has no way for {error.args[0]}")]) from None
        sellers = self.sellers.values()
        return GridGame(
            demand=np.array([float(units.kwh(buyer.demand)) for buyer in self.buyers.values()]),
            capacity=np.array([float(units.kwh(seller.capacity)) for seller in sellers]),
            price=np.array([float(units.currency_per_kwh(seller.price)) for seller in sellers]),
            hops=hops.astype(np.uint8) if hops.max() < 256 else hops,
            place=row,
            fee_per_hop=float(units.currency_per_kwh(self.fee_per_hop)),
            retail_tariff=float(units.currency_per_kwh(self.retail_tariff)),
        )

    def slot_game(self, game: "GridGame") -> certificate.SlotGame:
        """Return the same game in the ledger's integers."""
        return certificate.SlotGame(
            demands=[buyer.demand for buyer in self.buyers.values()],
            capacities=[seller.capacity for seller in self.sellers.values()],
            prices=[seller.price for seller in self.sellers.values()],
            distances=[row.tobytes() if row.itemsize == 1 else row.tolist() for row in game.hops],
            fees=[Price(hops * self.fee_per_hop) for hops in range(int(game.hops.max()) + 1)],
            row=game.place.tolist(),
            retail_tariff=self.retail_tariff,
        )

    def _errors(self) -> Iterable[FieldError]:
        prosumers = len(self.buyers) + len(self.sellers)
        if prosumers > MAX_PROSUMERS:
            yield FieldError("buyers", f"with these sellers there are {prosumers}; at most {MAX_PROSUMERS} are taken")
        if (self.edges is None) == (self.hops is None):
            yield FieldError("edges", "either edges or hops must be there, and not both")
        if self.hops is not None and (pairs := sum(map(len, self.hops.values()))) > MAX_PAIRS:
            yield FieldError("hops", f"has {pairs} pairs; at most {MAX_PAIRS} are taken: use places, or edges")
