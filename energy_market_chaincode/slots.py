"""How long the phases of a game last: of one for a slot with a time, and of one for a slot that is only a name."""

from energy_market_chaincode.commands import PublishGame
from energy_market_chaincode.errors import DurationUnfit

MINUTE_MS = 60_000
SLOT_MS = 15 * MINUTE_MS
CLEARING_MS = 5 * MINUTE_MS
METERING_WINDOW_MS = 15 * MINUTE_MS
CORRECTION_WINDOW_MS = 7 * 24 * 60 * MINUTE_MS


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
