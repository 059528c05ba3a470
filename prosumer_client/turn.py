"""A buyer's turn: all it needs to decide on a bid, in decimals, with the arithmetic done exactly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from energy_market_chaincode import Energy, Money, Price, events, units, views
from energy_market_chaincode import game as rules
from prosumer_client.amounts import UnusableDecision, read_number, round_kwh

ROUNDING_SLACK = 10
"""How far, in units of 0.1 Wh for each seller, amounts may be from the demand and still count as rounded badly."""


@dataclass(frozen=True)
class Bid:
    """How much a buyer takes from whom: {seller: kWh}; the grid gives the rest. See :meth:`Turn.rounded`, too.

    Raises
    ------
    ValueError
        If an amount is no number, is negative or has more than four decimals.
    """

    amounts: Mapping[str, Decimal]

    def __post_init__(self) -> None:
        exact = {seller: _exact(seller, amount) for seller, amount in self.amounts.items()}
        if below := [seller for seller, amount in exact.items() if amount < 0]:
            raise UnusableDecision(f"the amount of {below[0]} must not be negative, as {exact[below[0]]} is")
        object.__setattr__(self, "amounts", {seller: amount for seller, amount in exact.items() if amount})

    def __str__(self) -> str:
        return ", ".join(f"{seller} {amount}" for seller, amount in self.amounts.items()) or "nothing but the grid"


def _exact(seller: str, amount: object) -> Decimal:
    try:
        return units.kwh(units.energy_from_kwh(read_number(amount)))
    except ValueError as error:
        raise UnusableDecision(f"the amount of {seller}, {amount!r}, {error}; Turn.rounded rounds a bid") from None


@dataclass(frozen=True)
class SellerView:
    """A seller as the buyer in turn sees it.

    Attributes
    ----------
    capacity, others_load
        kWh: what it offers, and what the other buyers' bids take of it.
    price, fee
        Currency per kWh: its base price, and the transmission fee over the hops to this buyer.
    """

    seller: str
    capacity: Decimal
    price: Decimal
    others_load: Decimal
    hops: int
    fee: Decimal

    @property
    def room(self) -> Decimal:
        """What the others leave, kWh."""
        return self.capacity - self.others_load

    def unit_cost(self, energy: Decimal = Decimal(0)) -> Decimal:
        """Return what a kWh costs, fee included, if this buyer takes ``energy`` kWh: p (1 + L / C) + fee."""
        return self.price * (1 + (self.others_load + energy) / self.capacity) + self.fee


@dataclass(frozen=True)
class Turn:
    """It is a buyer's turn.

    Attributes
    ----------
    demand
        What it asked for, kWh; what a bid does not cover is bought from the grid.
    retail_tariff
        What the grid takes, currency per kWh.
    tolerance
        The share of its cost that the game takes for nothing.
    sellers
        In the game's order.
    standing_bid
        Its bid of an earlier round, which stands if it passes.
    """

    game: str
    buyer: str
    round: int
    deadline: datetime
    demand: Decimal
    retail_tariff: Decimal
    tolerance: Decimal
    fee_per_hop: Decimal
    sellers: tuple[SellerView, ...]
    standing_bid: Bid | None

    @classmethod
    def from_event(cls, event: events.BuyBidEvent) -> Self:
        """Read what a buyer is told when it is its turn."""
        return cls(
            game=event.game,
            buyer=event.buyer_in_turn,
            round=event.round,
            deadline=event.deadline,
            demand=event.demand,
            retail_tariff=event.retail_tariff,
            tolerance=event.tolerance,
            fee_per_hop=event.fee_per_hop,
            sellers=tuple(SellerView(**dict(offer), fee=event.fee_per_hop * offer.hops) for offer in event.sellers),
            standing_bid=None if event.standing_bid is None else Bid(event.standing_bid),
        )

    @classmethod
    def from_ledger(cls, game: views.GameView, bids: Sequence[views.BidView]) -> Self:
        """Make the present turn of a game in play from what stands on the ledger."""
        buyer, deadline = game.buyer_in_turn, game.deadline
        if buyer is None or deadline is None:
            raise ValueError(f"nobody is in turn in game {game.game}")
        place, bid = next((place, bid) for place, bid in enumerate(bids) if bid.buyer == buyer)
        own = bid.amounts or {}
        event = events.BuyBidEvent(
            game=game.game,
            buyer_in_turn=buyer,
            buyer_in_turn_index=place,
            round=game.round,
            deadline=deadline,
            demand=bid.demand,
            retail_tariff=game.parameters.retail_tariff,
            fee_per_hop=game.parameters.fee_per_hop,
            tolerance=game.parameters.tolerance,
            sellers=[
                events.OfferInTurn(
                    seller=entry.seller,
                    capacity=entry.capacity,
                    price=entry.price,
                    others_load=entry.load - own.get(entry.seller, 0),
                    hops=game.hops[buyer][entry.seller],
                )
                for entry in game.sellers
            ],
            standing_bid=bid.amounts,
        )
        return cls.from_event(event)

    @property
    def room(self) -> Decimal:
        """What all sellers together have left for this buyer, kWh."""
        return sum((seller.room for seller in self.sellers), Decimal(0))

    def cost(self, bid: Bid) -> Decimal:
        """Return what a bid and the rest from the grid cost at the others' present loads, currency, to the last digit.

        Raises
        ------
        ValueError
            If it names a seller that does not offer in this game.
        """
        return units.currency(self._bill(bid))

    def is_worthwhile(self, bid: Bid) -> bool:
        """Tell whether a bid saves more than the game takes for nothing; after the first, others count as passes."""
        present = self._bill(self.standing_bid or Bid({}))
        tolerance = units.share_from_fraction(self.tolerance)
        return rules.is_more_than_nothing(present - self._bill(bid), present, tolerance)

    def best_response(self) -> Bid:
        """Return the cheapest bid at the others' present loads, exact to 0.1 Wh, with the grid in the game."""
        demand, tariff = self._exact_demand_and_tariff()
        return self._bid(rules.best_response_with_grid(demand, self._supplies(), tariff))

    def fill(self, sellers: Iterable[SellerView]) -> Bid:
        """Take all there is from one seller after the other until the demand is met; the grid gives the rest."""
        missing = self.demand
        amounts = {}
        for seller in sellers:
            amounts[seller.seller] = min(missing, seller.room)
            missing -= amounts[seller.seller]
        return Bid(amounts)

    def rounded(self, amounts: Mapping[str, object]) -> Bid:
        """Turn amounts that add up only roughly, as a numeric solver's do, into the bid they mean.

        They are rounded to 0.1 Wh and to the rooms left. If that misses the demand by at most 1 Wh for each seller,
        the difference goes to or comes from the largest; whatever is still missing is meant to come from the grid.

        Parameters
        ----------
        amounts
            {seller: kWh}, each whatever :func:`~prosumer_client.round_kwh` takes for a number.

        Raises
        ------
        UnusableDecision
            If one is no finite number, or beyond what the ledger can hold.
        ValueError
            If they exceed the demand by more than 1 Wh for each seller, or name an unknown seller.
        """
        rooms = [supply.room for supply in self._supplies()]
        meant = self._energies({seller: round_kwh(amount) for seller, amount in amounts.items()})
        wanted = [min(max(energy, 0), room) for energy, room in zip(meant, rooms, strict=True)]
        missing = units.energy_from_kwh(self.demand) - sum(wanted)
        slack = ROUNDING_SLACK * len(self.sellers)
        if missing > slack:
            return self._bid(wanted)
        if missing < -slack:
            raise ValueError(f"the amounts exceed the demand of {self.demand} kWh by {units.kwh(-missing)} kWh")
        for j in sorted(range(len(wanted)), key=lambda j: -wanted[j]):
            corrected = min(max(wanted[j] + missing, 0), rooms[j])
            missing -= corrected - wanted[j]
            wanted[j] = corrected
        return self._bid(wanted)

    def _bill(self, bid: Bid) -> Money:
        demand, tariff = self._exact_demand_and_tariff()
        return rules.bill(self._energies(bid.amounts), demand, self._supplies(), tariff)

    def _exact_demand_and_tariff(self) -> tuple[Energy, Price]:
        return units.energy_from_kwh(self.demand), units.price_from_currency_per_kwh(self.retail_tariff)

    def _supplies(self) -> list[rules.Supply]:
        return [
            rules.Supply(
                capacity=units.energy_from_kwh(seller.capacity),
                price=units.price_from_currency_per_kwh(seller.price),
                others_load=units.energy_from_kwh(seller.others_load),
                fee=units.price_from_currency_per_kwh(seller.fee),
            )
            for seller in self.sellers
        ]

    def _energies(self, amounts: Mapping[str, Decimal]) -> list[Energy]:
        unknown = sorted(set(amounts) - {seller.seller for seller in self.sellers})
        if unknown:
            raise ValueError(f"{', '.join(unknown)} do not offer in game {self.game}")
        return [units.energy_from_kwh(amounts.get(seller.seller, 0)) for seller in self.sellers]

    def _bid(self, energies: Sequence[int]) -> Bid:
        return Bid({seller.seller: units.kwh(e) for seller, e in zip(self.sellers, energies, strict=True)})
