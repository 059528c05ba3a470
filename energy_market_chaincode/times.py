"""Moments: milliseconds since 1970-01-01 UTC on the ledger, ISO 8601 in UTC outside; and a market's simulated time.

Simulated time is a calendar that begins at a moment of its own and passes faster than the clocks on the wall.
Transactions, blocks and events keep their real times. What the rules compare and games show is the market's time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEKDAY = r"(?P<y>\d{4})-?W(?P<week>\d\d)-?(?P<weekday>[1-7])"
_YEARDAY = r"(?P<Y>\d{4})-?(?:(?P<m>\d\d)-?(?P<d>\d\d)|(?P<yearday>\d{3}))"
_DATE = f"(?:{_WEEKDAY}|{_YEARDAY})"
_CLOCK = r"(?P<H>\d\d)(?::?(?P<M>\d\d)(?::?(?P<S>\d\d))?)?(?:[.,](?P<fraction>\d{1,18}))?"
_OFFSET = r"(?P<offset>Z|(?P<sign>[+\u2212-])(?P<oH>\d\d)(?::?(?P<oM>\d\d))?)?"
_INSTANT = re.compile(f"{_DATE}[T ]{_CLOCK}{_OFFSET}", re.ASCII | re.IGNORECASE)
_LIKE_AN_INSTANT = re.compile(f"{_DATE}[T ]\\d", re.ASCII | re.IGNORECASE)
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DAY_MS = _UNITS_MS["d"]
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_ISO_TIME = re.compile(r"PT([1-9][0-9]{0,6})([SMH])")
_ISO_DAYS = re.compile(r"P([1-9][0-9]{0,6})(D)")

MAX_FACTOR = 3600
"""An hour passes in a second."""
FIRST_START_MS = 0
LAST_START_MS = 32_503_680_000_000
"""The year 3000."""
LAST_MS = 221_845_392_000_000
"""The year 9000: there the market's time stands still, so that no factor leads it beyond what calendars can tell."""
LEAST_REAL_MS = 2_000
"""No turn and no time to post anything in is shorter than this in real time."""


def moment(milliseconds: int) -> datetime:
    """Return the moment of a timestamp."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(moment: datetime) -> int:
    """Return a moment as the ledger counts time, in whole milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=1024)  # the commands of a transaction all come at one moment
def iso_time(milliseconds: int) -> str:
    """Return a timestamp as ISO 8601 in UTC with milliseconds."""
    return iso(moment(milliseconds))


def instant_ms(text: str) -> int | None:
    """Read an instant in any of the spellings of ISO 8601 with an offset; None if the text is no time at all.

    Extended and basic forms, dates of the month, of the week and of the year, with ``T`` or a space, in capitals or
    not. The reader is our own, because that of Python's library knows other spellings with each of its versions.

    Raises
    ------
    ValueError
        If it looks like a time and is none, has no offset, or is finer than a millisecond.
    """
    found = _INSTANT.fullmatch(text)
    if found is None and _LIKE_AN_INSTANT.match(text) is None:
        return None
    if found is None:
        raise ValueError("looks like a time and is none")
    if found["offset"] is None:
        raise ValueError(
            "is a local time without an offset: it comes twice when clocks are set back, and elsewhere it is another "
            "moment. Write it in UTC (2026-11-01T05:15:00Z) or with its offset (2026-11-01T06:15:00+01:00)"
        )
    try:
        instant = milliseconds(_day(found)) + _of_day_ms(found) - _offset_ms(found)
        moment(instant)
    except (ValueError, OverflowError) as error:
        raise ValueError(str(error) if "millisecond" in str(error) else "is no time") from None
    return instant


def instant(text: object) -> int:
    """Read an instant as the ledger counts time; raises ValueError as :func:`instant_ms`, and if it is none."""
    at_ms = instant_ms(text) if isinstance(text, str) else None
    if at_ms is None:
        raise ValueError("is no instant; write it in ISO 8601 with its offset, for instance 2026-11-01T05:15:00Z")
    return at_ms


