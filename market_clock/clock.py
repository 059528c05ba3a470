"""The market clock itself: waits to be admitted, then publishes games and conducts all that are on the ledger."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from energy_market_chaincode import (
    BadSignature,
    LedgerDiffers,
    Role,
    Topic,
    UnknownSigner,
    is_same_ledger,
    market_views,
    milliseconds,
)
from market_clock.archivist import Archivist
from market_clock.commands import CommandDesk
from market_clock.conductor import Conductor, TimeSet
from market_clock.ledger_time import LedgerTime
from market_clock.publisher import Publisher
from market_clock.schedule import Schedule
from market_clock.schedule_store import ScheduleStore
from market_clock.settings import ClockSettings
from market_log import structlog
from market_time import SteadyTime
from prosumer_client import AnotherLedger, Identity, MarketClient, MarketError, Optimizer, RequestRefused

BEGIN_ANEW_S = 5.0
LOOK_EVERY_S = 0.25
ANOTHER_LEDGER = (
    "the queue leads to another ledger than the one that this clock's commands are for: the market was begun anew, or "
    "ENERGY_MARKET_LEDGER_ID names another one; the clock does nothing until it is started again"
)

_KEY_REFUSED = frozenset({BadSignature.code, UnknownSigner.code})
"""An operator gave us a new key while we worked, or nobody knows us: in both cases we have to be admitted anew."""

_log = structlog.stdlib.get_logger(__name__)


class KeyRefused(Exception):
    """The market does not take the clock's signature any more."""


class LedgerLost(Exception):
    """The market is another one than the clock has worked for."""


class Clock:
    """A market clock on a connection with the queue.

    Attributes
    ----------
    time
        That of this machine, by which everything is timed.
    market_time
        What follows from it for the market.
    """

    def __init__(
        self,
        market: MarketClient,
        optimizer: Optimizer,
        store: ScheduleStore,
        settings: ClockSettings,
        registry: CollectorRegistry,
    ) -> None:
        self.time = SteadyTime()
        schedule = Schedule(store, settings.speed)
        schedule.enter_command_line(settings.every, settings.cron, milliseconds(self.time.now()))
        self.market_time = LedgerTime(self.time.now)
        self.publisher = Publisher(schedule, self.market_time, self._count)
        self.conductor = Conductor(self.market_time, self._count, optimizer)
        self.archivist = Archivist(
            self.market_time,
            timedelta(hours=settings.archive_hours),
            timedelta(days=settings.keep_lines_days),
            self._count,
        )
        self.desk = CommandDesk(market, store, self.time.now)
        self._market = market
        self._admission = Admission(market, settings.operator, settings.home / "keys", self._begin_time)
        self._defect: str | None = None
        self._refusals: asyncio.Queue[KeyRefused | LedgerLost] = asyncio.Queue()
        self._commands = Counter(
            "market_clock_commands", "Commands decided by the ledger.", ["topic", "outcome"], registry=registry
        )
        games = Gauge("market_clock_games", "Games that the clock drives at present.", registry=registry)
        games.set_function(lambda: len(self.conductor.courses()))

    async def not_ready(self) -> str | None:
        """Tell why the clock cannot do its work right now, None if it can."""
        return self.time.trouble or self._defect or self._admission.reason or self.conductor.trouble

    async def run(self) -> None:
        """Work without end. A defect of ours is logged and shown, and the work begun anew: the ledger has the truth.

        Only when the ledger turns out to be another one the work ends: whether to trust that one an operator decides.
        """
        while True:
            rest_s = BEGIN_ANEW_S
            try:
                await self._work()
            except* KeyRefused:
                _log.warning("the market refuses our key; loading it anew")
                rest_s = LOOK_EVERY_S
            except* TimeSet:
                _log.info("the market's time was set; beginning anew by it")
                rest_s = 0.0
            except* (LedgerLost, AnotherLedger):
                self._defect = ANOTHER_LEDGER
                _log.error("the ledger is another one; start the clock again if that is meant")
            except* Exception as defect:
                self._defect = f"a defect stopped the clock, it begins anew in {BEGIN_ANEW_S:g} s: {defect!r}"
                _log.exception("a defect stopped the clock; beginning anew")
            if self._defect == ANOTHER_LEDGER:
                return
            await asyncio.sleep(rest_s)

    async def _work(self) -> None:
        market = self._market.speaking_as(await self._admission.wait())
        self._defect = None
        self._refusals = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(), name="refusals")
            tasks.create_task(self.publisher.run(market), name="publisher")
            tasks.create_task(self.conductor.run(market), name="conductor")
            tasks.create_task(self.archivist.run(market), name="archivist")

    def _begin_time(self, simulated: market_views.SimulatedTimeView | None) -> None:
        """Go by the market's time from now on; raises NotAdmitted if the schedule is to run ahead of that, too."""
        schedule = self.publisher.schedule
        if simulated is not None and schedule.speed > 1:
            raise NotAdmitted(
                f"the market's time is simulated and passes {simulated.factor} times as fast; "
                f"start the clock without --speed {schedule.speed}, which would make its schedule faster than that"
            )
        self.market_time.simulated = simulated
        if simulated is not None:
            schedule.adopt(milliseconds(simulated.start), milliseconds(self.market_time.schedule_now()))

    async def _watch(self) -> None:
        raise await self._refusals.get()

    def _count(self, topic: Topic, outcome: str) -> None:
        if outcome in _KEY_REFUSED:
            self._refusals.put_nowait(KeyRefused())
        elif outcome == LedgerDiffers.code:
            self._refusals.put_nowait(LedgerLost())
        self._commands.labels(topic.value, outcome).inc()


