"""What a household uses and makes, slot by slot: read from a file, asked by time.

The canonical form is ``start,prosumer,load_kwh,pv_kwh``, one row for each slot of each prosumer, ``start`` in ISO 8601
with its offset. It is read as any other meter's file, see :mod:`prosumer_client.meter_file`.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from energy_market_chaincode import Energy, units
from prosumer_client.meter_file import FileLayout, MeterSeries, UnusableMeterFile, read_meter_file

QUARTER_HOUR = timedelta(minutes=15)
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
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except OSError as error:
        raise UnusableMeterFile(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnusableMeterFile(f"{file} is not in UTF-8; save it as that") from None
    step = _step(lines)
    layout = FileLayout(
        time_column="start", in_column="load_kwh", out_column="pv_kwh", prosumer_column="prosumer", step=step
    )
    series = read_meter_file(lines, layout)
    findings = [f"row {found.row}, {found.text}" for each in series for found in each.findings]
    if findings:
        more = f"; and {len(findings) - MOST_NAMED} more" if len(findings) > MOST_NAMED else ""
        raise UnusableMeterFile(f"{file} is no profile: {'; '.join(findings[:MOST_NAMED])}{more}")
    return {each.prosumer: _profile(each, step) for each in series}


def _step(lines: Iterable[str]) -> timedelta:
    """Return what lies between the first two times; a quarter of an hour where they tell nothing usable."""
    times: list[datetime] = []
    for cells in csv.DictReader(lines):
        try:
            times.append(datetime.fromisoformat(cells.get("start") or ""))
            step = times[-1] - times[0]
        except (ValueError, TypeError):
            break  # whoever reads it all says what is wrong
        if step > timedelta() and not timedelta(days=1) % step:
            return step
    return QUARTER_HOUR


def _profile(series: MeterSeries, step: timedelta) -> Profile:
    uses = {
        each.start: Use(units.energy_from_kwh(each.in_kwh), units.energy_from_kwh(each.out_kwh))
        for each in series.readings
    }
    return Profile(uses, step)