def _day(found: re.Match[str]) -> datetime:
    if found["week"] is not None:
        return datetime.fromisocalendar(int(found["y"]), int(found["week"]), int(found["weekday"])).replace(tzinfo=UTC)
    if found["yearday"] is None:
        return datetime(int(found["Y"]), int(found["m"]), int(found["d"]), tzinfo=UTC)
    day = datetime(int(found["Y"]), 1, 1, tzinfo=UTC) + timedelta(days=int(found["yearday"]) - 1)
    if day.year != int(found["Y"]):
        raise ValueError("that year has no such day")
    return day


def _of_day_ms(found: re.Match[str]) -> int:
    """Return the time since midnight; a fraction is one of the last part that is there."""
    parts = [int(found[name] or 0) for name in ("H", "M", "S")]
    finest = 1000 if found["S"] is not None else 60_000 if found["M"] is not None else 3_600_000
    fraction_ms, rest = divmod(int((found["fraction"] or "0").ljust(18, "0")) * finest, 10**18)
    if rest:
        raise ValueError("is finer than a millisecond")
    since = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000 + fraction_ms
    if parts[1] > 59 or parts[2] > 59 or since > _DAY_MS:
        raise ValueError("a day has no such time")
    return since


def _offset_ms(found: re.Match[str]) -> int:
    hours: int = int(found["oH"] or 0)
    minutes: int = int(found["oM"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("there is no such offset")
    minutes += hours * 60
    return minutes * 60_000 if found["sign"] in (None, "+") else -minutes * 60_000


def duration_ms(text: str) -> int:
    """Read ``30s``, ``5m``, ``2h``, ``1d``, or the same as ISO 8601 writes it: ``PT30S``, ``PT5M``, ``PT2H``, ``P1D``.

    Raises
    ------
    ValueError
        If it is nothing of the kind, or longer than a year.
    """
    match = _DURATION.fullmatch(text) or _ISO_TIME.fullmatch(text) or _ISO_DAYS.fullmatch(text)
    if match is None:
        raise ValueError("must be a whole number of s, m, h or d, for instance 5m, or PT5M as in ISO 8601")
    duration = int(match[1]) * _UNITS_MS[match[2].lower()]
    if duration > 366 * _DAY_MS:
        raise ValueError("must be at most 366d")
    return duration


def slot_name(text: object) -> object:
    """Write a delivery slot's instant as events do, in UTC with milliseconds, so that one moment is one slot.

    A slot may have any other name; it stays as it is.

    Raises
    ------
    ValueError
        As :func:`instant_ms`.
    """
    instant = instant_ms(text) if isinstance(text, str) else None
    return text if instant is None else iso_time(instant)


Instant = Annotated[
    int,
    BeforeValidator(instant, json_schema_input_type=str),
    PlainSerializer(iso_time, return_type=str, when_used="json"),
]
"""A moment in a command: milliseconds on the ledger, outside any spelling of ISO 8601 with an offset."""
Time = Annotated[
    AwareDatetime,
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "ISO 8601, UTC, milliseconds"}),
]
"""A moment in an answer or event."""


@dataclass(frozen=True, slots=True)
class SimulatedTime:
    """The market's time as a function of the real one.

    Attributes
    ----------
    start_ms, began_ms
        The market's time and the real one at the beginning.
    factor
        How many times as fast as the real one it passes.

    >>> noon = SimulatedTime(start_ms=43_200_000, factor=600, began_ms=1_790_000_000_000)
    >>> noon.market_ms(1_790_000_001_500) - noon.start_ms  # a quarter of an hour in a second and a half
    900000
    """

    start_ms: int
    factor: int
    began_ms: int

    def market_ms(self, real_ms: int) -> int:
        """Return the market's time at a real one."""
        return min(self.start_ms + (real_ms - self.began_ms) * self.factor, LAST_MS)

    def real_ms(self, market_ms: int) -> int:
        """Return the first real time at which the market's time has come to a moment."""
        return self.began_ms - (self.start_ms - market_ms) // self.factor

    @property
    def least_ms(self) -> int:
        """What :data:`LEAST_REAL_MS` are on the market."""
        return LEAST_REAL_MS * self.factor
