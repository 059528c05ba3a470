"""A household: sells in one slot and buys in the next, a day of slots in one command, and plays where it buys."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from energy_market_chaincode import GameView, Phase, Terms, Topic, errors, units
from prosumer_client.amounts import UnusableDecision
from prosumer_client.client import MarketClient
from prosumer_client.events import MarketEvent
from prosumer_client.identity import Identity
from prosumer_client.meter import Contracted, ContractReader, Meter, Reading
from prosumer_client.optimizer import Optimizer
from prosumer_client.participant import Refusal, Reminder
from prosumer_client.profile import Battery, Profile, ShiftableLoad, flows_of
from prosumer_client.traders import Bidder, Demand, Offer, Registration, usable_demand, usable_offer

MOST_ORDERS = 200
"""Of one command."""
GATHERED_FOR = timedelta(seconds=0.5)
"""Slots that are published within this time are ordered together."""
LEAST_PRICE = units.currency_per_kwh(units.Price(1))
"""An offer's price is above zero."""

_SAID_AS = {Topic.PUBLISH_OFFER: "offer", Topic.PUBLISH_DEMAND: "demand"}
_PLACE = re.compile(r"\borders\.(\d+)\b")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a household expects of a slot, kWh.

    Attributes
    ----------
    load, pv
        What it uses and makes, by its profile.
    lacks, left
        What it takes from the network and feeds into it, once its devices did what they can.
    """

    load: Decimal
    pv: Decimal
    lacks: Decimal
    left: Decimal


class Household(Bidder):
    """Buys what it lacks and offers what it has left at the feed-in tariff, in all slots that have a time.

    Override :meth:`plan` to decide otherwise, :meth:`forecast` to know better than the profile, and :meth:`bid` for
    another strategy where it buys. A decision that fails, or cannot be used, keeps it out of that slot only.

    Orders for all slots that are published go out in one command. The market is told nothing twice, and nothing is kept
    on disk: a household that was restarted looks which slots it is in.

    Parameters
    ----------
    profile
        What it uses and makes.
    battery, shiftable
        Its devices, see :mod:`prosumer_client.profile`.
    optimizer
        Who computes best responses; None: this process does.
    """

    def __init__(
        self,
        market: MarketClient,
        profile: Profile,
        *,
        battery: Battery | None = None,
        shiftable: ShiftableLoad | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        super().__init__(market, optimizer)
        self._profile = profile
        self._flows = flows_of(profile, battery, shiftable)
        self._open: dict[str, Terms] = {}
        """Slots whose gates were open when we looked."""
        self._waiting: dict[str, Terms] = {}
        """Slots that are to be planned."""
        self._uncovered: dict[str, Terms] = {}
        """Slots that there was no money for."""
        self._ordering = asyncio.Lock()
        self.log.info(f"Created household with a profile of {len(profile.uses)} steps")

    async def forecast(self, slot: Terms) -> Forecast | None:
        """Return what is expected of a slot; None to stay out of it. Override it. Here: what the profile has."""
        if slot.delivery_starts_at is None or slot.delivery_ends_at is None:
            return None
        use = self._profile.between(slot.delivery_starts_at, slot.delivery_ends_at)
        flow = self._flows.between(slot.delivery_starts_at, slot.delivery_ends_at)
        if use is None or flow is None:
            return None
        return Forecast(*map(units.kwh, (use.load, use.pv, flow.load, flow.pv)))

    async def plan(self, slot: Terms, forecast: Forecast) -> Offer | Demand | None:
        """Return what to offer or to ask for in a slot; None to stay out of it. Override it."""
        if forecast.lacks > forecast.left:
            return Demand(forecast.lacks)
        price = max(slot.feed_in_tariff, slot.price_floor or LEAST_PRICE, LEAST_PRICE)
        if not forecast.left or (slot.price_cap is not None and price > slot.price_cap):
            return None
        return Offer(forecast.left, price)

    async def order_anew(self) -> None:
        """Plan all slots again whose gates are open, when a forecast got better: each order replaces the earlier one.

        Of a slot for which nothing is planned any more the order is withdrawn; a plan that cannot be used changes none.
        """
        self._waiting |= self._open
        await self._order()

    def meter(self, identity: Identity | None = None, contracts: ContractReader | None = None) -> Meter:
        """Return a meter that counts what the forecasts say.

        Parameters
        ----------
        identity, contracts
            See :class:`~prosumer_client.meter.Meter`.
        """
        return HouseholdMeter(self, identity, contracts)

    def is_in(self, game: GameView) -> bool:
        """Tell whether it offers or asks for energy."""
        return game.has_seller(self.prosumer) or game.demand_of(self.prosumer) is not None

    async def entry(self, terms: Terms) -> Registration | None:
        """Say how to register for a slot by what is planned for it."""
        forecast = await self.forecast(terms)
        planned = None if forecast is None else await self.plan(terms, forecast)
        if planned is None:
            return None
        if isinstance(planned, Offer):
            return Registration(Topic.PUBLISH_OFFER, usable_offer(self, planned, terms))
        if isinstance(planned, Demand):
            return Registration(Topic.PUBLISH_DEMAND, usable_demand(self, planned.amount, terms))
        raise UnusableDecision(f"plan() is to return an Offer, a Demand or None, not {planned!r}")

    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether an event is about the course of a game, gives us the turn, or gives money back."""
        return super().concerns(event) or (event.name == "MarketClosedEvent" and bool(self._uncovered))

    async def react(self, event: MarketEvent) -> None:
        """Plan, play, or order again what there was no money for."""
        if event.name == "MarketClosedEvent":
            self._waiting |= self._uncovered
            self._uncovered.clear()
            await self._order()
            return
        if event.name == "MarketResetEvent":
            for slots in (self._open, self._waiting, self._uncovered):
                slots.clear()
        await super().react(event)

    async def catch_up(self, game: GameView) -> None:
        """Order in slots that were published before we listened, or go on with those that we are in."""
        if game.phase is Phase.REGISTRATION and game.parameters.slot_duration_ms is not None:
            self._open[game.game] = game.terms
        await super().catch_up(game)

    async def _register(self, terms: Terms) -> None:
        """Plan a slot, together with those that are published with it."""
        if terms.slot_duration_ms is None:
            self.log.info("Staying out of the game, whose slot has no time", game=terms.game)
            return
        if not self._waiting:
            self.remind(Reminder(None, self._order), GATHERED_FOR)
        self._open[terms.game] = self._waiting[terms.game] = terms

    async def _order(self) -> None:
        """Plan the slots that wait, and order in all of them whose gates are open."""
        async with self._ordering:
            waiting = sorted(self._waiting.values(), key=lambda slot: (slot.registration_ends_at, slot.game))
            self._waiting.clear()
            self._open = {game: slot for game, slot in self._open.items() if self.now() < slot.registration_ends_at}
            orders: dict[str, dict[str, Any]] = {}
            for slot in (slot for slot in waiting if slot.game in self._open):
                order = await self.decision(self._planned(slot), game=slot.game)
                if order is not None and (len(order) > 1 or slot.game in self._in):
                    orders[slot.game] = order
            while orders:
                batch = dict(islice(orders.items(), MOST_ORDERS))
                orders = {game: order for game, order in orders.items() if game not in batch}
                await self._place(batch)

    async def _planned(self, slot: Terms) -> dict[str, Any]:
        """Return the order of a slot; one that says no more than the game withdraws what was there."""
        order: dict[str, Any] = {"game": slot.game}
        entry = await self.entry(slot)
        return order if entry is None else order | {_SAID_AS[Topic(entry.topic)]: entry.data}

    async def _place(self, orders: dict[str, dict[str, Any]]) -> None:
        """Give orders as one command; leave out what the market refuses, and what there is no money for until later."""
        while orders:
            refusal = await self.say(Topic.PUBLISH_ORDERS, {"orders": list(orders.values())})
            if refusal is None:
                self._in -= orders.keys()
                self._in |= {game for game, order in orders.items() if len(order) > 1}
                self.log.info("Submitted PublishOrders tx", games=len(orders))
                return
            left_out = _to_leave_out(list(orders), refusal)
            orders = {game: order for game, order in orders.items() if game not in left_out}
            if refusal.code == errors.InsufficientFunds.code:
                self._uncovered |= {game: self._open[game] for game in left_out}
            reason = {"code": refusal.code, "reason": refusal.message}
            self.log.warning("Not taken into games", games=left_out, **reason)


def _to_leave_out(games: list[str], refusal: Refusal) -> list[str]:
    """Return which games to order without: the one that is refused, of a sum that lacks the later half, or all."""
    if (place := _PLACE.search(refusal.message)) is not None:
        return [games[int(place[1])]]
    if refusal.code == errors.InsufficientFunds.code:
        return games[len(games) // 2 :]
    return games


class HouseholdMeter(Meter):
    """Counts what its household forecast of each slot, see :meth:`Household.meter`."""

    def __init__(self, household: Household, identity: Identity | None, contracts: ContractReader | None) -> None:
        super().__init__(household.market, contracts=contracts, identity=identity)
        self._household = household

    async def measure(self, terms: Terms, contracted: Contracted) -> Reading:
        """Return what the household takes and feeds in, whatever was contracted."""
        forecast = await self._household.forecast(terms)
        if forecast is None:
            raise UnusableDecision(f"nothing is known of what was used and made in the slot of {terms.game}")
        return Reading(in_energy=forecast.lacks, out_energy=forecast.left)
