"""The schedule: which games are to be published when, and up to where that is done.

A game is published when its slot comes, and delivered as soon as it has stopped; or, by an entry with a lead, so long
before its slot, which then has a time. Games of slots that passed while no clock ran, or while the queue was out of
reach, are made up for by one at most, the latest; slots with a time all have one, late though it may be: then the grid
alone serves them. Slots that passed while the clock was paused are not made up for.

A series of slots, each a moment in milliseconds since 1970-01-01 UTC, follows from its own data alone, so that every
clock with the same series, before and after a restart, names the same slots.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped] # APScheduler 3 has no types
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from energy_market_chaincode import (
    METERING_WINDOW_MS,
    MINUTE_MS,
    SLOT_MS,
    Identifier,
    PublishGame,
    duration_ms,
    iso_time,
    moment,
)
from market_clock.schedule_store import ScheduleStore, ScheduleUnavailable, StoredEntry
from market_log import structlog

_DAY_MS = 24 * 60 * MINUTE_MS
_LAST_YEAR = 9990
"""Python's calendar ends with the year 9999, which a sped-up schedule can reach."""
AHEAD_MS = 5_000
"""So far ahead of us may be what another clock on the same schedule has dealt with, or we before we were corrected."""
COMMAND_LINE = "command-line"
"""The id of the entry that the service was started with."""


_log = structlog.stdlib.get_logger(__name__)


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name in the IANA's database; raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone; one is Europe/Berlin") from None


def cron_trigger(expression: str, zone: str = "UTC") -> CronTrigger:
    """Read the five fields of a cron expression, by the clocks of a time zone.

    Raises
    ------
    ValueError
        If it is none, names a date that never comes, or numbers the days of the week: 0 is Sunday to some crons and
        Monday to others.
    """
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError("must have five fields: minute, hour, day of month, month, day of week")
    if re.search(r"\d", fields[4].partition("/")[0]):
        raise ValueError(
            "must name the days of the week (mon-fri): their numbers mean different days to different crons"
        )
    try:
        trigger = CronTrigger.from_crontab(expression, timezone=time_zone(zone))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is no cron expression: {error}") from None
    if trigger.get_next_fire_time(None, moment(0)) is None:
        raise ValueError("never comes: no year has such a date")
    return trigger


class SlotSeries(ABC):
    """An endless or ending series of slots."""

    @abstractmethod
    def next_after(self, moment_ms: int) -> int | None:
        """Return the first slot later than a moment; None if there is none."""

    def latest(self, after_ms: int, until_ms: int) -> int | None:
        """Return the last slot in the interval (after, until]; None if there is none.

        Looks back from the end in steps that double, so that a long time without a clock costs no long search.
        """
        step = MINUTE_MS
        while True:
            start = max(until_ms - step, after_ms)
            slot = self.next_after(start)
            if slot is not None and slot <= until_ms:
                return self._last_from(slot, until_ms)
            if start == after_ms:
                return None
            step *= 2

    def _last_from(self, slot: int, until_ms: int) -> int:
        following = self.next_after(slot)
        while following is not None and following <= until_ms:
            slot, following = following, self.next_after(following)
        return slot


