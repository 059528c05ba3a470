"""Attempts: spaced, bounded, and as late as the service asks."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prosumer_client import MarketUnavailable, Patience
from prosumer_client.connection import Interruption, retry_after_s


class Clock:
    """Time that only passes in sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def exhaust(patience: Patience, asked: float) -> None:
    async def attempt() -> None:
        raise Interruption("the queue is full", asked)

    await patience.persist("http://market", attempt)


@settings(deadline=None)
@given(total=st.floats(0.1, 120), first=st.floats(0.05, 2), longest=st.floats(0.5, 10), asked=st.floats(0, 5))
def test_attempts_end_in_time_and_keep_their_distance(total: float, first: float, longest: float, asked: float) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Clock(monkeypatch)
        with pytest.raises(MarketUnavailable, match="the queue is full"):
            asyncio.run(exhaust(Patience(total, first, longest), asked))
    assert sum(clock.slept) <= total + max(longest, first) + 1e-6
    assert all(min(first, longest) <= pause <= longest or asked <= pause <= asked + first for pause in clock.slept)


async def test_what_a_service_asks_for_beyond_our_patience_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with pytest.raises(MarketUnavailable):
        await exhaust(Patience(total_s=10), 60.0)
    assert clock.slept == []


async def test_nothing_is_written_to_standard_output_while_we_are_patient(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MarketUnavailable):
        await exhaust(Patience(total_s=0.05, first_delay_s=0.01, longest_delay_s=0.01), 0.0)
    assert capfd.readouterr().out == ""


def test_retry_after_is_read_in_both_of_its_forms() -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert retry_after_s("7") == 7.0
    assert 3590 < retry_after_s(in_an_hour) <= 3600
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@pytest.mark.parametrize("header", [None, "soon", "-3", ""])
def test_a_retry_after_that_nobody_can_read_asks_for_nothing(header: str | None) -> None:
    assert retry_after_s(header) == 0.0
