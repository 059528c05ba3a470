"""The schedule on disk: what is due, and that nothing of it is lost or done twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import PublishGame
from market_clock.schedule import EntryExists, Schedule, ScheduleEntry, UnknownEntry, game_data
from market_clock.schedule_store import ScheduleStore

MINUTE = 60_000
NOW = 1_763_899_200_000
EVERY_MINUTE = ScheduleEntry(id="often", every="1m")


Open = Callable[..., Schedule]


@pytest.fixture
def open_schedule(tmp_path: Path) -> Iterator[Open]:
    """Open the schedule of one file; a second time is a clock that started again."""
    with ExitStack() as opened:

        def open_one(speed: int = 1) -> Schedule:
            return Schedule(opened.enter_context(closing(ScheduleStore(tmp_path / "clock.sqlite"))), speed)

        yield open_one


def test_an_entrys_first_slot_is_the_next_one(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(EVERY_MINUTE, NOW)

    assert schedule.due("often", NOW + MINUTE - 1) is None
    assert schedule.due("often", NOW + MINUTE) == NOW + MINUTE


def test_the_schedule_survives_a_restart(open_schedule: Open) -> None:
    before = open_schedule()
    priced = ScheduleEntry(id="daily", cron="0 3 * * *", parameters=PublishGame(feePerHop="0.01", roundLimit=5))
    before.add(priced, NOW)
    before.add(EVERY_MINUTE, NOW)
    before.handle("often", NOW + MINUTE)
    before.pause()

    after = open_schedule()

    assert sorted(after.ids()) == ["daily", "often"]
    assert after.entry("daily") == priced
    assert game_data(after.entry("daily").parameters, speed=1) == {"feePerHop": "0.01", "roundLimit": 5}
    assert after.is_paused
    after.resume(NOW)
    assert after.due("often", NOW + MINUTE) is None, "it was dealt with before"


def test_slots_missed_during_a_stop_are_made_up_for_by_one_game(open_schedule: Open) -> None:
    open_schedule().add(EVERY_MINUTE, NOW)
    after = open_schedule()
    morning = NOW + 600 * MINUTE + 30_000

    slot = after.due("often", morning)

    assert slot == NOW + 600 * MINUTE, "the latest"
    after.handle("often", slot)
    assert after.due("often", morning) is None


def test_slots_that_pass_during_a_pause_are_given_up(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(EVERY_MINUTE, NOW)

    schedule.pause()
    assert schedule.due("often", NOW + 5 * MINUTE) is None
    schedule.resume(NOW + 5 * MINUTE)

    assert schedule.due("often", NOW + 5 * MINUTE) is None
    assert schedule.due("often", NOW + 6 * MINUTE) == NOW + 6 * MINUTE


def test_resuming_a_running_clock_gives_nothing_up(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(EVERY_MINUTE, NOW)

    schedule.resume(NOW + MINUTE)

    assert schedule.due("often", NOW + MINUTE) == NOW + MINUTE


def test_the_same_entry_again_changes_nothing_and_another_under_its_id_is_refused(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(EVERY_MINUTE, NOW)
    schedule.add(EVERY_MINUTE, NOW + 5 * MINUTE)

    assert schedule.due("often", NOW + MINUTE) == NOW + MINUTE
    with pytest.raises(EntryExists):
        schedule.add(ScheduleEntry(id="often", every="2m"), NOW)


def test_a_removed_entry_is_gone_for_good(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(EVERY_MINUTE, NOW)
    schedule.remove("often")

    assert schedule.due("often", NOW + MINUTE) is None
    assert open_schedule().ids() == []
    with pytest.raises(UnknownEntry):
        schedule.remove("often")


@pytest.mark.parametrize(
    "fields",
    [
        {"every": "1m", "cron": "* * * * *"},
        {},
        {"every": "1m", "parameters": PublishGame(game="Game-1")},
        {"every": "1m", "parameters": PublishGame(deliverySlot="today")},
    ],
)
def test_an_entry_has_one_rhythm_and_leaves_names_to_the_slots(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"either every or cron|each game of a schedule"):
        ScheduleEntry.model_validate({"id": "entry", **fields})


@settings(deadline=None)
@given(
    speed=st.integers(1, 3600),
    registration=st.integers(1, 10**7),
    delivery=st.integers(1, 10**7),
    turn=st.integers(1, 10**7),
)
def test_a_factor_shortens_registration_and_delivery_but_no_turn(
    speed: int, registration: int, delivery: int, turn: int
) -> None:
    stated = PublishGame(registrationDurationMs=registration, deliveryDurationMs=delivery, turnDeadlineMs=turn)

    sped_up = PublishGame.model_validate(game_data(stated, speed))

    assert sped_up.registration_duration_ms == max(1, registration // speed)
    assert sped_up.delivery_duration_ms == max(1, delivery // speed)
    assert sped_up.turn_deadline_ms == turn


def test_a_factor_shortens_the_default_durations_too() -> None:
    assert game_data(PublishGame(), speed=60) == {"registrationDurationMs": 1000, "deliveryDurationMs": 1000}
    assert game_data(PublishGame(), speed=1) == {}