class NotAdmitted(Exception):
    """Why the clock cannot work yet."""


class Admission:
    """Waits until the clock may speak as an operator.

    Attributes
    ----------
    reason
        Why it may not yet; None once it may.

    Parameters
    ----------
    begin_time
        Is told of the market's simulated time, if it has one; may raise NotAdmitted.
    """

    def __init__(
        self,
        market: MarketClient,
        operator: str,
        keys: Path,
        begin_time: Callable[[market_views.SimulatedTimeView | None], None],
    ) -> None:
        self.reason: str | None = "the clock is starting"
        self._market = market
        self._operator = operator
        self._keys = keys
        self._begin_time = begin_time

    async def wait(self) -> Identity:
        """Return the operator's identity as soon as it is registered; the log says what is missing until then."""
        while True:
            try:
                identity = await self._check()
            except (NotAdmitted, MarketError) as missing:
                if self.reason != str(missing):
                    _log.info("waiting to be admitted as an operator", reason=str(missing))
                self.reason = str(missing)
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                self.reason = None
                return identity

    async def _check(self) -> Identity:
        """Look once.

        Raises
        ------
        NotAdmitted, LedgerLost, KeyFileError, MarketError
        """
        identity = Identity.load(self._operator, self._keys)
        try:
            record = await self._market.prosumer(self._operator)
        except RequestRefused as refusal:
            if refusal.code != "UNKNOWN_PROSUMER":
                raise
            raise NotAdmitted(
                f"{self._operator} is not registered on this ledger; let an operator register it with "
                f"registerProsumer, role operator, publicKey {identity.public_key}"
            ) from None
        if record.role is not Role.OPERATOR:
            raise NotAdmitted(f"{self._operator} is registered on this ledger, but not as an operator")
        if record.public_key != identity.public_key:
            raise NotAdmitted(
                f"{self._operator} is registered on this ledger with another public key than {identity.public_key}, "
                f"the one of the key in {self._keys}"
            )
        found = await self._market.market()
        if not is_same_ledger(found.ledger, await self._market.ledger_id()):
            raise LedgerLost
        self._begin_time(found.simulated_time)
        return identity
