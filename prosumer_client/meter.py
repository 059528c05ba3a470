"""A meter: reports what a prosumer took from the network and fed into it, for the games that have stopped."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from energy_market_chaincode import GameView, Metering, Phase, Terms, Topic
from prosumer_client.amounts import UnusableDecision, round_kwh
from prosumer_client.client import MarketClient
from prosumer_client.events import MarketEvent
from prosumer_client.identity import Identity, occasion_uuid
from prosumer_client.participant import Participant

SEQUENCE_BITS = 53
"""A reading's number must survive a trip through an IEEE double."""

AFTER_THE_SLOT = timedelta(seconds=2)
"""So long after a slot's end a meter reports: the ledger's time may lag behind ours, and a refusal is remembered."""
LOOK_EVERY = timedelta(minutes=1)
"""Somebody may set the time of this machine, or send it to sleep."""


@dataclass(frozen=True, slots=True)
class Contracted:
    """A participant's part in a game, kWh: what it takes in all, and what it sold."""

    to_receive: Decimal = Decimal(0)
    to_deliver: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Contracts:
    """A stopped game, and each participant's part in it."""

    game: GameView
    by_prosumer: dict[str, Contracted]


class ContractReader:
    """Reads the contracts of stopped games, once for all meters of a process, which ask at the same moment."""

    def __init__(self, market: MarketClient) -> None:
        self._market = market
        self._latest: tuple[Hashable, asyncio.Task[Contracts | None] | None] = (None, None)

    async def read(self, game: str, occasion: Hashable) -> Contracts | None:
        """Return a game's contracts; None if the game is gone.

        Parameters
        ----------
        occasion
            Why it is read. For the same occasion as before, what was read then is returned.
        """
        named, reading = self._latest
        if reading is None or named != (game, occasion) or _has_failed(reading):
            reading = asyncio.create_task(self._read(game))
            self._latest = ((game, occasion), reading)
        return await asyncio.shield(reading)  # whoever gives up waiting leaves it to the others

    async def _read(self, name: str) -> Contracts | None:
        game = await self._market.find_game(name, brief=True)
        if game is None:
            return None
        # What a buyer has not bought locally it takes from the grid: in all it is what it asked for.
        parts = {seller.seller: Contracted(to_deliver=seller.load) for seller in game.sellers}
        return Contracts(game, parts | {b.buyer: Contracted(to_receive=b.demand) for b in game.buyers})


def _has_failed(reading: asyncio.Task[Contracts | None]) -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)


@dataclass(frozen=True, slots=True)
class Reading:
    """Energy taken from the network and fed into it since the last reading, kWh; the ledger holds four decimals."""

    in_energy: Decimal
    out_energy: Decimal


