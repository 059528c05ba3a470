"""What the market tells the world: one type for each event. A stream adds ``cursor`` and ``at`` to it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from energy_market_chaincode.market_views import EpochView, SimulatedTimeView
from energy_market_chaincode.times import Time
from energy_market_chaincode.units import Currency, CurrencyPerKwh, Fraction, Kwh
from energy_market_chaincode.views import (
    ContractedTransfer,
    OfferView,
    PostedClearing,
    SettlementTotals,
    StopTotals,
    Terms,
    View,
)


class Event(View):
    """Something that happened, and in which game; null if it concerns the market as a whole."""

    CONCERNS: ClassVar[tuple[str, ...]] = ()
    """Which of its fields name those whom it concerns; none where that is everybody, as with the course of a game."""

    name: str
    game: str | None


class GameEvent(Event):
    """Something that happened in a game."""

    game: str


class GameInitEvent(GameEvent, Terms):
    """A game accepts registrations; ``gameID`` is the game, as the original system names it."""

    name: Literal["GameInitEvent"] = "GameInitEvent"
    game_id: Annotated[str, Field(alias="gameID")]


class OfferInTurn(OfferView):
    """A seller as the buyer in turn sees it; ``others_load`` is what the other buyers' bids take of it."""

    others_load: Kwh
    hops: int


class BuyBidEvent(GameEvent):
    """It is a buyer's turn: all it needs to bid.

    Attributes
    ----------
    round
        From 1.
    sellers
        In order of arrival.
    retail_tariff
        What the grid takes for a kWh of the demand that the bid leaves to it.
    standing_bid
        {seller: kWh}, its bid of an earlier round.
    """

    CONCERNS = ("buyerInTurn",)
    name: Literal["BuyBidEvent"] = "BuyBidEvent"
    buyer_in_turn: str
    buyer_in_turn_index: int
    round: int
    deadline: Time
    demand: Kwh
    retail_tariff: CurrencyPerKwh
    fee_per_hop: CurrencyPerKwh
    tolerance: Fraction
    sellers: list[OfferInTurn]
    standing_bid: dict[str, Kwh] | None


class ClearingOpenEvent(GameEvent):
    """A certified game's arena is fixed: whoever solves it may post a clearing.

    Attributes
    ----------
    arena
        Its hash.
    ends_at
        Until then clearings are taken.
    """

    name: Literal["ClearingOpenEvent"] = "ClearingOpenEvent"
    arena: str
    ends_at: Time


class ClearingProposedEvent(PostedClearing, GameEvent):
    """A clearing was posted that is too large to be proved at once: whoever wants gives proveClearing until it is.

    Attributes
    ----------
    left
        How many steps of the proof are left.
    """

    name: Literal["ClearingProposedEvent"] = "ClearingProposedEvent"
    left: int


class ClearingRefusedEvent(PostedClearing, GameEvent):
    """A clearing turned out wrong: why, as a code and a sentence with the numbers. Its bond is the grid operator's."""

    name: Literal["ClearingRefusedEvent"] = "ClearingRefusedEvent"
    code: str
    message: str


class GameStoppingEvent(GameEvent):
    """A game is over and too large to be stopped at once: whoever wants gives stopGame until it is.

    Attributes
    ----------
    left
        How many steps are left at most.
    """

    name: Literal["GameStoppingEvent"] = "GameStoppingEvent"
    left: int


class SlotSettlingEvent(GameEvent):
    """A slot, or a correction, is too large to be settled at once: an operator gives closeMarket until it is.

    Attributes
    ----------
    left
        How many steps are left.
    """

    name: Literal["SlotSettlingEvent"] = "SlotSettlingEvent"
    left: int


class GameStopEvent(GameEvent, StopTotals):
    """A game stopped; what stands is contracted."""

    name: Literal["GameStopEvent"] = "GameStopEvent"
    total_nr_rounds: int


class TransferFulfilledEvent(GameEvent, ContractedTransfer):
    """A transfer was delivered, received and paid in full."""

    CONCERNS = ("seller", "buyer")
    name: Literal["TransferFulfilledEvent"] = "TransferFulfilledEvent"


class AccountTopUpRequired(GameEvent):
    """An account cannot cover what is asked of it."""

    CONCERNS = ("prosumer",)
    name: Literal["AccountTopUpRequired"] = "AccountTopUpRequired"
    prosumer: str
    required: Currency
    available: Currency
    shortfall: Currency


class MarketClosedEvent(GameEvent, SettlementTotals):
    """A game is settled to the end."""

    name: Literal["MarketClosedEvent"] = "MarketClosedEvent"


class SettlementCorrectedEvent(GameEvent, SettlementTotals):
    """A closed game was settled anew, by a reading that came later or was corrected; only what that changes moved."""

    name: Literal["SettlementCorrectedEvent"] = "SettlementCorrectedEvent"


class MarketResetEvent(Event):
    """Every game was removed and every escrow released."""

    name: Literal["MarketResetEvent"] = "MarketResetEvent"
    game: None = None
    cancelled_games: list[str]


class LedgerTimeSetEvent(Event, EpochView):
    """The ledger's time was set right; commands name the ledger by its new id from now on."""

    name: Literal["LedgerTimeSetEvent"] = "LedgerTimeSetEvent"
    game: None = None


class TimeSimulatedEvent(Event, SimulatedTimeView):
    """The market's time is simulated from now on."""

    name: Literal["TimeSimulatedEvent"] = "TimeSimulatedEvent"
    game: None = None


EVENTS: dict[str, type[Event]] = {
    event.__name__: event for event in (*GameEvent.__subclasses__(), *Event.__subclasses__()) if event is not GameEvent
}
"""Every event by its name."""


def concerned(event: Mapping[str, Any]) -> frozenset[str] | None:
    """Return whom an event, as it stands on the ledger, concerns; None where it is everybody."""
    kind = EVENTS.get(event["name"])
    return frozenset(event[field] for field in kind.CONCERNS) if kind is not None and kind.CONCERNS else None
