"""Who registers for games: a seller offers its surplus, a buyer asks for energy and bids whenever it is its turn."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from energy_market_chaincode import (
    AlreadyRegistered,
    GameView,
    NotYourTurn,
    Phase,
    Terms,
    Topic,
    TurnOver,
    UnknownGame,
    WrongPhase,
    events,
    units,
)
from prosumer_client.amounts import UnusableDecision, read_number, round_price
from prosumer_client.client import MarketClient
from prosumer_client.errors import MarketError
from prosumer_client.events import MarketEvent
from prosumer_client.optimizer import Optimizer
from prosumer_client.participant import Participant, Refusal
from prosumer_client.turn import Bid, Turn

TURN_IS_OVER = frozenset({NotYourTurn.code, TurnOver.code, WrongPhase.code, UnknownGame.code})
"""Rejections of a bid that came too late: somebody skipped us, or the game is over."""


class Registration(NamedTuple):
    """With which command, beside the game's id, somebody registers for a game."""

    topic: Topic
    data: Mapping[str, Any]


class Trader(Participant):
    """A participant that registers for a game when it is published."""

    def __init__(self, market: MarketClient) -> None:
        super().__init__(market)
        self._in: set[str] = set()
        self._decided: dict[str, datetime] = {}
        """Until when the games could be registered for that it has registered for, or not."""

    @abstractmethod
    async def entry(self, terms: Terms) -> Registration | None:
        """Return how to register for a game; None to stay out of it."""

    @abstractmethod
    def is_in(self, game: GameView) -> bool:
        """Tell whether it is registered."""

    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether an event is about the course of a game."""
        return event.name in ("GameInitEvent", "GameStopEvent", "MarketResetEvent")

    async def catch_up(self, game: GameView) -> None:
        """Register for a game that was published before we listened."""
        if self.is_in(game):
            self._in.add(game.game)
        elif game.phase is Phase.REGISTRATION:
            await self._consider(game.terms)

    async def react(self, event: MarketEvent) -> None:
        """Register for a new game; let go of one that stopped."""
        self.log.info(f"Received {event.name}", game=event.game)
        if event.name == "GameInitEvent":
            await self._consider(Terms.model_validate(event.data))
        elif event.name == "MarketResetEvent":
            self._in.clear()
            self._decided.clear()
        else:
            game = str(event.game)
            self._decided.pop(game, None)
            if game in self._in:
                self._in.remove(game)
                self.end_game(event)

    async def _consider(self, terms: Terms) -> None:
        if self._decided.get(terms.game) == terms.registration_ends_at:
            return  # told by both the ledger and the stream
        self._decided[terms.game] = terms.registration_ends_at
        await self._register(terms)

    async def _register(self, terms: Terms) -> None:
        """Register for a game, or stay out of it."""
        entry = await self.decision(self.entry(terms), game=terms.game)
        if entry is None:
            self.log.info("Staying out of the game", game=terms.game)
            return
        data = {"game": terms.game, **entry.data}
        rejection = await self.say(entry.topic, data, terms.game, terms.registration_ends_at)
        if rejection is None or rejection.code == AlreadyRegistered.code:
            self._in.add(terms.game)
            self.log.info(f"Submitted {entry.topic[0].upper()}{entry.topic[1:]} tx", game=terms.game)
        else:
            self.log.warning("Not taken into the game", game=terms.game, code=rejection.code, reason=rejection.message)


@dataclass(frozen=True, slots=True)
class Offer:
    """How much a seller offers (kWh, at most four decimals) and at which base price (currency per kWh)."""

    amount: Decimal
    price: Decimal


def usable_offer(trader: Trader, offer: Offer, terms: Terms) -> dict[str, Decimal]:
    """Return the data of an offer; raises UnusableDecision."""
    amount, price = trader.rounded_kwh(offer.amount, game=terms.game), round_price(offer.price)
    if amount <= 0 or price <= 0:
        raise UnusableDecision(f"{offer} is nothing to sell: amount and price must be above zero")
    return {"amount": amount, "price": price}


class Seller(Trader):
    """Offers the same in every game, unless :meth:`offer` is overridden.

    Parameters
    ----------
    capacity
        kWh.
    price
        Currency per kWh, for the first of them: the unit price is p (1 + L / C).
    """

    def __init__(self, market: MarketClient, capacity: Decimal | str, price: Decimal | str) -> None:
        super().__init__(market)
        self._offer = Offer(
            units.kwh(units.energy_from_kwh(read_number(capacity))),
            units.currency_per_kwh(units.price_from_currency_per_kwh(read_number(price))),
        )
        self.log.info(f"Created seller with offer amount: {self._offer.amount}, price: {self._offer.price}")

    async def offer(self, terms: Terms) -> Offer | None:
        """Return what to offer in a game; None to stay out of it, as does an amount of zero. Override it."""
        return self._offer

    async def entry(self, terms: Terms) -> Registration | None:
        """Register with the offer."""
        offer = await self.offer(terms)
        if offer is None:
            return None
        if not isinstance(offer, Offer):
            raise UnusableDecision(f"offer() is to return an Offer or None, not {offer!r}")
        return Registration(Topic.PUBLISH_OFFER, usable_offer(self, offer, terms))

    def is_in(self, game: GameView) -> bool:
        """Tell whether it offers."""
        return game.has_seller(self.prosumer)


@dataclass(frozen=True, slots=True)
class Demand:
    """How much somebody asks for, kWh, at most four decimals."""

    amount: Decimal


def usable_demand(trader: Trader, amount: object, terms: Terms) -> dict[str, Decimal]:
    """Return the data of a demand; raises UnusableDecision."""
    rounded = trader.rounded_kwh(amount, game=terms.game)
    if rounded <= 0:
        raise UnusableDecision(f"a demand of {amount!r} is nothing to buy: it must be above zero")
    return {"amount": rounded}


class Bidder(Trader):
    """Plays its best response in every game in which it asked for energy, unless :meth:`bid` is overridden.

    Parameters
    ----------
    optimizer
        Who computes best responses; None: this process does.
    """

    def __init__(self, market: MarketClient, optimizer: Optimizer | None = None) -> None:
        super().__init__(market)
        self._optimizer = optimizer
        self._latest: dict[str, tuple[int, datetime]] = {}

    async def bid(self, turn: Turn) -> Bid | None:
        """Return the bid of a turn; None to pass. Override it.

        Here: the best response; a pass if that saves no more than the game's tolerance.
        """
        best = await self.best_response(turn)
        self.log.info(f"Optimized solution for demand of {turn.demand}: {best}", game=turn.game, round=turn.round)
        self.log.info(f"Previous solution: {turn.standing_bid or 'none'}", game=turn.game, round=turn.round)
        return best if turn.is_worthwhile(best) else None

    async def best_response(self, turn: Turn) -> Bid:
        """Ask the optimizer for the best response; compute it here if there is none or it does not help."""
        if self._optimizer is not None:
            try:
                return await self._optimizer.best_response(turn)
            except MarketError as error:
                self.log.warning("The optimizer did not help, computing here", code=error.code, reason=error.message)
        return turn.best_response()

    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether an event is about the course of a game, or gives us the turn."""
        return super().concerns(event) or self._is_our_turn(event)

    def _is_our_turn(self, event: MarketEvent) -> bool:
        return event.name == "BuyBidEvent" and event.data["buyerInTurn"] == self.prosumer

    async def catch_up(self, game: GameView) -> None:
        """Register, or take the turn that we have."""
        await super().catch_up(game)
        if game.phase is Phase.PLAYING and game.buyer_in_turn == self.prosumer:
            await self._play(Turn.from_ledger(game, await self.market.bids(game.game)))

    async def react(self, event: MarketEvent) -> None:
        """Take our turn, or go along with the course of a game."""
        if self._is_our_turn(event):
            self._in.add(str(event.game))
            await self._play(Turn.from_event(events.BuyBidEvent.model_validate(event.data)))
            return
        if event.name == "GameStopEvent":
            self._latest.pop(str(event.game), None)
        await super().react(event)

    async def _play(self, turn: Turn) -> None:
        """Bid or pass, once in a turn that is still ours."""
        this = (turn.round, turn.deadline)
        if self._latest.get(turn.game) == this:
            return
        self._latest[turn.game] = this
        log = self.log.bind(game=turn.game, round=turn.round)
        if not await self._is_on(turn):
            log.info("This turn is over")
            return
        log.info("Buyer playing in game")
        log.debug("Sellers used capacities: " + ", ".join(f"{s.seller} {s.others_load}" for s in turn.sellers))
        bid = await self.decision(self._usable_bid(turn), game=turn.game, round=turn.round)
        rejection = await self._say_bid(turn, bid)
        if rejection is None:
            log.info("Submitted PublishBuyBid tx" if bid is not None else "Passed: what I bid before stands")
            return
        log.warning("The bid was rejected", code=rejection.code, reason=rejection.message)
        if bid is not None and rejection.code not in TURN_IS_OVER:
            await self._give_way(turn)

    async def _usable_bid(self, turn: Turn) -> Bid | None:
        bid = await self.bid(turn)
        if not isinstance(bid, Bid | None):
            raise UnusableDecision(f"bid() is to return a Bid or None, not {bid!r}: return Bid({{seller: kWh}})")
        return bid

    async def _is_on(self, turn: Turn) -> bool:
        """Tell whether a turn is still ours; before its deadline nobody but ourselves can have ended it."""
        if self.now() < turn.deadline:
            return True
        game = await self.market.find_game(turn.game)
        return (
            game is not None
            and game.phase is Phase.PLAYING
            and (game.buyer_in_turn, game.round, game.deadline) == (self.prosumer, turn.round, turn.deadline)
        )

    async def _say_bid(self, turn: Turn, bid: Bid | None, *after: str) -> Refusal | None:
        move = {"keepPlaying": False} if bid is None else {"bidAmounts": bid.amounts}
        data = {"game": turn.game, "round": turn.round, **move}
        return await self.say(Topic.PUBLISH_BUY_BID, data, turn.game, turn.round, turn.deadline, *after)

    async def _give_way(self, turn: Turn) -> None:
        """Pass after a bid that broke a rule, so that the others need not wait for our deadline."""
        rejection = await self._say_bid(turn, None, "after a rejected bid")
        if rejection is not None:
            self.log.warning("The pass was rejected", game=turn.game, code=rejection.code, reason=rejection.message)


