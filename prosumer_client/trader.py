"""What buyers and sellers have in common: they register for games."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from energy_market_chaincode.commands import Topic
from energy_market_chaincode.entities import Phase
from energy_market_chaincode.errors import AlreadyRegistered
from prosumer_client.client import MarketClient
from prosumer_client.events import MarketEvent
from prosumer_client.games import GameView, Terms
from prosumer_client.participant import Participant


class Entry(NamedTuple):
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
    async def entry(self, terms: Terms) -> Entry | None:
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
            await self._register(game)

    async def react(self, event: MarketEvent) -> None:
        """Register for a new game; let go of one that stopped."""
        self.log.info(f"Received {event.name}", game=event.game)
        if event.name == "GameInitEvent":
            await self._register(Terms.model_validate(event.data))
        elif event.name == "MarketResetEvent":
            self._in.clear()
            self._decided.clear()
        else:
            self._let_go(event)

    def _let_go(self, stop: MarketEvent) -> None:
        game = str(stop.game)
        self._decided.pop(game, None)
        if game in self._in:
            self._in.remove(game)
            self.end_game(stop)

    async def _register(self, terms: Terms) -> None:
        if self._decided.get(terms.game) == terms.registration_ends_at:
            return  # told by both the ledger and the stream
        self._decided[terms.game] = terms.registration_ends_at
        entry = await self.entry(terms)
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
