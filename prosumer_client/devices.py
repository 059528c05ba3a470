"""A household's devices: what they make of its profile. Pure functions of it, exact to 0.1 Wh.

A household that was restarted finds its battery as full as if it had run all the time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import ConfigDict

from energy_market_chaincode import Energy, units
from prosumer_client.profile import Profile, Use

_DAY = timedelta(days=1)


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
            for start in _sunniest_first(steps, profile):
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


def _sunniest_first(steps: Iterable[datetime], profile: Profile) -> list[datetime]:
    return sorted(steps, key=lambda start: (-profile.uses[start].surplus, start))


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
