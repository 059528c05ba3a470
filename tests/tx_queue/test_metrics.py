"""What the queue counts: how fast it drains, for those who have to come again."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tx_queue.health import LONGEST_RETRY_S, DrainRate


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_without_a_decision_there_is_no_telling_when_to_come_again() -> None:
    assert DrainRate(Clock()).seconds_for(1) == LONGEST_RETRY_S


def test_as_many_as_were_refused_are_decided_when_their_sender_comes_again() -> None:
    clock = Clock()
    rate = DrainRate(clock)
    for _ in range(100):
        clock.now_s += 0.1
        rate.note(20)  # 200 a second
    assert rate.seconds_for(1) == 1
    assert rate.seconds_for(200) == 1
    assert rate.seconds_for(1000) == 5
    assert rate.seconds_for(10**6) == LONGEST_RETRY_S
    clock.now_s += 60
    assert rate.seconds_for(1) == LONGEST_RETRY_S, "what was long ago says nothing of now"


@given(steps=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 1000)), max_size=30), commands=st.integers(0, 10**6))
def test_a_pause_is_always_whole_seconds_up_to_a_minute(steps: list[tuple[float, int]], commands: int) -> None:
    clock = Clock()
    rate = DrainRate(clock)
    for seconds, decided in steps:
        clock.now_s += seconds
        rate.note(decided)
    assert 1 <= rate.seconds_for(commands) <= LONGEST_RETRY_S


@given(steps=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 1000)), min_size=1, max_size=30))
def test_what_was_decided_in_the_last_ten_seconds_counts_and_nothing_else(steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    rate = DrainRate(clock)
    decided: list[tuple[float, int]] = []
    for seconds, commands in steps:
        clock.now_s += seconds
        rate.note(commands)
        decided.append((clock.now_s, commands))
    clock.now_s += 5
    lately = sum(commands for at_s, commands in decided if at_s >= clock.now_s - 10)
    passed_s = min(clock.now_s - Clock.now_s, 10)
    assert rate.seconds_for(3 * lately) == math.ceil(3 * lately * passed_s / lately)