class Buyer(Bidder):
    """Asks for the same in every game and plays its best response, unless a method is overridden.

    Override :meth:`bid` for another strategy and :meth:`demand` for another demand. If one of them fails, or returns
    what cannot be used, the log says so, and this buyer stays out of the game or passes.

    Parameters
    ----------
    demand
        kWh; None where :meth:`demand` is overridden.
    optimizer
        Who computes best responses; None: this process does.
    """

    def __init__(
        self, market: MarketClient, demand: Decimal | str | None = None, optimizer: Optimizer | None = None
    ) -> None:
        super().__init__(market, optimizer)
        self._demand = None if demand is None else units.kwh(units.energy_from_kwh(read_number(demand)))
        self.log.info(f"Created buyer with demand amount: {self._demand}")

    async def demand(self, terms: Terms) -> Decimal | None:
        """Return how much to ask for in a game, kWh; None to stay out of it, as does zero. Override it."""
        return self._demand

    async def entry(self, terms: Terms) -> Registration | None:
        """Register with the demand."""
        demand = await self.demand(terms)
        return None if demand is None else Registration(Topic.PUBLISH_DEMAND, usable_demand(self, demand, terms))

    def is_in(self, game: GameView) -> bool:
        """Tell whether it asks for energy."""
        return game.demand_of(self.prosumer) is not None
