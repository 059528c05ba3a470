"""The schedule on disk: what is due, and that nothing of it is lost or done twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import PublishGame, iso_time
from market_clock.schedule import EntryExists, Schedule, ScheduleEntry, UnknownEntry, game_data
from market_clock.schedule_store import ScheduleStore, StoredEntry

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


def test_an_entry_that_this_version_cannot_read_stops_no_other_and_can_be_entered_anew(
    open_schedule: Open, tmp_path: Path
) -> None:
    open_schedule().add(EVERY_MINUTE, NOW)
    with closing(ScheduleStore(tmp_path / "clock.sqlite")) as store:
        store.add(StoredEntry("old", '{"id": "old", "every": "1m", "parameters": {"colour": "red"}}', NOW, NOW))

    schedule = open_schedule()

    assert schedule.ids() == ["often"]
    schedule.add(ScheduleEntry(id="old", every="5m"), NOW)
    assert sorted(open_schedule().ids()) == ["often", "old"]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "clock.sqlite"
    file.touch(mode=0o644)
    with closing(ScheduleStore(file)) as store:
        Schedule(store, 1).add(EVERY_MINUTE, NOW)
        assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == dict.fromkeys(
            ("clock.sqlite", "clock.sqlite-wal", "clock.sqlite-shm"), 0
        )


def test_slots_missed_during_a_stop_are_made_up_for_by_one_game(open_schedule: Open) -> None:
    open_schedule().add(EVERY_MINUTE, NOW)
    after = open_schedule()
    morning = NOW + 600 * MINUTE + 30_000

    slot = after.due("often", morning)

    assert slot == NOW + 600 * MINUTE, "the latest"
    after.handle("often", slot)
    assert after.due("often", morning) is None


LEADING = ScheduleEntry(id="often", every="15m", lead="1h", parameters=PublishGame(clearingDurationMs=120_000))
QUARTER = 15 * MINUTE


def test_with_a_lead_every_slot_is_published_so_long_before_it_begins(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(LEADING, NOW)
    published = []
    while (slot := schedule.due("often", NOW)) is not None:
        published.append(slot)
        schedule.handle("often", slot)
    first = NOW - NOW % QUARTER + QUARTER
    assert published == [first + number * QUARTER for number in range(4)]
    assert schedule.due("often", first - 1) is None
    assert schedule.due("often", first) == first + 4 * QUARTER


def test_slots_with_a_time_that_passed_without_a_clock_all_get_a_game(open_schedule: Open) -> None:
    open_schedule().add(LEADING, NOW)
    after = open_schedule()
    first = NOW - NOW % QUARTER + QUARTER
    assert after.due("often", NOW + 600 * MINUTE) == first
    after.handle("often", first)
    assert after.due("often", NOW + 600 * MINUTE) == first + QUARTER


def test_a_game_with_a_lead_has_its_slots_time(open_schedule: Open) -> None:
    slot = NOW - NOW % QUARTER + QUARTER
    data = LEADING.game_data(slot, NOW, speed=1)
    assert data == {
        "game": f"Game-{iso_time(slot)}",
        "deliverySlot": iso_time(slot),
        "slotDurationMs": QUARTER,
        "clearingDurationMs": 120_000,
        "meteringWindowMs": QUARTER,
    }
    late = LEADING.game_data(slot, slot + 3 * QUARTER, speed=1)
    assert late["meteringWindowMs"] == 3 * QUARTER, "its meters have their time from now on"


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
        {"every": "1m", "timeZone": "Europe/Berlin"},
        {"every": "1m", "parameters": PublishGame(game="Game-1")},
        {"every": "1m", "parameters": PublishGame(deliverySlot="today")},
    ],
)
def test_an_entry_has_one_rhythm_and_leaves_names_to_the_slots(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"either every or cron|each game of a schedule|needs cron"):
        ScheduleEntry.model_validate({"id": "entry", **fields})


def test_an_entry_s_slots_do_not_overlap() -> None:
    """The ledger would refuse every second one, see SLOT_OVERLAPS."""
    entry = {"id": "street", "every": "15m", "lead": "1h"}
    assert ScheduleEntry.model_validate(entry | {"parameters": {"slotDurationMs": 900_000}}).lead == "1h"
    with pytest.raises(ValueError, match="900001 ms that are 900000 ms apart overlap"):
        ScheduleEntry.model_validate(entry | {"parameters": {"slotDurationMs": 900_001}})


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


# -- a time that was wrong

RHYTHMS = [EVERY_MINUTE, ScheduleEntry(id="often", cron="* * * * *")]
WRONG_BY = [400 * 24 * 60 * MINUTE, 60 * MINUTE]


@pytest.mark.parametrize("entry", RHYTHMS, ids=["every", "cron"])
@pytest.mark.parametrize("ahead", WRONG_BY, ids=["400 days", "an hour"])
@pytest.mark.parametrize("anew", [False, True], ids=["at work", "started again"])
def test_slots_that_a_wrong_time_dealt_with_do_not_freeze_the_schedule(
    open_schedule: Open, entry: ScheduleEntry, ahead: int, anew: bool
) -> None:
    schedule = open_schedule()
    schedule.add(entry, NOW)
    schedule.handle("often", NOW + ahead)
    schedule = open_schedule() if anew else schedule

    assert schedule.due("often", NOW + 30_000) is None, "it goes on from now"
    assert schedule.due("often", NOW + MINUTE) == NOW + MINUTE
    schedule.handle("often", NOW + MINUTE)
    assert open_schedule().due("often", NOW + 2 * MINUTE) == NOW + 2 * MINUTE


@pytest.mark.parametrize("entry", RHYTHMS, ids=["every", "cron"])
def test_an_entry_made_while_the_time_was_wrong_begins_now(open_schedule: Open, entry: ScheduleEntry) -> None:
    open_schedule().add(entry, NOW + WRONG_BY[0])
    schedule = open_schedule()

    assert schedule.due("often", NOW) is None
    assert schedule.due("often", NOW + MINUTE) == NOW + MINUTE


def test_what_another_clock_dealt_with_a_moment_ahead_of_us_stays_dealt_with(open_schedule: Open) -> None:
    schedule = open_schedule()
    schedule.add(EVERY_MINUTE, NOW)
    schedule.handle("often", NOW + MINUTE)

    assert schedule.due("often", NOW + MINUTE - 1000) is None
    assert schedule.due("often", NOW + MINUTE) is None


@given(
    handled=st.integers(-500 * MINUTE, 500 * MINUTE),
    steps=st.lists(st.integers(-100 * MINUTE, 100 * MINUTE), min_size=1, max_size=20),
)
@settings(deadline=None, max_examples=50)
def test_however_the_time_was_set_the_next_slot_comes_within_its_interval(handled: int, steps: list[int]) -> None:
    with closing(ScheduleStore(Path(":memory:"))) as store:
        schedule = Schedule(store, 1)
        schedule.add(EVERY_MINUTE, NOW)
        schedule.handle("often", NOW + handled)
        now = NOW
        for step in steps:
            now += step
            slot = schedule.due("often", now)
            if slot is not None:
                schedule.handle("often", slot)
        assert schedule.due("often", now + MINUTE + 5_000) is not None
