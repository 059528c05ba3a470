"""Readings from a meter's file: CSV as loggers, portals and neighbours' spreadsheets write it.

>>> layout = FileLayout(time_column="Zeit", in_column="Bezug Wh", unit=Unit.WH, values=Values.REGISTERS, ...)
>>> for series in read_meter_file(file, layout):
...     print(series.prosumer, len(series.readings), series.findings)

Nothing is guessed and nothing is left out silently: a row that gives no reading gives a finding, and so does a slot
that no row speaks of. A gap is no zero.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from energy_market_chaincode import units

_GRID_PER_KWH = 10**units.ENERGY_DECIMALS
_NO_VALUE = {"", "-", "--", "n/a", "na", "nan", "null"}
_QUARTER_HOUR = timedelta(minutes=15)


class Unit(StrEnum):
    """What a file's numbers count; power is the mean over a slot."""

    WH = "Wh"
    KWH = "kWh"
    MWH = "MWh"
    KW = "kW"


_KWH_PER = {Unit.WH: Decimal("0.001"), Unit.KWH: Decimal(1), Unit.MWH: Decimal(1000)}


class Values(StrEnum):
    """Whether a row has the energy of its slot or what the registers show at its time."""

    ENERGY = "energy"
    REGISTERS = "registers"


class Stamp(StrEnum):
    """Which end of a slot a row of energy is dated by."""

    START = "start"
    END = "end"


class Trouble(StrEnum):
    """Why a row gives no reading, or a slot has none."""

    SHORT_ROW = "SHORT_ROW"
    UNREADABLE_TIME = "UNREADABLE_TIME"
    NO_SUCH_TIME = "NO_SUCH_TIME"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    OFF_STEP = "OFF_STEP"
    UNREADABLE_NUMBER = "UNREADABLE_NUMBER"
    NO_VALUE = "NO_VALUE"
    NEGATIVE = "NEGATIVE"
    GAP = "GAP"
    REGISTER_FELL = "REGISTER_FELL"
    IMPLAUSIBLE = "IMPLAUSIBLE"
    NO_GAME = "NO_GAME"


