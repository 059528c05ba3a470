"""Participants go by the market's time, which may be simulated, and wait in real time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from energy_market_chaincode import GameView, Phase, iso
from energy_market_chaincode.market_views import SimulatedTimeView
from prosumer_client import Meter
from prosumer_client.connection import MarketTime
from prosumer_client.participant import Reminder

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = datetime(2026, 6, 23, tzinfo=UTC)
FACTOR = 600


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> MarketTime:
    """A time of a machine on which it is noon."""

    class Noon(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return NOON.astimezone(tz)

    monkeypatch.setattr("prosumer_client.connection.datetime", Noon)
    return MarketTime()


def test_unless_it_is_simulated_it_is_the_machine_s(at_noon: MarketTime) -> None:
    assert at_noon.now() == NOON
    assert at_noon.until(NOON + timedelta(seconds=3)) == at_noon.lasts(timedelta(seconds=3)) == timedelta(seconds=3)


def test_simulated_time_follows_from_the_machine_s_and_is_waited_for_in_real_seconds(at_noon: MarketTime) -> None:
    at_noon.simulated = SimulatedTimeView(start=DAY, factor=FACTOR, began=NOON - timedelta(seconds=6))
    assert at_noon.now() == DAY + timedelta(hours=1)
    assert at_noon.until(DAY + timedelta(hours=2)) == timedelta(seconds=6)
    assert at_noon.lasts(timedelta(minutes=15)) == timedelta(seconds=1.5)


async def test_a_meter_reports_in_a_quarter_of_a_short_window_after_its_slot(
    operator: Any, at_noon: MarketTime
) -> None:
    waits = []

    class Watched(Meter):
        def remind(self, of: GameView | Reminder, after: timedelta) -> None:
            waits.append(after)

    await operator.publish()
    game = await operator.market.game("G1")
    rules = game.parameters.model_copy(update={"slot_duration_ms": 900_000})
    times = {"delivery_ends_at": DAY + timedelta(minutes=15), "metering_ends_at": DAY + timedelta(minutes=35)}
    meter = Watched(operator.speaker("S1"))
    meter.market.time.simulated = SimulatedTimeView(start=DAY, factor=FACTOR, began=NOON)
    await meter.catch_up(game.model_copy(update={"phase": Phase.DELIVERY, "parameters": rules, **times}))
    assert waits == [timedelta(seconds=1.5 + 0.5)]


async def test_who_follows_the_events_learns_that_time_is_simulated_from_now_on(operator: Any) -> None:
    market = operator.market
    assert (await market.learn_time()).simulated is None
    begun = await market.submit("simulateTime", {"start": iso(DAY), "factor": FACTOR})
    async for event in market.events():
        if event.name == "TimeSimulatedEvent":
            break
    assert market.time.simulated == SimulatedTimeView.model_validate(begun)
    assert market.speaking_as(market.identity).time is market.time
