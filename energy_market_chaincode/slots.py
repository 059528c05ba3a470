"""Delivery slots: named by the moment they begin, or by any other word."""

import re
from datetime import UTC, datetime

_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?Z", re.ASCII)


def same_spelling(slot: str) -> str:
    """Write a time in UTC as events do, with milliseconds, so that one moment is one slot; other names stay.

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
