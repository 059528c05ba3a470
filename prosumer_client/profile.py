"""What a household uses and makes, slot by slot: read from a file, asked by time, and what its devices make of it.

The canonical form is ``start,prosumer,load_kwh,pv_kwh``, one row for each slot of each prosumer, ``start`` in ISO 8601
with its offset. It is read as any other meter's file, see :mod:`prosumer_client.meter_file`.

What devices do is a pure function of the profile, exact to 0.1 Wh: a household that was restarted finds its battery as
full as if it had run all the time.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict

from energy_market_chaincode import Energy, units
from market_files import UnusableFile, read_text
from prosumer_client.meter_file import FileLayout, MeterSeries, UnusableMeterFile, read_meter_file

QUARTER_HOUR = timedelta(minutes=15)
_DAY = timedelta(days=1)
LARGEST_PROFILE_BYTES = 50 << 20
"""A year of quarter-hours of thirty households takes most of it."""
MOST_NAMED = 5
"""Of what is wrong with a file."""


@dataclass(frozen=True, slots=True)
class Use:
    """Energy that is used (``load``) and made (``pv``) in some time, in units of 0.1 Wh."""

    load: Energy
    pv: Energy

    @property
    def surplus(self) -> int:
        """How much more is made than used; below zero what lacks."""
        return self.pv - self.load


@dataclass(frozen=True, slots=True)
class Profile:
    """A household's use by the beginnings of its steps, in the order of time."""

    uses: Mapping[datetime, Use]
    step: timedelta = QUARTER_HOUR

    @classmethod
    def read(cls, file: Path | str, prosumer: str) -> Self:
        """Read one prosumer's profile; raises UnusableMeterFile as :func:`read_profiles`, or if it has none there."""
        profiles = read_profiles(Path(file))
        if prosumer not in profiles:
            raise UnusableMeterFile(f"{file} has no rows of {prosumer}; it has {', '.join(sorted(profiles))}")
        return cls(profiles[prosumer].uses, profiles[prosumer].step)

    @classmethod
    def of(cls, series: MeterSeries, step: timedelta) -> Self:
        """Take a meter's readings for what was used and made."""
        uses = {
            each.start: Use(units.energy_from_kwh(each.in_kwh), units.energy_from_kwh(each.out_kwh))
            for each in series.readings
        }
        return cls(uses, step)

    def later(self, shift: timedelta) -> Self:
        """Return the same at another time."""
        return type(self)({start + shift: use for start, use in self.uses.items()}, self.step)

    def between(self, start: datetime, end: datetime) -> Use | None:
        """Return what is used and made in a time; None unless the profile has all of it, in whole steps."""
        steps, rest = divmod(end - start, self.step)
        uses = [use for n in range(steps) if (use := self.uses.get(start + n * self.step)) is not None]
        if rest or not steps or len(uses) < steps:
            return None
        return Use(Energy(sum(use.load for use in uses)), Energy(sum(use.pv for use in uses)))


def read_profiles(file: Path) -> dict[str, Profile]:
    """Read the profiles of a file in the canonical form, by prosumer; its first two times tell the step.

    Raises
    ------
    UnusableMeterFile
        If it cannot be read, or if a row has no use or a slot no row: a gap is no zero, and nobody can plan with it.
    """
    try:
        lines = read_text(file, LARGEST_PROFILE_BYTES).removeprefix("\ufeff").splitlines(keepends=True)
    except OSError as error:
        raise UnusableMeterFile(f"{file} cannot be read: {error.strerror}") from None
    except UnusableFile as unusable:
        raise UnusableMeterFile(str(unusable)) from None
    step = _step(lines)
    layout = FileLayout(
        time_column="start", in_column="load_kwh", out_column="pv_kwh", prosumer_column="prosumer", step=step
    )
    series = read_meter_file(lines, layout)
    findings = [f"row {found.row}, {found.text}" for each in series for found in each.findings]
    if findings:
        more = f"; and {len(findings) - MOST_NAMED} more" if len(findings) > MOST_NAMED else ""
        raise UnusableMeterFile(f"{file} is no profile: {'; '.join(findings[:MOST_NAMED])}{more}")
    return {each.prosumer: Profile.of(each, step) for each in series}


