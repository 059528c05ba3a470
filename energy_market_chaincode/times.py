"""Moments: milliseconds since 1970-01-01 UTC on the ledger, ISO 8601 in UTC outside."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer, WithJsonSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?Z", re.ASCII)


def moment(milliseconds: int) -> datetime:
    """Return the moment of a timestamp."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(moment: datetime) -> int:
    """Return a moment as the ledger counts time, in whole milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_time(milliseconds: int) -> str:
    """Return a timestamp as ISO 8601 in UTC with milliseconds."""
    return iso(moment(milliseconds))


def same_spelling(slot: str) -> str:
    """Write a delivery slot's UTC time as events do, with milliseconds, so that one moment is one slot.

    A slot may have any other name; it stays as it is.

    Raises
    ------
    ValueError
        If it looks like a time and is none.
    """
    found = _UTC_TIME.fullmatch(slot)
    if found is None:
        return slot
    minute, seconds, fraction = found.groups()
    whole = f"{minute}:{seconds or '00'}"
    try:
        datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("is no time") from None
    return f"{whole}.{(fraction or '').ljust(3, '0')}Z"


Time = Annotated[
    AwareDatetime,
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "ISO 8601, UTC, milliseconds"}),
]
"""A moment in an answer or event."""
