"""Delivery slots: how long the phases of their games last, and which times have games already.

A moment's energy is traded and metered in one slot only, or it would be billed twice. The ledger keeps, for each day of
UTC, the times that slots take of it, those that touch as one. So a slot is compared with the days that it touches,
however many slots there are: one record, if it is shorter than a day.
"""

from bisect import insort
from itertools import pairwise

from energy_market_chaincode.commands import PublishGame
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import DurationUnfit, SlotOverlaps
from energy_market_chaincode.records import Booked
from energy_market_chaincode.times import iso_time

MINUTE_MS = 60_000
SLOT_MS = 15 * MINUTE_MS
CLEARING_MS = 5 * MINUTE_MS
METERING_WINDOW_MS = 15 * MINUTE_MS
DAY_MS = 24 * 60 * MINUTE_MS
CORRECTION_WINDOW_MS = 7 * DAY_MS


def slot_durations(data: PublishGame, starts_ms: int, now_ms: int, least_ms: int) -> dict[str, int | None]:
    """Return the durations of a game whose slot starts at a time, by the names of its parameters.

    Registration never outlasts the slot's start; a slot that began already has none. The clearing and the metering
    window are no shorter than ``least_ms``, but that the clearing has to do with half of what is left.

    Raises
    ------
    DurationUnfit
    """
    if data.delivery_duration_ms is not None:
        raise DurationUnfit(field="deliveryDurationMs", slots="a name, not a time", instead="slotDurationMs")
    left_ms = max(starts_ms - now_ms, 0)
    clearing_ms = max(data.clearing_duration_ms or CLEARING_MS, least_ms)
    if data.registration_duration_ms is not None:
        clearing_ms = max(left_ms - data.registration_duration_ms, least_ms)
    open_ms = left_ms - clearing_ms if left_ms > clearing_ms else left_ms // 2
    slot_ms = data.slot_duration_ms or SLOT_MS
    return {
        "slot_duration_ms": slot_ms,
        "delivery_duration_ms": slot_ms,
        "registration_duration_ms": open_ms,
        "clearing_duration_ms": left_ms - open_ms,
        "metering_window_ms": max(
            METERING_WINDOW_MS if data.metering_window_ms is None else data.metering_window_ms, least_ms
        ),
        "correction_window_ms": data.correction_window_ms or 0,
    }


def durations_of_name(data: PublishGame, least_ms: int) -> dict[str, int | None]:
    """Return the durations of a game whose slot is only a name; raises DurationUnfit.

    But for the delivery none in which somebody has to post something is shorter than ``least_ms``.
    """
    for field in ("slot_duration_ms", "clearing_duration_ms"):
        if getattr(data, field) is not None:
            name = type(data).model_fields[field].alias
            raise DurationUnfit(field=name, slots="a time, not only a name", instead="deliveryDurationMs")
    return {
        "slot_duration_ms": None,
        "delivery_duration_ms": data.delivery_duration_ms or MINUTE_MS,
        "registration_duration_ms": max(data.registration_duration_ms or MINUTE_MS, least_ms),
        "clearing_duration_ms": None,
        "metering_window_ms": max(data.metering_window_ms or 0, least_ms),
        "correction_window_ms": data.correction_window_ms or 0,
    }


async def book(context: Context, starts_ms: int, duration_ms: int) -> None:
    """Take a slot's time, which has no game yet; raises SlotOverlaps."""
    ends_ms = starts_ms + duration_ms
    days = range(starts_ms // DAY_MS, (ends_ms - 1) // DAY_MS + 1)
    for day, known in zip(days, await context.find_each(Booked, names=map(str, days)), strict=True):
        span = max(starts_ms, day * DAY_MS), min(ends_ms, (day + 1) * DAY_MS)
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
