"""Has the games of final slots archived, and in the end their lines: the ledger does not grow with a market's age."""

import asyncio
from datetime import UTC, datetime, time, timedelta

from energy_market_chaincode import Role, Topic, iso, views
from market_clock.conductor import OnCommand
from market_clock.ledger_time import LedgerTime
from market_log import structlog
from prosumer_client import AnotherLedger, CommandRejected, MarketClient, MarketError, RequestRefused

_log = structlog.stdlib.get_logger(__name__)

LOOK_EVERY_S = 600.0
"""How often it looks, in the market's time, ..."""
LEAST_REST_S = 5.0
"""... but no more often than that in real time."""
MOST_AT_ONCE = 100
"""Games, or prosumers, in one command."""


class Archivist:
    """Archives games some time after their slots are final: until then whoever likes can look at them whole.

    Their lines, of which people's statements are made, stay far longer.

    Parameters
    ----------
    keep, keep_lines
        For how long, in the market's time; no time at all keeps lines for good.
    """

    def __init__(self, time: LedgerTime, keep: timedelta, keep_lines: timedelta, on_command: OnCommand) -> None:
        self._time = time
        self._keep = keep
        self._keep_lines = keep_lines
        self._on_command = on_command
        self._lines_before: datetime | None = None
        """Before when lines are archived, as far as this process knows."""

    async def run(self, market: MarketClient) -> None:
        """Look again and again, over outages, too; raises AnotherLedger."""
        while True:
            try:
                await self.archive_due(market)
                await self.archive_lines_due(market)
            except AnotherLedger:
                raise
            except MarketError as error:
                _log.warning("cannot archive what is due", code=error.code, reason=error.message)
            await asyncio.sleep(max(LOOK_EVERY_S / self._time.factor, LEAST_REST_S))

    async def archive_due(self, market: MarketClient) -> None:
        """Archive what is due now, in as many commands as it takes."""
        games = [game.game for game in await market.games() if self._is_due(game)]
        await self._archive(market, Topic.ARCHIVE_SLOTS, "games", games)

    async def archive_lines_due(self, market: MarketClient) -> None:
        """Archive lines that are old enough, once on each of the market's days (UTC)."""
        before = datetime.combine((self._time.now() - self._keep_lines).date(), time(), UTC)
        if not self._keep_lines or before == self._lines_before:
            return
        beginning = await market.market()
        simulated = beginning.simulated_time
        if before <= (beginning.initialised_at if simulated is None else simulated.start):
            return
        names = [each.prosumer for each in await market.prosumers() if each.role is not Role.METER]
        await self._archive(market, Topic.ARCHIVE_LINES, "prosumers", names, before=iso(before))
        self._lines_before = before

    async def _archive(self, market: MarketClient, topic: Topic, what: str, names: list[str], **said: str) -> None:
        left = names
        while left:
            some, later = left[:MOST_AT_ONCE], left[MOST_AT_ONCE:]
            try:
                result = await market.submit(topic, {what: some, **said})
            except (CommandRejected, RequestRefused) as refusal:
                self._on_command(topic, refusal.code)
                raise
            self._on_command(topic, "committed")
            _log.info(f"archived what is old of {what}", number=len(result["archived"]))
            left = [*result["left"], *later]

    def _is_due(self, game: views.GameSummary) -> bool:
        final = game.final_at or game.delivery_ends_at
        return game.is_over and (final is None or self._time.now() >= final + self._keep)
