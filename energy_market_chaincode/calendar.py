"""Which times have games: a moment's energy is traded and metered in one slot only, or it would be billed twice.

The ledger keeps, for each day of UTC, the times that slots take of it, those that touch as one. So a slot is compared
with the days that it touches, however many slots there are: one record, if it is shorter than a day.
"""

from bisect import insort
from itertools import pairwise

from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import SlotOverlaps
from energy_market_chaincode.records import Booked
from energy_market_chaincode.times import iso_time

_DAY_MS = 24 * 60 * 60 * 1000


async def book(context: Context, starts_ms: int, duration_ms: int) -> None:
    """Take a slot's time, which has no game yet; raises SlotOverlaps."""
    ends_ms = starts_ms + duration_ms
    days = range(starts_ms // _DAY_MS, (ends_ms - 1) // _DAY_MS + 1)
    for day, known in zip(days, await context.find_each(Booked, names=map(str, days)), strict=True):
        span = max(starts_ms, day * _DAY_MS), min(ends_ms, (day + 1) * _DAY_MS)
        context.save(Booked(spans=with_span(list(known.spans) if known is not None else [], span)), str(day))


def with_span(spans: list[tuple[int, int]], span: tuple[int, int]) -> list[tuple[int, int]]:
    """Return spans, which are apart and in order, and one more, with those that touch as one; raises SlotOverlaps."""
    insort(spans, span)
    apart = spans[:1]
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            taken = before if after == span else after
            raise SlotOverlaps(starts=iso_time(taken[0]), ends=iso_time(taken[1]))
        if after[0] == before[1]:
            apart[-1] = apart[-1][0], after[1]
        else:
            apart.append(after)
    return apart
