"""The market clock itself: waits to be admitted, then publishes games and conducts all that are on the ledger."""

import asyncio
from datetime import UTC, datetime

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from energy_market_chaincode.commands import Topic
from market_clock.admission import Admission
from market_clock.conductor import Conductor
from market_clock.publisher import Publisher
from market_clock.schedule import Schedule
from market_clock.settings import ClockSettings
from prosumer_client.client import MarketClient

BEGIN_ANEW_S = 5.0

_log = structlog.stdlib.get_logger(__name__)


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


class Clock:
    """A market clock on a connection with the queue."""

    def __init__(
        self, market: MarketClient, schedule: Schedule, settings: ClockSettings, registry: CollectorRegistry
    ) -> None:
        self.publisher = Publisher(schedule, utc_now, self._count)
        self.conductor = Conductor(utc_now, self._count)
        self._market = market
        self._admission = Admission(market, settings.operator, settings.keys)
        self._defect: str | None = None
        self._commands = Counter(
            "market_clock_commands", "Commands decided by the ledger.", ["topic", "outcome"], registry=registry
        )
        games = Gauge("market_clock_games", "Games that the clock drives at present.", registry=registry)
        games.set_function(lambda: len(self.conductor.courses()))

    async def not_ready(self) -> str | None:
        """Tell why the clock cannot do its work right now, None if it can."""
        return self._defect or self._admission.reason or self.conductor.trouble

    async def run(self) -> None:
        """Work without end. A defect of ours is logged and shown, and the work begun anew: the ledger has the truth."""
        while True:
            try:
                await self._work()
            except Exception as defect:
                self._defect = f"a defect stopped the clock, it begins anew in {BEGIN_ANEW_S:g} s: {defect!r}"
                _log.exception("a defect stopped the clock; beginning anew")
            await asyncio.sleep(BEGIN_ANEW_S)

    async def _work(self) -> None:
        market = self._market.speaking_as(await self._admission.wait())
        self._defect = None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.publisher.run(market), name="publisher")
            tasks.create_task(self.conductor.run(market), name="conductor")

    def _count(self, topic: Topic, outcome: str) -> None:
        self._commands.labels(topic.value, outcome).inc()
