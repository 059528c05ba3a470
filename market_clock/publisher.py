"""Publishes games: those of the schedule when their slots come, and single ones at once."""

import asyncio
from dataclasses import dataclass
from typing import Any

from energy_market_chaincode import (
    BadSignature,
    CommandIdReused,
    GameExists,
    MalformedCommand,
    OperatorsOnly,
    PublishGame,
    SlotOverlaps,
    SlotTaken,
    Topic,
    TopologyMissing,
    UnknownSigner,
    iso_time,
    milliseconds,
)
from market_clock.conductor import OnCommand
from market_clock.ledger_time import LedgerTime
from market_clock.schedule import Schedule, ScheduleEntry, game_data
from market_clock.schedule_store import ScheduleUnavailable
from market_log import structlog
from prosumer_client import (
    AnotherLedger,
    CommandRejected,
    MarketClient,
    MarketError,
    MarketUnavailable,
    RequestRefused,
    repeatable_id,
)

TRY_AGAIN_S = 30.0
"""How long a slot that stays due waits; only an outage that the client was patient about needs no rest."""
LOOK_EVERY_S = 1.0
"""How often the publisher looks at the time at least: somebody may have corrected it."""
START_WAIT_S = 10.0
"""How long a caller who wants a game at once waits for a clock that is still starting."""

TAKEN = frozenset({GameExists.code, SlotTaken.code})
"""Another clock, or another entry with the same slot, was faster."""

# What is about us stays due: the clock is admitted anew, with another key, or is started as another operator. After the
# first two the ledger hears the command again under its id; that of another operator has another id.
_ABOUT_US = frozenset({BadSignature.code, UnknownSigner.code, OperatorsOnly.code})
# What is about the ledger stays due: no transaction could take the command, say because the organisations run different
# contracts, so nothing was decided.
_ABOUT_THE_LEDGER = frozenset({"TRANSACTION_FAILED"})
_ABOUT_THE_SLOT = TAKEN | {
    # Somebody with our key said this for this slot in other words, for instance a clock of another version.
    CommandIdReused.code,
    # Entries with slots of different lengths, or one whose slots are longer than they are apart.
    SlotOverlaps.code,
    # The market is not set up. Who sets it up does not expect that a game of an hour long past begins at that moment.
    TopologyMissing.code,
    # The entry's parameters are none for this contract: the entry has to be replaced.
    MalformedCommand.code,
}
_ABOUT_THE_CONTENT = frozenset({400, 409, 413, 422})
"""HTTP statuses of a request that is wrong in itself."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a slot: its game, or why it has none of this entry."""

    slot_ms: int
    game: str | None = None
    error: MarketError | None = None


class NotStarted(Exception):
    """The clock does not publish games yet."""


