"""What a stopped game obliges its participants to: how much each has to deliver and to receive."""

import asyncio
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal

from prosumer_client.client import MarketClient
from prosumer_client.games import GameView, find_game


@dataclass(frozen=True, slots=True)
class Contracted:
    """A participant's part in a game's transfers, kWh."""

    to_receive: Decimal = Decimal(0)
    to_deliver: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Contracts:
    """A stopped game, and each participant's part in its transfers."""

    game: GameView
    by_prosumer: dict[str, Contracted]

    def of(self, prosumer: str) -> Contracted:
        """Return a participant's part; nothing if it has no transfers."""
        return self.by_prosumer.get(prosumer, Contracted())


class ContractReader:
    """Reads the contracts of stopped games, once for all meters of a process, which ask at the same moment."""

    def __init__(self, market: MarketClient) -> None:
        self._market = market
        self._lock = asyncio.Lock()
        self._latest: tuple[Hashable, Contracts | None] = (None, None)

    async def read(self, game: str, occasion: Hashable) -> Contracts | None:
        """Return a game's contracts; None if the game is gone.

        Parameters
        ----------
        occasion
            Why it is read. For the same occasion as before, what was read then is returned.
        """
        async with self._lock:
            if self._latest[0] != (game, occasion):
                self._latest = ((game, occasion), await self._read(game))
            return self._latest[1]

    async def _read(self, name: str) -> Contracts | None:
        game = await find_game(self._market, name)
        if game is None:
            return None
        received: defaultdict[str, Decimal] = defaultdict(Decimal)
        delivered: defaultdict[str, Decimal] = defaultdict(Decimal)
        for transfer in await self._market.transfers(name):
            received[transfer["buyer"]] += transfer["energy"]
            delivered[transfer["seller"]] += transfer["energy"]
        names = received.keys() | delivered.keys()
        return Contracts(game, {name: Contracted(received[name], delivered[name]) for name in names})