class Meter(Participant):
    """A simulated meter: when a game stops, its prosumer delivers and consumes its part at once.

    Of a slot with a time, and of every slot that meters count, it reports when the slot is over. Where prosumers meter
    themselves it signs as its prosumer, and reports on slots in which that takes part; where meters count it signs with
    the key of its own, and reports on every slot: late ones, too, until they are final.

    For a real meter override :meth:`measure`, or call :meth:`publish` whenever it has counted something.

    Parameters
    ----------
    delivery
        Which share of its part it delivers or consumes: 1 is all of it.
    contracts
        Shared by the meters of one process; default one of its own.
    identity
        The meter that an operator entered (``registerMeter``), and its key; None: it has none.
    """

    def __init__(
        self,
        market: MarketClient,
        delivery: Decimal | str = Decimal(1),
        contracts: ContractReader | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(market)
        self._own = market.speaking_as(identity) if identity is not None else None
        self.minds_settled = identity is not None
        self._delivery = Decimal(delivery)
        if self._delivery < 0:
            raise ValueError(f"a share of {delivery} cannot be delivered; it must not be negative")
        self._contracts = contracts or ContractReader(market)
        self._stops: dict[str, MarketEvent] = {}
        """How the games stopped whose slots are not over."""

    async def measure(self, terms: Terms, contracted: Contracted) -> Reading:
        """Return what was taken and fed in for a stopped game. Override it."""
        return Reading(
            in_energy=round_kwh(contracted.to_receive * self._delivery),
            out_energy=round_kwh(contracted.to_deliver * self._delivery),
        )

    async def publish(self, terms: Terms, reading: Reading, part: int = 0) -> bool:
        """Report a reading of a game's delivery, once in all lives of this process.

        Where prosumers meter themselves, parts add up: the number of a reading follows from the game and the part.
        Where meters count, another reading corrects the slot's earlier one, until it is final.

        Parameters
        ----------
        part
            Which of the game's readings it is. A correction back to what was reported before needs one of its own.

        Returns
        -------
        Whether it counts.

        Raises
        ------
        UnusableDecision
            If the reading holds no amounts of energy.
        """
        usable = self._usable(reading, terms)
        occasion = (terms.game, terms.registration_ends_at, part)
        energy = {"game": terms.game, "inEnergy": usable.in_energy, "outEnergy": usable.out_energy}
        if terms.metering is not Metering.METERS:
            number = occasion_uuid(self.prosumer, "reading", *occasion).int >> (128 - SEQUENCE_BITS)
            topic, said = Topic.PUBLISH_METER_READING, energy | {"sequence": number}
            rejection = await self.say(topic, said, *occasion)
        elif self._own is not None:
            topic, said = Topic.PUBLISH_READINGS, {"readings": [energy]}
            shown = (usable.in_energy, usable.out_energy)
            rejection = await self.say(topic, said, *occasion, *shown, speaker=self._own)
        else:
            self.log.warning("Only a meter with a key of its own reports on this game", game=terms.game)
            return False
        log = self.log.bind(game=terms.game)
        if rejection is not None:
            log.warning("The reading was rejected", code=rejection.code, reason=rejection.message)
            return False
        log.info(f"Submitted {topic[0].upper()}{topic[1:]} tx: {usable.in_energy} in, {usable.out_energy} out")
        return True

    async def _measured(self, terms: Terms, contracted: Contracted) -> Reading:
        return self._usable(await self.measure(terms, contracted), terms)

    def _usable(self, reading: Reading, terms: Terms) -> Reading:
        if not isinstance(reading, Reading):
            raise UnusableDecision(f"measure() is to return a Reading, not {reading!r}")
        taken = self.rounded_kwh(reading.in_energy, game=terms.game)
        fed_in = self.rounded_kwh(reading.out_energy, game=terms.game)
        if taken < 0 or fed_in < 0:
            raise UnusableDecision(f"{reading} cannot have been metered: both directions are counted upwards")
        return Reading(taken, fed_in)

    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether an event is the stop of a game that was played."""
        return event.name == "GameStopEvent" and event.data["reason"] != "cancelled"

    async def catch_up(self, game: GameView) -> None:
        """Report on a game in delivery, or on one that was settled without us; what was reported before counts once."""
        if self._is_awaited(game) and not self._waits_for(game):
            is_ours = await self._report(await self._contracts.read(game.game, game.registration_ends_at))
            stop = self._stops.pop(game.game, None)
            if is_ours and stop is not None:
                self.end_game(stop)

    async def react(self, event: MarketEvent) -> None:
        """Report on a game that stopped."""
        contracts = await self._contracts.read(str(event.game), event.cursor)
        if contracts is not None and self._is_awaited(contracts.game) and self._waits_for(contracts.game):
            self._stops[contracts.game.game] = event
        elif await self._report(contracts):
            self.end_game(event)

    def _is_awaited(self, game: GameView) -> bool:
        """Tell whether a reading of ours counts: in delivery, or later if it is one of a meter, for a silent one."""
        phase = game.phase_at(self.now())
        if phase is Phase.CLOSED and game.settlement is not None:
            is_silent = self.prosumer in game.settlement.presumed
            return game.parameters.metering is Metering.METERS and is_silent
        return phase in (Phase.DELIVERY, Phase.METERING)

    def _waits_for(self, game: GameView) -> bool:
        """Tell whether a slot's energy is still to be metered; then we look again when it was."""
        rules = game.parameters
        is_over_first = rules.slot_duration_ms is not None or rules.metering is Metering.METERS
        if not is_over_first or game.delivery_ends_at is None:
            return False
        left = self.market.time.until(game.delivery_ends_at) + self._patience(
            game.delivery_ends_at, game.metering_ends_at
        )
        if left <= timedelta():
            return False
        self.remind(game, min(left, LOOK_EVERY))
        return True

    def _patience(self, delivered: datetime, window_ends: datetime | None) -> timedelta:
        """Return how much real time passes after a slot before we report: a short window is not over by then."""
        if window_ends is None or window_ends == delivered:
            return AFTER_THE_SLOT
        return min(AFTER_THE_SLOT, self.market.time.lasts(window_ends - delivered) / 4)

    async def _report(self, contracts: Contracts | None) -> bool:
        """Report, unless the game is gone or over, or is none of ours; tell whether it is ours."""
        if contracts is None or not self._is_awaited(contracts.game):
            self.log.info("The game's delivery is over, nothing to report")
            return False
        contracted = contracts.by_prosumer.get(self.prosumer, Contracted())
        terms, is_in = contracts.game.terms, self.prosumer in contracts.by_prosumer
        is_nothing = contracted == Contracted() and terms.slot_duration_ms is None
        if terms.metering is not Metering.METERS and (is_nothing or not is_in):
            return is_in
        reading = await self.decision(self._measured(terms, contracted), game=terms.game)
        return reading is not None and await self.publish(terms, reading)