def _step(lines: Iterable[str]) -> timedelta:
    """Return what lies between the first two times; a quarter of an hour where they tell nothing usable."""
    times: list[datetime] = []
    for cells in csv.DictReader(lines):
        try:
            times.append(datetime.fromisoformat(cells.get("start") or ""))
            step = times[-1] - times[0]
        except (ValueError, TypeError):
            break  # whoever reads it all says what is wrong
        if step > timedelta() and not _DAY % step:
            return step
    return QUARTER_HOUR


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery that stores the household's own surplus and gives it back as soon as something lacks.

    Attributes
    ----------
    capacity_kwh, power_kw
        How much it holds, and how fast it takes and gives.
    efficiency
        Which share of what it takes it gives back.
    charge_kwh
        What it holds when the profile begins.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    capacity_kwh: Decimal
    power_kw: Decimal
    efficiency: Decimal = Decimal(1)
    charge_kwh: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not (self.capacity_kwh > 0 and self.power_kw > 0 and 0 < self.efficiency <= 1):
            raise ValueError("a battery has a capacity and a power above zero, and an efficiency of at most 1")
        if not 0 <= self.charge_kwh <= self.capacity_kwh:
            raise ValueError(f"a battery of {self.capacity_kwh} kWh cannot hold {self.charge_kwh} kWh")

    def applied(self, profile: Profile) -> Profile:
        """Return what the household takes from the network (load) and feeds into it (pv), with the battery."""
        capacity, most = units.energy_from_kwh(self.capacity_kwh), _most(self.power_kw, profile.step)
        held = int(units.energy_from_kwh(self.charge_kwh))
        flows = {}
        for start, use in profile.uses.items():
            if use.surplus >= 0:
                taken = min(use.surplus, most, int((capacity - held) / self.efficiency))
                held += int(taken * self.efficiency)
                flows[start] = Use(Energy(0), Energy(use.surplus - taken))
            else:
                given = min(-use.surplus, most, held)
                held -= given
                flows[start] = Use(Energy(-use.surplus - given), Energy(0))
        return Profile(flows, profile.step)


@dataclass(frozen=True, slots=True)
class ShiftableLoad:
    """A load that runs once a day, in steps that need not be one after the other, where the most sun is left.

    Attributes
    ----------
    energy_kwh, power_kw
        How much it uses each day beyond the profile's load, and how fast at most.
    earliest, latest
        Between which times of day in ``zone``, without one in UTC; a window over midnight is one, too. Of one that the
        profile has only in part, it runs as much as fits.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    energy_kwh: Decimal
    power_kw: Decimal
    earliest: time
    latest: time
    zone: ZoneInfo | None = None

    def __post_init__(self) -> None:
        if not (self.energy_kwh > 0 and self.power_kw > 0):
            raise ValueError("a shiftable load has an energy and a power above zero")
        hours = Decimal(int(self._window.total_seconds())) / 3600
        if self.energy_kwh > self.power_kw * hours:
            raise ValueError(f"{self.power_kw} kW do not come to {self.energy_kwh} kWh within {hours:.2f} hours")

    @property
    def _window(self) -> timedelta:
        return (_since_midnight(self.latest) - _since_midnight(self.earliest)) % _DAY or _DAY

    def applied(self, profile: Profile) -> Profile:
        """Return the profile with this load in it."""
        uses = dict(profile.uses)
        most = _most(self.power_kw, profile.step)
        for _, steps in groupby(filter(self._may_run, uses), key=self._day):
            missing = int(units.energy_from_kwh(self.energy_kwh))
            for start in sorted(steps, key=lambda start: (-profile.uses[start].surplus, start)):
                runs = min(missing, most)
                missing -= runs
                uses[start] = Use(Energy(uses[start].load + runs), uses[start].pv)
        return Profile(uses, profile.step)

    def _since_earliest(self, start: datetime) -> datetime:
        return start.astimezone(self.zone or UTC).replace(tzinfo=None) - _since_midnight(self.earliest)

    def _may_run(self, start: datetime) -> bool:
        return _since_midnight(self._since_earliest(start).time()) < self._window

    def _day(self, start: datetime) -> object:
        return self._since_earliest(start).date()


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)


def _most(power_kw: Decimal, step: timedelta) -> int:
    """Return the energy of a power in a step, 0.1 Wh."""
    return int(power_kw * 10**units.ENERGY_DECIMALS * (step // timedelta(seconds=1)) / 3600)


def flows_of(profile: Profile, battery: Battery | None, shiftable: ShiftableLoad | None) -> Profile:
    """Return what a household takes from the network (load) and feeds into it (pv), with its devices."""
    if shiftable is not None:
        profile = shiftable.applied(profile)
    if battery is not None:
        return battery.applied(profile)
    flows = {
        start: Use(Energy(max(0, -use.surplus)), Energy(max(0, use.surplus))) for start, use in profile.uses.items()
    }
    return Profile(flows, profile.step)
