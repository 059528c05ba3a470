"""Has the games of final slots archived, so that the ledger holds a year of lines and not a year of games."""

import asyncio
from datetime import timedelta

import structlog

from energy_market_chaincode import Topic, views
from market_clock.conductor import OnCommand
from market_clock.ledger_time import LedgerTime
from prosumer_client import AnotherLedger, CommandRejected, MarketClient, MarketError, RequestRefused

_log = structlog.stdlib.get_logger(__name__)

LOOK_EVERY_S = 600.0
"""How often it looks, in the market's time, ..."""
LEAST_REST_S = 5.0
"""... but no more often than that in real time."""
MOST_AT_ONCE = 100
"""Games in one command."""


class Archivist:
    """Archives games some time after their slots are final: until then whoever likes can look at them whole.

    Parameters
    ----------
    keep
        For how long, in the market's time.
    """

    def __init__(self, time: LedgerTime, keep: timedelta, on_command: OnCommand) -> None:
        self._time = time
        self._keep = keep
        self._on_command = on_command

    async def run(self, market: MarketClient) -> None:
        """Look again and again, over outages, too; raises AnotherLedger."""
        while True:
            try:
                await self.archive_due(market)
            except AnotherLedger:
                raise
            except MarketError as error:
                _log.warning("cannot archive what is due", code=error.code, reason=error.message)
            await asyncio.sleep(max(LOOK_EVERY_S / self._time.factor, LEAST_REST_S))

    async def archive_due(self, market: MarketClient) -> None:
        """Archive what is due now, in as many commands as it takes."""
        left = [game.game for game in await market.games() if self._is_due(game)]
        while left:
            some, later = left[:MOST_AT_ONCE], left[MOST_AT_ONCE:]
            try:
                result = await market.submit(Topic.ARCHIVE_SLOTS, {"games": some})
            except (CommandRejected, RequestRefused) as refusal:
                self._on_command(Topic.ARCHIVE_SLOTS, refusal.code)
                raise
            self._on_command(Topic.ARCHIVE_SLOTS, "committed")
            _log.info("games archived", games=len(result["archived"]))
            left = [*result["left"], *later]

    def _is_due(self, game: views.GameSummary) -> bool:
        final = game.final_at or game.delivery_ends_at
        return game.is_over and (final is None or self._time.now() >= final + self._keep)