class Publisher:
    """Gives publishGame for every slot that comes.

    The command's id follows from the slot and its content, so that two clocks with the same entry, or one that was
    restarted in the wrong moment, publish one game.

    Attributes
    ----------
    schedule
        To read, pause and resume; entries come and go through :meth:`add` and :meth:`remove`.
    """

    def __init__(self, schedule: Schedule, time: LedgerTime, on_command: OnCommand) -> None:
        self.schedule = schedule
        self._time = time
        self._on_command = on_command
        self._market: MarketClient | None = None
        self._is_started = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._served: set[str] = set()
        self._last: dict[str, Publication] = {}

    async def run(self, market: MarketClient) -> None:
        """Publish without end; what is due already is published at once.

        Parameters
        ----------
        market
            With the identity of an operator.
        """
        self._market = market
        self._served.clear()  # of a run that a defect ended
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for entry_id in self.schedule.ids():
                self._begin_to_serve(entry_id)
            self._is_started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self._is_started.clear()
                self._tasks = None

    def last(self, entry_id: str) -> Publication | None:
        """Return what became of an entry's last slot, as far as this process knows."""
        return self._last.get(entry_id)

    def add(self, entry: ScheduleEntry) -> None:
        """Enter an entry; raises as :meth:`~market_clock.schedule.Schedule.add`."""
        self.schedule.add(entry, self._now_ms())
        self._begin_to_serve(entry.id)

    def remove(self, entry_id: str) -> None:
        """Remove an entry; raises UnknownEntry."""
        self.schedule.remove(entry_id)
        self._last.pop(entry_id, None)

    async def publish_now(self, entry_id: str, parameters: PublishGame) -> str:
        """Publish a game at once and return its id; the same again under the same id is the same game.

        Raises
        ------
        NotStarted
            If the clock waits to be admitted for longer than we wait for the clock.
        prosumer_client.errors.MarketError
        """
        try:
            async with asyncio.timeout(START_WAIT_S):
                await self._is_started.wait()
        except TimeoutError:
            raise NotStarted from None
        return await self._publish(game_data(parameters, self.schedule.speed), "once", entry_id)

    def _begin_to_serve(self, entry_id: str) -> None:
        if self._tasks is not None and entry_id not in self._served:
            self._served.add(entry_id)
            self._tasks.create_task(self._serve(entry_id), name=f"publish {entry_id}")

    async def _serve(self, entry_id: str) -> None:
        """Publish what is due of an entry when it is, until the entry is removed.

        While that does not succeed a later slot replaces an earlier one. What is due is told by the schedule alone, so
        that no timer of ours can be wrong about it.
        """
        while entry_id in self.schedule.ids():
            slot = self.schedule.due(entry_id, self._now_ms())
            if slot is None:
                await asyncio.sleep(self._seconds_to_next(entry_id))
                continue
            publication = self._last[entry_id] = await self._publish_slot(entry_id, slot)
            if isinstance(publication.error, AnotherLedger):
                return  # the clock ends its work; the slot stays due for the next one
            if publication.error is None or not stays_due(publication.error):
                await self._handle(entry_id, slot)
            elif not isinstance(publication.error, MarketUnavailable):  # else the client was patient for us
                await asyncio.sleep(TRY_AGAIN_S)
        self._served.discard(entry_id)

    def _seconds_to_next(self, entry_id: str) -> float:
        published_for_ms = self._now_ms() + self.schedule.entry(entry_id).lead_ms(self.schedule.speed)
        slot = self.schedule.next_after(entry_id, published_for_ms)
        if slot is None:
            return LOOK_EVERY_S
        return min(LOOK_EVERY_S, (slot - published_for_ms) / 1000 / self._time.factor)

    def _now_ms(self) -> int:
        return milliseconds(self._time.schedule_now())

    async def _handle(self, entry_id: str, slot: int) -> None:
        """Note that a slot is dealt with; until that is written the slot comes again, and its command counts once."""
        try:
            self.schedule.handle(entry_id, slot)
        except ScheduleUnavailable as error:
            _log.warning("cannot note that a slot is dealt with", slot=iso_time(slot), reason=str(error))
            await asyncio.sleep(TRY_AGAIN_S)

    async def _publish_slot(self, entry_id: str, slot: int) -> Publication:
        data = self.schedule.entry(entry_id).game_data(slot, self._now_ms(), self.schedule.speed)
        try:
            return Publication(slot, game=await self._publish(data, *sorted(f"{k}={v}" for k, v in data.items())))
        except MarketError as error:
            _tell(error, iso_time(slot))
            return Publication(slot, error=error)

    async def _publish(self, data: dict[str, Any], *occasion: str) -> str:
        market = self._market
        assert market is not None  # noqa: S101 - nobody publishes before the start; for the type checker
        command_id = repeatable_id(market.identity.prosumer, Topic.PUBLISH_GAME, *occasion)
        try:
            result = await market.submit(Topic.PUBLISH_GAME, data, command_id=command_id)
        except MarketError as error:
            self._on_command(Topic.PUBLISH_GAME, error.code)
            raise
        self._on_command(Topic.PUBLISH_GAME, "committed")
        game = str(result["game"])
        _log.info("game published", game=game)
        return game


def _tell(error: MarketError, slot: str) -> None:
    """Log why a slot has no game of ours."""
    if stays_due(error):
        _log.warning("cannot publish a game yet", slot=slot, code=error.code, reason=error.message)
        return
    log = _log.info if error.code in TAKEN else _log.error
    log("published no game for a slot", slot=slot, code=error.code, reason=error.message)


def is_about_us(error: MarketError) -> bool:
    """Tell whether the clock was refused for its key or role, which the next admission may mend."""
    return error.code in _ABOUT_US


def stays_due(error: MarketError) -> bool:
    """Tell whether a slot stays due after this error.

    What a service refuses for another reason than its content, or what is no answer of the market at all, is about
    the way there. A rejection by a rule that is not named here is about the slot: the ledger would repeat it.
    """
    if is_about_us(error) or error.code in _ABOUT_THE_LEDGER:
        return True
    if error.code in _ABOUT_THE_SLOT or isinstance(error, CommandRejected):
        return False
    return not (isinstance(error, RequestRefused) and error.status in _ABOUT_THE_CONTENT)