@dataclass(frozen=True)
class Interval(SlotSeries):
    """A slot every so often, counted from 1970-01-01 UTC.

    Attributes
    ----------
    every_ms
        Of the schedule's time, which runs ``speed`` times as fast as the clock on the wall.
    """

    every_ms: int
    speed: int = 1

    def next_after(self, moment_ms: int) -> int:
        """Return the first slot later than a moment."""
        number = moment_ms * self.speed // self.every_ms + 1
        return -(-number * self.every_ms // self.speed)


@dataclass(frozen=True)
class Cron(SlotSeries):
    """Slots by a cron expression: on the day of 25 hours ``*/15 * * * *`` has 100 of them, on that of 23 hours 92.

    Attributes
    ----------
    since_ms
        When this series was made. Its calendar starts at the midnight before and runs ``speed`` times as fast as the
        real one from there; it has no earlier slots.
    """

    expression: str
    since_ms: int
    speed: int = 1
    zone: str = "UTC"

    @cached_property
    def _trigger(self) -> CronTrigger:
        return cron_trigger(self.expression, self.zone)

    @property
    def _start_ms(self) -> int:
        return self.since_ms // _DAY_MS * _DAY_MS

    def next_after(self, moment_ms: int) -> int | None:
        """Return the first slot later than a moment; None once the sped-up calendar is at its end."""
        scheduled_ms = self._start_ms + max(moment_ms - self._start_ms, -1) * self.speed
        try:
            scheduled = moment(scheduled_ms + 1).astimezone(time_zone(self.zone))
        except OverflowError:
            return None
        if scheduled.year > _LAST_YEAR:
            return None
        fires: datetime | None = self._trigger.get_next_fire_time(None, scheduled)
        if fires is None:
            return None
        return self._start_ms - (self._start_ms - round(fires.timestamp() * 1000)) // self.speed


def _checked(check: Callable[[str], object]) -> AfterValidator:
    def keep(text: str) -> str:
        check(text)
        return text

    return AfterValidator(keep)


Every = Annotated[str, _checked(duration_ms)]
CronExpression = Annotated[str, _checked(cron_trigger)]
TimeZoneName = Annotated[str, _checked(time_zone)]


def require_unnamed(parameters: PublishGame) -> None:
    """Raise ValueError if parameters that are meant for many games name one."""
    if parameters.game is not None or parameters.delivery_slot is not None:
        raise ValueError("cannot name the game or its slot: each game of a schedule has its own")


def require_cron_of_zone(zone: str | None, cron: str | None) -> None:
    """Raise ValueError if there is a time zone and nothing that depends on it."""
    if zone is not None and cron is None:
        raise ValueError("needs cron where there is a time zone: an interval is the same in all of them")


class ScheduleEntry(BaseModel):
    """Games to be published again and again.

    Attributes
    ----------
    every, cron
        One of both: ``5m`` or ``PT5M``, or five cron fields. Both are the schedule's time, see the clock's ``speed``.
    time_zone
        Of the cron fields; UTC if there is none.
    lead
        How long before its slot a game is published; the slot has a time then.
    parameters
        Data of publishGame, without a game's id and slot: those are named after the slot.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    id: Identifier
    every: Every | None = None
    cron: CronExpression | None = None
    time_zone: TimeZoneName | None = None
    lead: Every | None = None
    parameters: PublishGame = PublishGame()

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError("needs either every or cron")
        require_cron_of_zone(self.time_zone, self.cron)
        require_unnamed(self.parameters)
        if self.lead is not None and self.every is not None:
            length_ms, apart_ms = self.parameters.slot_duration_ms or 0, duration_ms(self.every)
            if length_ms > apart_ms:
                raise ValueError(f"slots of {length_ms} ms that are {apart_ms} ms apart overlap: shorten them")
        return self

    def document(self) -> str:
        """Return the entry as JSON: what it states, not the defaults."""
        return self.model_dump_json(by_alias=True, exclude_unset=True)

    def series(self, created_ms: int, speed: int) -> SlotSeries:
        """Return the entry's slots."""
        if self.every is not None:
            return Interval(duration_ms(self.every), speed)
        assert self.cron is not None  # noqa: S101 - one of both is there, see _one_rhythm; for the type checker
        return Cron(self.cron, created_ms, speed, self.time_zone or "UTC")

    def lead_ms(self, speed: int) -> int:
        """Return how long before its slot a game is published."""
        return duration_ms(self.lead) // speed if self.lead is not None else 0

    def game_data(self, slot_ms: int, now_ms: int, speed: int) -> dict[str, Any]:
        """Return the data of publishGame for a slot.

        A slot that is published after its meters' time to report, for no clock ran, gets that time from now on.
        """
        name = {"game": f"Game-{iso_time(slot_ms)}"}
        if self.lead is None:
            return game_data(self.parameters, speed) | name
        rules = self.parameters
        usual_ms = duration_ms(self.every) if self.every is not None else SLOT_MS
        duration = max(1, (rules.slot_duration_ms or usual_ms) // speed)
        window_ms = METERING_WINDOW_MS if rules.metering_window_ms is None else rules.metering_window_ms
        late_ms = max(0, now_ms - slot_ms - duration)
        data = {"deliverySlot": iso_time(slot_ms), "slotDurationMs": duration, "meteringWindowMs": window_ms + late_ms}
        for field in ("registration_duration_ms", "clearing_duration_ms"):
            if (stated := getattr(rules, field)) is not None:
                data[to_camel(field)] = max(1, stated // speed)
        return rules.model_dump(mode="json", by_alias=True, exclude_unset=True) | name | data


class UnknownEntry(Exception):
    """The schedule has no such entry."""


class EntryExists(Exception):
    """The schedule has another entry under this id."""


@dataclass(slots=True)
class _Scheduled:
    entry: ScheduleEntry
    series: SlotSeries
    created_ms: int
    handled_ms: int


class Schedule:
    """The entries and whether the clock is paused, as they are on disk.

    Parameters
    ----------
    speed
        How many times as fast as real time the schedule passes.

    Attributes
    ----------
    is_paused
        Whether no games are to be published for now.
    """

    def __init__(self, store: ScheduleStore, speed: int) -> None:
        self._store = store
        self.speed = speed
        self.is_paused = store.is_paused()
        self._scheduled: dict[str, _Scheduled] = {}
        for stored in store.entries():
            try:
                self._scheduled[stored.id] = self._read(stored)
            except ValidationError as error:
                told = "this entry of the schedule is none for this version; it is left out, enter it anew"
                _log.error(told, entry=stored.id, reason=str(error))

    def _read(self, stored: StoredEntry) -> _Scheduled:
        entry = ScheduleEntry.model_validate_json(stored.document)
        return _Scheduled(entry, entry.series(stored.created_ms, self.speed), stored.created_ms, stored.handled_ms)

    def ids(self) -> list[str]:
        """Return the entries' ids, oldest first."""
        return list(self._scheduled)

    def entry(self, entry_id: str) -> ScheduleEntry:
        """Return an entry; raises UnknownEntry."""
        return self._find(entry_id).entry

    def add(self, entry: ScheduleEntry, now_ms: int) -> None:
        """Enter an entry; its first slot is the next one from now. The same entry again changes nothing.

        Raises
        ------
        EntryExists
            If its id belongs to another entry.
        """
        known = self._scheduled.get(entry.id)
        if known is not None:
            if known.entry != entry:
                raise EntryExists(entry.id)
            return
        self._enter(entry, now_ms)

    def _enter(self, entry: ScheduleEntry, now_ms: int) -> None:
        stored = StoredEntry(entry.id, entry.document(), created_ms=now_ms, handled_ms=now_ms)
        self._store.add(stored)
        self._scheduled[entry.id] = self._read(stored)

    def adopt(self, start_ms: int, now_ms: int) -> None:
        """Let entries begin now that were entered by another calendar than a simulated market's.

        Parameters
        ----------
        start_ms
            When that began.
        """
        for scheduled in list(self._scheduled.values()):
            if not start_ms <= scheduled.created_ms <= now_ms + AHEAD_MS:
                self._enter(scheduled.entry, now_ms)

    def enter_command_line(self, every: str | None, cron: str | None, now_ms: int) -> None:
        """Hold what the service was started with this time, and no longer what it was with last time."""
        stated = {name: text for name, text in (("every", every), ("cron", cron)) if text is not None}
        wanted = ScheduleEntry(id=COMMAND_LINE, **stated) if stated else None
        known = self.entry(COMMAND_LINE) if COMMAND_LINE in self._scheduled else None
        if known == wanted:
            return
        if known is not None:
            self.remove(COMMAND_LINE)
        if wanted is not None:
            self.add(wanted, now_ms)

    def remove(self, entry_id: str) -> None:
        """Remove an entry; raises UnknownEntry."""
        self._find(entry_id)
        self._store.remove(entry_id)
        del self._scheduled[entry_id]

    def due(self, entry_id: str, now_ms: int) -> int | None:
        """Return the slot a game is to be published for now; None if there is none.

        If several passed it is the latest, with a lead the first. A slot of the future cannot have been dealt with but
        by a clock whose time was wrong. That is taken back, lest the entry stands still until then.
        """
        scheduled = self._scheduled.get(entry_id)
        if scheduled is None or self.is_paused:
            return None
        until_ms = now_ms + scheduled.entry.lead_ms(self.speed)
        if max(scheduled.handled_ms, scheduled.created_ms) > until_ms + AHEAD_MS:
            scheduled = self._set_back(entry_id, now_ms)
        if scheduled.entry.lead is None:
            return scheduled.series.latest(scheduled.handled_ms, until_ms)
        first = scheduled.series.next_after(scheduled.handled_ms)
        return first if first is not None and first <= until_ms else None

    def _set_back(self, entry_id: str, now_ms: int) -> "_Scheduled":
        known = self._scheduled[entry_id]
        _log.warning(
            "the schedule had dealt with slots that are yet to come: the time was wrong; it goes on from now",
            entry=entry_id,
            dealt_with_until=iso_time(known.handled_ms),
            now=iso_time(now_ms),
        )
        known.created_ms, known.handled_ms = min(known.created_ms, now_ms), min(known.handled_ms, now_ms)
        known.series = known.entry.series(known.created_ms, self.speed)
        with suppress(ScheduleUnavailable):  # then it is found again at the next start
            self._store.set_back(entry_id, now_ms)
        return known

    def next_after(self, entry_id: str, moment_ms: int) -> int | None:
        """Return an entry's first slot after a moment; None if it has none; raises UnknownEntry."""
        return self._find(entry_id).series.next_after(moment_ms)

    def handle(self, entry_id: str, slot_ms: int) -> None:
        """Note that a slot, and every one before it, is dealt with."""
        scheduled = self._scheduled.get(entry_id)
        if scheduled is None:
            return  # removed while its game was being published
        self._store.handle_until(entry_id, slot_ms)
        scheduled.handled_ms = max(scheduled.handled_ms, slot_ms)

    def pause(self) -> None:
        """Publish no games until resumed."""
        self._store.pause()
        self.is_paused = True

    def resume(self, now_ms: int) -> None:
        """Publish games again, from the next slot on; resuming what is not paused changes nothing."""
        if not self.is_paused:
            return
        self._store.resume(now_ms)
        self.is_paused = False
        for scheduled in self._scheduled.values():
            scheduled.handled_ms = max(scheduled.handled_ms, now_ms)

    def _find(self, entry_id: str) -> _Scheduled:
        if entry_id not in self._scheduled:
            raise UnknownEntry(entry_id)
        return self._scheduled[entry_id]


def game_data(parameters: PublishGame, speed: int) -> dict[str, Any]:
    """Return the data of publishGame at a speed: the registration and the delivery are that much shorter.

    The turn's deadline is not: computing and committing a bid takes no less time in a market that is sped up.
    """
    data: dict[str, Any] = parameters.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if speed == 1:
        return data
    return data | {
        "registrationDurationMs": max(1, (parameters.registration_duration_ms or MINUTE_MS) // speed),
        "deliveryDurationMs": max(1, (parameters.delivery_duration_ms or MINUTE_MS) // speed),
    }