class UnusableMeterFile(ValueError):
    """The file, or what was said about it, cannot be used at all; the message says what to change."""

    code = "UNUSABLE_METER_FILE"


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How a file is to be read.

    Attributes
    ----------
    time_column, in_column, out_column, prosumer_column
        Names in the file's first row; without the last two nothing is fed in, and all rows are one prosumer's.
    time_zone
        Of times that have no offset. The hour that comes twice is told apart by the order of the rows.
    time_format
        As ``datetime.strptime`` takes it; without it ISO 8601.
    power_kw
        Of the connection: a reading beyond it is implausible.
    modulus_kwh
        At which the registers begin anew from 0.
    """

    time_column: str
    in_column: str
    out_column: str | None = None
    prosumer_column: str | None = None
    delimiter: str = ","
    decimal_comma: bool = False
    unit: Unit = Unit.KWH
    values: Values = Values.ENERGY
    stamp: Stamp = Stamp.START
    time_zone: tzinfo | None = None
    time_format: str | None = None
    step: timedelta = _QUARTER_HOUR
    power_kw: Decimal | None = None
    modulus_kwh: Decimal | None = None

    def __post_init__(self) -> None:
        if self.values is Values.REGISTERS and self.unit is Unit.KW:
            raise UnusableMeterFile("registers count energy; their unit is Wh, kWh or MWh")
        if self.step <= timedelta(0) or timedelta(days=1) % self.step:
            raise UnusableMeterFile("a step divides a day: 15 minutes, say")

    @property
    def kwh_per_number(self) -> Decimal:
        """What one of the file's numbers is, kWh."""
        hours = Decimal(self.step // timedelta(seconds=1)) / 3600
        return hours if self.unit is Unit.KW else _KWH_PER[self.unit]

    @property
    def most(self) -> int | None:
        """The most that a slot can have, 0.1 Wh; None if the power is not known."""
        if self.power_kw is None:
            return None
        return int(self.power_kw * (self.step // timedelta(seconds=1)) * _GRID_PER_KWH / 3600)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a reader of the file should know.

    Attributes
    ----------
    row
        The line's number in the file, from 1.
    """

    row: int
    trouble: Trouble
    text: str


@dataclass(frozen=True, slots=True)
class MeteredSlot:
    """What a meter measured in one slot.

    Attributes
    ----------
    start
        The slot's beginning, in UTC.
    in_kwh, out_kwh
        Taken and fed in, on the ledger's grid of 0.1 Wh.
    row
        Where it stands in the file, from 1.
    """

    start: datetime
    in_kwh: Decimal
    out_kwh: Decimal
    row: int


@dataclass(slots=True)
class MeterSeries:
    """One prosumer's readings in the order of time, and what was found on the way."""

    prosumer: str
    readings: list[MeteredSlot] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def in_kwh(self) -> Decimal:
        """All that was taken, kWh."""
        return sum((reading.in_kwh for reading in self.readings), Decimal(0))

    @property
    def out_kwh(self) -> Decimal:
        """All that was fed in, kWh."""
        return sum((reading.out_kwh for reading in self.readings), Decimal(0))


def read_meter_file(lines: Iterable[str], layout: FileLayout) -> list[MeterSeries]:
    """Read a file.

    Energy finer than the ledger's 0.1 Wh is rounded so that the sum of a series stays within 0.05 Wh of the file's:
    what a slot loses, the next one gets. Registers are rounded where they are read.

    Returns
    -------
    One series for each prosumer, in the order in which they first appear; a file without a prosumers' column has one,
    whose name is empty.

    Raises
    ------
    UnusableMeterFile
        If it is empty, lacks a column, or has local times while the layout names no time zone.
    """
    table = csv.DictReader(lines, delimiter=layout.delimiter)
    columns = list(table.fieldnames or [])
    if not columns:
        raise UnusableMeterFile("the file is empty; its first row names the columns")
    columns[0] = columns[0].removeprefix("\ufeff")
    table.fieldnames = columns
    for name in (layout.time_column, layout.in_column, layout.out_column, layout.prosumer_column):
        if name is not None and name not in columns:
            shown = ", ".join(repr(column) for column in columns)
            raise UnusableMeterFile(
                f"there is no column {name!r}; with delimiter {layout.delimiter!r} the file has {shown}"
            )
    readers: dict[str, _Reader] = {}
    for cells in table:
        name = (cells.get(layout.prosumer_column) or "").strip() if layout.prosumer_column else ""
        reader = readers.setdefault(name, _Reader(layout, MeterSeries(name)))
        reader.take(table.line_num, cells)
    return [reader.series for reader in readers.values()]


class _RowTrouble(Exception):
    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class _Point:
    """What one row says, in the file's sense: of the slot that it dates, or of the registers at that time; 0.1 Wh."""

    row: int
    time: datetime
    taken: Decimal
    fed_in: Decimal


class _Reader:
    """Reads the rows of one prosumer, from top to bottom."""

    def __init__(self, layout: FileLayout, series: MeterSeries) -> None:
        self.series = series
        self._layout = layout
        self._last_time: datetime | None = None
        self._last: _Point | None = None
        self._lost_in = self._lost_out = Decimal(0)

    def take(self, row: int, cells: Mapping[str, str | None]) -> None:
        """Take the next row."""
        try:
            point = self._point(row, cells)
            if self._layout.values is Values.ENERGY:
                self._take_energy(point)
            else:
                self._take_registers(point)
        except _RowTrouble as found:
            self.series.findings.append(Finding(row, found.trouble, str(found)))

    def _point(self, row: int, cells: Mapping[str, str | None]) -> _Point:
        layout = self._layout
        since = self._last_time
        time = self._time(_cell(cells, layout.time_column))
        if since is not None:
            self._note_gap(row, since, time)
        scale = layout.kwh_per_number * _GRID_PER_KWH
        taken = self._number(_cell(cells, layout.in_column)) * scale
        fed_in = self._number(_cell(cells, layout.out_column)) * scale if layout.out_column else Decimal(0)
        return _Point(row, time, taken, fed_in)

    def _time(self, text: str) -> datetime:
        """Read a row's time as a moment in UTC, later than the last row's."""
        candidates = self._candidates(text)
        later = [each for each in candidates if self._last_time is None or each > self._last_time]
        if not later:
            raise _RowTrouble(Trouble.OUT_OF_ORDER, f"{text!r} is not after the row before it; sort the file by time")
        since_midnight = timedelta(seconds=later[0].timestamp() % 86_400)
        if since_midnight % self._layout.step:
            minutes = self._layout.step // timedelta(minutes=1)
            raise _RowTrouble(Trouble.OFF_STEP, f"{text!r} is not on the step of {minutes} minutes")
        self._last_time = later[0]
        return later[0]

    def _candidates(self, text: str) -> list[datetime]:
        """Return the moments that a time may mean: two in the hour that comes twice, one otherwise."""
        layout = self._layout
        try:
            local = datetime.strptime(text, layout.time_format) if layout.time_format else datetime.fromisoformat(text)  # noqa: DTZ007  its zone follows
        except ValueError:
            wanted = f"as {layout.time_format!r} says" if layout.time_format else "in ISO 8601"
            raise _RowTrouble(Trouble.UNREADABLE_TIME, f"{text!r} is no time {wanted}") from None
        if local.tzinfo is not None:
            return [local.astimezone(UTC)]
        if layout.time_zone is None:
            raise UnusableMeterFile(f"{text!r} has no offset from UTC; say which time zone the file's times are in")
        folds = [local.replace(tzinfo=layout.time_zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        there = [each for each in folds if each.astimezone(layout.time_zone).replace(tzinfo=None) == local]
        if not there:
            raise _RowTrouble(Trouble.NO_SUCH_TIME, f"{text!r} was left out when the clocks went forward")
        return sorted(set(there))

    def _number(self, text: str) -> Decimal:
        if text.casefold() in _NO_VALUE:
            raise _RowTrouble(Trouble.NO_VALUE, "the row has no value; no reading is made of it")
        comma, other = (",", ".") if self._layout.decimal_comma else (".", ",")
        try:
            number = Decimal("nan" if other in text or "_" in text else text.replace(comma, "."))
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            hint = (
                f"; numbers are written with a decimal {'comma' if comma == ',' else 'point'} and nothing for thousands"
            )
            raise _RowTrouble(Trouble.UNREADABLE_NUMBER, f"{text!r} is no number{hint}")
        if number < 0:
            raise _RowTrouble(Trouble.NEGATIVE, f"{text} is below zero; what is fed in has a column of its own")
        return number

    def _take_energy(self, point: _Point) -> None:
        start = point.time - self._layout.step if self._layout.stamp is Stamp.END else point.time
        taken, self._lost_in = _rounded(point.taken + self._lost_in)
        fed_in, self._lost_out = _rounded(point.fed_in + self._lost_out)
        self._add(start, taken, fed_in, point.row)

    def _note_gap(self, row: int, since: datetime, time: datetime) -> None:
        step = self._layout.step
        if self._layout.values is Values.ENERGY and time > since + step:
            first = since if self._layout.stamp is Stamp.END else since + step
            missing = f"{(time - since) // step - 1} slots from {_utc(first)} on have no row; nothing is sent for them"
            self.series.findings.append(Finding(row, Trouble.GAP, missing))

    def _take_registers(self, point: _Point) -> None:
        last, self._last = self._last, point
        if last is None:
            return
        if point.time > last.time + self._layout.step:
            missing = (point.time - last.time) // self._layout.step
            between = (
                _shown(round(point.taken) - round(last.taken)),
                _shown(round(point.fed_in) - round(last.fed_in)),
            )
            raise _RowTrouble(
                Trouble.GAP,
                f"{missing} slots from {_utc(last.time)} on have no registers of their own; together they took "
                f"{between[0]} and fed in {between[1]} kWh, of which nothing is sent",
            )
        taken = self._grown(last.taken, point.taken)
        fed_in = self._grown(last.fed_in, point.fed_in)
        self._add(last.time, taken, fed_in, point.row)

    def _grown(self, before: Decimal, after: Decimal) -> int:
        """Return how far a register went on, 0.1 Wh, over its end if that is plausible."""
        grown = round(after) - round(before)
        if grown >= 0:
            return grown
        modulus, most = self._layout.modulus_kwh, self._layout.most
        if modulus is not None and most is not None and 0 <= (over := grown + int(modulus * _GRID_PER_KWH)) <= most:
            return over
        raise _RowTrouble(
            Trouble.REGISTER_FELL,
            f"the register went from {_shown(round(before))} to {_shown(round(after))} kWh: a new meter, or it began "
            "anew (then say at how many kWh, and the connection's power); no reading is made, counting goes on here",
        )

    def _add(self, start: datetime, taken: int, fed_in: int, row: int) -> None:
        most = self._layout.most
        if most is not None and max(taken, fed_in) > most:
            raise _RowTrouble(
                Trouble.IMPLAUSIBLE,
                f"{_shown(max(taken, fed_in))} kWh from {_utc(start)} on; {self._layout.power_kw} kW make at most "
                f"{_shown(most)} kWh",
            )
        self.series.readings.append(MeteredSlot(start, units.kwh(taken), units.kwh(fed_in), row))


def _cell(cells: Mapping[str, str | None], column: str | None) -> str:
    text = cells.get(column or "")
    if text is None:
        raise _RowTrouble(Trouble.SHORT_ROW, f"the row ends before its column {column!r}")
    return text.strip()


def _rounded(tenths_of_wh: Decimal) -> tuple[int, Decimal]:
    """Return a number on the ledger's grid, and what that leaves over."""
    whole = round(tenths_of_wh)
    return whole, tenths_of_wh - whole


def _shown(tenths_of_wh: int) -> str:
    return format(units.kwh(tenths_of_wh), "f")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ")
