"""Time without jumps: what NTP and sleep do is followed, what cannot be is not believed."""

import doctest
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import market_time
from market_time import SteadyTime, elapsed_s, is_synchronised

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
LONG_AGO_S = 40 * 86_400.0


@dataclass
class Machine:
    """A machine whose clocks a test moves."""

    wall: datetime = START
    elapsed: float = LONG_AGO_S
    synchronised: bool | None = True
    steady: SteadyTime = field(init=False)

    def __post_init__(self) -> None:
        self.steady = SteadyTime(lambda: self.wall, lambda: self.elapsed, lambda: self.synchronised)

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.elapsed += seconds


JUMPS = [timedelta(days=400), timedelta(hours=1), timedelta(seconds=30), timedelta(hours=-1), timedelta(days=-20_000)]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
@pytest.mark.parametrize("synchronised", [True, False, None])
def test_a_jump_is_not_believed_and_said(jump: timedelta, synchronised: bool | None) -> None:
    machine = Machine(synchronised=synchronised)
    machine.pass_by(60)
    machine.steady.now()
    machine.wall += jump
    machine.pass_by(10)
    assert machine.steady.now() == START + timedelta(seconds=70)
    assert machine.steady.trouble is not None
    assert "jumped" in machine.steady.trouble
    machine.wall -= jump
    assert machine.steady.now() == START + timedelta(seconds=70)
    assert machine.steady.trouble is None


def test_after_a_jump_that_stays_time_goes_on_at_its_pace() -> None:
    machine = Machine()
    machine.wall += timedelta(days=400)
    for minute in range(1, 100):
        machine.pass_by(60)
        assert machine.steady.now() == START + timedelta(minutes=minute)
    assert "ahead by 400 days" in str(machine.steady.trouble)


def test_a_process_begun_anew_takes_over_the_wall_clocks_time() -> None:
    machine = Machine()
    machine.wall += timedelta(hours=2)
    assert SteadyTime(lambda: machine.wall, lambda: machine.elapsed, lambda: True).now() == machine.wall


def test_sleep_is_no_jump() -> None:
    machine = Machine()
    machine.pass_by(9 * 3600)  # both clocks counted it, no code ran
    assert machine.steady.now() == START + timedelta(hours=9)
    machine.pass_by(60)
    machine.wall += timedelta(seconds=1.5)  # the real-time clock that counted the sleep is set right by NTP
    assert machine.steady.now() == machine.wall
    assert machine.steady.trouble is None


@pytest.mark.parametrize("correction", JUMPS, ids=str)
def test_a_first_correction_by_ntp_is_no_jump_and_the_next_is(correction: timedelta) -> None:
    machine = Machine(synchronised=False)
    machine.pass_by(30)
    machine.wall += correction
    machine.synchronised = True
    assert machine.steady.now() == machine.wall
    assert machine.steady.trouble is None
    machine.wall += correction
    assert machine.steady.now() == START + timedelta(seconds=30) + correction


@pytest.mark.parametrize("jump", JUMPS, ids=str)
@pytest.mark.parametrize("booted_s", [20.0, LONG_AGO_S])
def test_once_the_kernels_time_is_right_a_later_jump_is_no_first_correction(jump: timedelta, booted_s: float) -> None:
    machine = Machine(elapsed=booted_s, synchronised=False)
    machine.steady.now()
    machine.pass_by(10)
    machine.synchronised = True
    machine.wall += timedelta(seconds=0.3)  # what NTP corrected took no jump
    assert machine.steady.now() == machine.wall
    right = machine.wall
    machine.pass_by(60)
    machine.wall += jump
    assert machine.steady.now() == right + timedelta(seconds=60)
    assert machine.steady.trouble is not None


def test_a_machine_that_has_just_booted_may_be_corrected_once_where_its_kernel_says_nothing() -> None:
    machine = Machine(elapsed=20.0, synchronised=None)
    machine.wall += timedelta(minutes=7)
    assert machine.steady.now() == machine.wall
    machine.wall += timedelta(minutes=7)
    assert machine.steady.now() == START + timedelta(minutes=7)


WITHOUT_A_LOCK_S = 0.2
"""More than another thread takes that nobody keeps waiting; one that waits is not waited for any longer."""


def asked_meanwhile(steady: SteadyTime) -> None:
    """Let another thread ask for the time in the middle of what this one does."""
    other = Thread(target=steady.now)
    other.start()
    other.join(WITHOUT_A_LOCK_S)


def test_of_two_threads_that_ask_at_the_first_correction_both_are_told_the_corrected_time() -> None:
    machine = Machine(synchronised=False)
    is_interrupted = iter([False, True])  # not when it begins, but when the first thread asks

    def elapsed() -> float:
        if next(is_interrupted, False):
            asked_meanwhile(steady)
        return machine.elapsed

    steady = SteadyTime(lambda: machine.wall, elapsed, lambda: machine.synchronised)
    machine.pass_by(30)
    machine.wall += timedelta(days=3)
    machine.synchronised = True
    assert steady.now() == machine.wall
    assert steady.trouble is None


class WatchedJump(timedelta):
    """A jump that is over, as another thread finds, when somebody asks where it went."""

    over: Callable[[], None]

    def __gt__(self, other: timedelta) -> bool:
        self.over()
        return super().__gt__(other)


class WatchedTime(datetime):
    """A wall clock's time whose distance from another one is watched."""

    over: Callable[[], None]

    def __sub__(self, other: Any) -> Any:
        jump = WatchedJump(seconds=super().__sub__(other).total_seconds())
        jump.over = self.over
        return jump


def test_a_jump_that_is_over_while_one_thread_words_it_is_worded() -> None:
    machine = Machine()

    def over() -> None:
        machine.wall = START
        asked_meanwhile(machine.steady)

    wrong = START + timedelta(days=400)
    machine.wall = WatchedTime(wrong.year, wrong.month, wrong.day, wrong.hour, tzinfo=UTC)
    machine.wall.over = over
    assert "ahead by 400 days" in str(machine.steady.trouble)
    assert machine.steady.trouble is None


@given(st.lists(st.tuples(st.floats(0.001, 3600), st.floats(-0.0005, 0.0005)), max_size=50))
def test_slewing_is_followed(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    for seconds, slew in steps:
        machine.pass_by(seconds)
        machine.wall += timedelta(seconds=seconds * slew)
        assert machine.steady.now() == machine.wall
    assert machine.steady.trouble is None


def test_the_clocks_of_this_machine_can_be_read() -> None:
    assert 0 < elapsed_s() <= elapsed_s()
    assert is_synchronised() in (True, False, None)


def test_the_example_at_the_rooms_door_works() -> None:
    failed, attempted = doctest.testmod(market_time)
    assert (failed, attempted > 0) == (0, True)
