"""A clock of a market whose time is simulated: what is due comes at the real moment that the market's mapping gives."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import Phase, PublishGame, Topic, iso, milliseconds
from energy_market_chaincode.market_views import SimulatedTimeView
from market_clock.conductor import TimeSet
from market_clock.decision import METERING_POLL, REGISTRATION_POLL, Wait, next_action
from market_clock.ledger_time import LedgerTime
from market_clock.publisher import Publisher
from market_clock.schedule import Schedule, ScheduleEntry
from market_clock.schedule_store import ScheduleStore
from prosumer_client import Identity, MarketClient, key_file, store_key
from tests.market_clock.test_decision import GAME
from tests.market_clock.test_service import clock_at, serving
from tx_queue import QueueSettings, create_queue_app

FACTOR = 600
DAY = datetime(2026, 6, 23, tzinfo=UTC)
BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAPPING = SimulatedTimeView(start=DAY, factor=FACTOR, began=BEGAN)
PATIENCE_S = 60
QUARTER_MS = 900_000
OFTEN = ScheduleEntry(id="often", every="15m")


@pytest.fixture
async def simulated(neighbourhood: Any) -> Any:
    """A neighbourhood whose day begins now."""
    await neighbourhood.say("operator", Topic.SIMULATE_TIME, start=iso(DAY), factor=FACTOR)
    neighbourhood.simulated = (await neighbourhood.client().market()).simulated_time
    return neighbourhood


@pytest.fixture
def schedule(tmp_path: Path) -> Iterator[Schedule]:
    store = ScheduleStore(tmp_path / "clock.sqlite")
    yield Schedule(store, 1)
    store.close()


def market_time(at: datetime = BEGAN) -> LedgerTime:
    time = LedgerTime(lambda: at)
    time.simulated = MAPPING
    return time


# -- moments


def test_the_market_s_time_and_the_real_seconds_until_a_moment_of_it() -> None:
    time = market_time(BEGAN + timedelta(seconds=3))
    assert time.now() == time.schedule_now() == DAY + timedelta(minutes=30)
    assert time.after(1.5) == DAY + timedelta(minutes=45)
    assert time.seconds_until(DAY + timedelta(hours=1)) == 3
    assert time.seconds_until(DAY) == -3


def test_how_often_the_clock_looks_is_real_time() -> None:
    rules = GAME.parameters.model_copy(update={"expected_participants": 9})
    update = {"phase": Phase.REGISTRATION, "registration_ends_at": DAY + timedelta(days=1), "parameters": rules}
    assert next_action(GAME.model_copy(update=update), [], DAY, FACTOR) == Wait(DAY + REGISTRATION_POLL * FACTOR)


@pytest.mark.parametrize(
    ("window", "poll"), [(timedelta(days=1), METERING_POLL * FACTOR), (timedelta(minutes=20), timedelta(minutes=5))]
)
def test_a_short_metering_window_is_looked_at_four_times(window: timedelta, poll: timedelta) -> None:
    times = {"delivery_ends_at": DAY, "metering_ends_at": DAY + window, "readings_awaited": 1}
    rules = GAME.parameters.model_copy(update={"slot_duration_ms": QUARTER_MS})
    game = GAME.model_copy(update={"phase": Phase.DELIVERY, "parameters": rules, **times})
    assert next_action(game, [], DAY, FACTOR) == Wait(DAY + poll)


# -- games


async def test_a_slot_of_a_simulated_day_is_over_and_settled_in_a_second(simulated: Any) -> None:
    simulated.start_clock()
    begins = datetime.now(UTC) + timedelta(seconds=0.5)
    slot = simulated.simulated.market_time(begins)
    game = "soon"
    await simulated.say(
        "operator", Topic.PUBLISH_GAME, game=game, deliverySlot=iso(slot), slotDurationMs=60_000, meteringWindowMs=0
    )
    closed = await simulated.until("MarketClosedEvent", game)
    assert datetime.fromisoformat(closed["closedAt"]) >= slot + timedelta(minutes=1)


async def test_a_silent_buyer_is_skipped_at_its_simulated_deadline(simulated: Any) -> None:
    simulated.start_clock()
    hours = {"registrationDurationMs": 36_000_000, "turnDeadlineMs": 1, "roundLimit": 1}
    game = await simulated.publish(expectedParticipants=2, **hours)
    await simulated.register(game, "B1")
    await simulated.until("GameStopEvent", game)


async def test_a_clock_that_began_by_another_time_begins_anew(neighbourhood: Any) -> None:
    clock = neighbourhood.start_clock()
    await neighbourhood.say("operator", Topic.SIMULATE_TIME, start=iso(DAY), factor=FACTOR)
    neighbourhood.clocks.remove(clock)
    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.timeout(PATIENCE_S):
            await clock
    assert ended.group_contains(TimeSet)


# -- the schedule


async def test_the_schedule_s_slots_are_the_market_s(simulated: Any, schedule: Schedule) -> None:
    time = LedgerTime(lambda: datetime.now(UTC))
    time.simulated = simulated.simulated
    publisher = Publisher(schedule, time, simulated.hear)
    working = asyncio.create_task(publisher.run(simulated.client()))
    publisher.add(OFTEN)
    slot = datetime.fromisoformat((await simulated.next_game())["game"].removeprefix("Game-"))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert slot > DAY
    assert (slot.minute % 15, slot.second, slot.microsecond) == (0, 0, 0)


@pytest.mark.parametrize("entered", [BEGAN, DAY - timedelta(days=400)], ids=["later", "before"])
def test_entries_of_another_calendar_begin_with_the_market_s(schedule: Schedule, entered: datetime) -> None:
    now = DAY + timedelta(hours=6)
    lead = ScheduleEntry(id="lead", every="15m", lead="1h", parameters=PublishGame())
    schedule.add(lead, milliseconds(entered))
    schedule.adopt(milliseconds(DAY), milliseconds(now))
    assert schedule.due("lead", milliseconds(now)) == milliseconds(now + timedelta(minutes=15))


def test_entries_of_the_market_s_calendar_stay_as_they_are(schedule: Schedule) -> None:
    schedule.add(OFTEN, milliseconds(DAY))
    schedule.handle("often", milliseconds(DAY + timedelta(hours=3)))
    schedule.adopt(milliseconds(DAY), milliseconds(DAY + timedelta(hours=6)))
    assert schedule.due("often", milliseconds(DAY + timedelta(hours=3))) is None


# -- the service


async def test_a_running_clock_follows_a_time_that_is_simulated_from_now_on_and_takes_no_speed_beside_it(
    tmp_path: Path,
) -> None:
    operator = Identity("operator", Ed25519PrivateKey.generate())
    store_key(operator.key, key_file(tmp_path / "keys", "operator"))
    settings = QueueSettings(home=tmp_path, operator="operator", operator_public_key=operator.public_key)
    with serving(create_queue_app(settings)) as queue:
        with serving(clock_at(tmp_path, queue)) as url:
            async with httpx.AsyncClient(base_url=url) as clock, MarketClient(queue, operator) as market:
                await until(clock, "/ready", '"ready"')
                await market.submit(Topic.SIMULATE_TIME, {"start": iso(DAY), "factor": FACTOR})
                await until(clock, "/schedule", '"now":"2026-06-2')
        with serving(clock_at(tmp_path, queue, speed=60)) as url:
            async with httpx.AsyncClient(base_url=url) as clock:
                await until(clock, "/ready", "start the clock without --speed 60")


async def until(clock: httpx.AsyncClient, path: str, said: str) -> None:
    """Wait until the clock says something."""
    async with asyncio.timeout(PATIENCE_S):
        while said not in (await clock.get(path)).text:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)
