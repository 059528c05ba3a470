"""When games are to be published: series of slots, each a moment in milliseconds since 1970-01-01 UTC.

A series follows from its own data alone, so that every clock with the same series, before and after a restart, names
the same slots.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped] # APScheduler 3 has no types

from energy_market_chaincode import moment

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS
_LAST_YEAR = 9990
"""Python's calendar ends with the year 9999, which a sped-up schedule can reach."""


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
        step = _MINUTE_MS
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
