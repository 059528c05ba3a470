"""What buyers, sellers and meters have in common: they catch up with the ledger, then react to events one by one."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import structlog

from energy_market_chaincode.errors import CommandIdReused
from prosumer_client.client import MarketClient
from prosumer_client.errors import CommandRejected, RequestRefused
from prosumer_client.events import MarketEvent
from prosumer_client.first import first_of
from prosumer_client.games import GameView
from prosumer_client.group import run_together
from prosumer_client.identity import repeatable_id


class Participant(ABC):
    """Somebody who takes part in one game after the other.

    It keeps nothing on disk. Whatever it says on an occasion has the same command id in every life of the process, so
    that saying it again changes nothing: after a crash it looks at the ledger and goes on.
    """

    def __init__(self, market: MarketClient) -> None:
        self.market = market
        self.prosumer = market.identity.prosumer
        self.log = structlog.get_logger().bind(prosumer=self.prosumer)
        self._played: asyncio.Future[MarketEvent] | None = None

    async def run(self) -> None:
        """Play game after game until cancelled.

        Raises
        ------
        MarketUnavailable, RequestRefused, UnexpectedAnswer
            See :class:`~prosumer_client.client.MarketClient`.
        """
        await run_together(self.market, [self])

    async def play_one(self) -> MarketEvent:
        """Take part in one game and return its GameStopEvent; raises as :meth:`run`."""
        played: asyncio.Future[MarketEvent] = asyncio.get_running_loop().create_future()
        self._played = played
        await first_of(self.run(), _end_of(played))
        return played.result()

    @abstractmethod
    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether this participant has to react to an event."""

    @abstractmethod
    async def catch_up(self, game: GameView) -> None:
        """Do what is due in an open game as it stands on the ledger."""

    @abstractmethod
    async def react(self, event: MarketEvent) -> None:
        """Do what is due after an event."""

    def end_game(self, stop: MarketEvent) -> None:
        """Tell whoever waits in :meth:`play_one` that a game was played to its end."""
        if self._played is not None and not self._played.done():
            self._played.set_result(stop)

    async def say(self, topic: str, data: Mapping[str, Any], *occasion: object) -> CommandRejected | None:
        """Give the command of an occasion, once in all lives of this process.

        Returns
        -------
        Why it was rejected, None if it is in effect. If an earlier life of the process gave another command on this
        occasion, that one stands.
        """
        command_id = repeatable_id(self.prosumer, topic, *occasion)
        try:
            await self.market.submit(topic, data, command_id=command_id)
        except (CommandRejected, RequestRefused) as error:
            if error.code == CommandIdReused.code:
                self.log.info("What was said before on this occasion stands", topic=topic, command=command_id)
                return None
            if isinstance(error, RequestRefused):
                raise
            return error
        return None


async def _end_of(played: asyncio.Future[MarketEvent]) -> None:
    await played
