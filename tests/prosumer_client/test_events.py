"""The event stream: complete, in order and without repeats, whatever breaks."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prosumer_client import FROM_NOW, MarketClient, MarketUnavailable, Patience, RequestRefused, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prosumer_client import MarketEvent
    from tests.prosumer_client.conftest import FakeMarket, Operator

GAMES = [f"G{number}" for number in range(8)]


@pytest.fixture
async def published(operator: Operator) -> Operator:
    """A market in which a number of games were published."""
    for game in GAMES:
        await operator.publish(game)
    return operator


async def take(events: AsyncIterator[MarketEvent], number: int) -> list[MarketEvent]:
    taken: list[MarketEvent] = []
    async with asyncio.timeout(30):
        while len(taken) < number:
            taken.append(await anext(events))
    return taken


async def test_without_a_cursor_it_begins_with_the_first_event(published: Operator) -> None:
    async with aclosing(published.market.events()) as events:
        taken = await take(events, len(GAMES))
    assert [event.game for event in taken] == GAMES
    assert {event.name for event in taken} == {"GameInitEvent"}


async def test_after_a_cursor_it_goes_on_with_the_next_event(published: Operator) -> None:
    async with aclosing(published.market.events()) as events:
        third = (await take(events, 3))[2]
    async with aclosing(published.market.events(third.cursor)) as events:
        assert [event.game for event in await take(events, 2)] == GAMES[3:5]


async def test_one_game_s_events_can_be_had_alone(published: Operator) -> None:
    async with aclosing(published.market.events(game="G4")) as events:
        assert [event.game for event in await take(events, 1)] == ["G4"]


async def test_events_come_as_they_happen(operator: Operator) -> None:
    async with aclosing(operator.market.events()) as events:
        for game in GAMES:
            await operator.publish(game)
            assert [event.game for event in await take(events, 1)] == [game]


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 2000), max_size=6), repeats=st.booleans(), keep_alives=st.booleans())
async def test_breaks_anywhere_neither_lose_nor_repeat_an_event(
    published: Operator, cuts: list[int], repeats: bool, keep_alives: bool
) -> None:
    fake = published.fake
    fake.cuts, fake.repeats_events, fake.keep_alives = list(cuts), repeats, keep_alives
    async with aclosing(published.market.events()) as events:
        taken = await take(events, len(GAMES))
    assert [event.game for event in taken] == GAMES
    fake.cuts.clear()


async def test_refusals_that_pass_and_lost_connections_do_not_end_it(published: Operator) -> None:
    published.fake.refuse("GET", "/events", 503, "LEDGER_UNAVAILABLE", Retry_After="0")
    published.fake.drop("GET", "/events")
    published.fake.refuse("GET", "/events", 429, "QUEUE_FULL")
    async with aclosing(published.market.events()) as events:
        first = await take(events, 3)
        await published.fake.restart()
        assert [event.game for event in first + await take(events, 5)] == GAMES


async def test_a_cursor_beyond_the_ledger_ends_it(published: Operator) -> None:
    async with aclosing(published.market.events("9999.0.0")) as events:
        with pytest.raises(RequestRefused) as caught:
            await take(events, 1)
    assert caught.value.code == "INVALID_CURSOR"


async def test_patience_ends_with_a_service_that_is_gone(published: Operator, impatient: Patience) -> None:
    async with MarketClient(published.fake.url, patience=impatient) as market, aclosing(market.events()) as events:
        await take(events, 2)
        await published.fake.stop()
        with pytest.raises(MarketUnavailable):
            await take(events, len(GAMES))
    await published.fake.start()


async def test_patience_ends_with_streams_that_break_before_anything_comes(
    published: Operator, impatient: Patience
) -> None:
    published.fake.cuts = [0] * 1000
    async with MarketClient(published.fake.url, patience=impatient) as market, aclosing(market.events()) as events:
        with pytest.raises(MarketUnavailable, match="the event stream ended"):
            await take(events, 1)
    published.fake.cuts = []


async def test_what_streams_no_events_is_told_apart(operator: Operator) -> None:
    operator.fake.answer("GET", "/events", b"{}")
    async with aclosing(operator.market.events()) as events:
        with pytest.raises(UnexpectedAnswer, match="no event stream"):
            await take(events, 1)


async def test_from_now_on_it_leaves_out_what_was_and_tells_when_to_look_at_the_ledger(published: Operator) -> None:
    seen: list[str] = []

    async def look() -> None:
        seen.extend(game.game for game in await published.market.games())
        await published.publish("meanwhile")

    async with aclosing(published.market.events(FROM_NOW, on_now=look)) as events:
        assert [event.game for event in await take(events, 1)] == ["meanwhile"]
    assert seen == GAMES


async def test_a_stream_that_breaks_before_it_has_a_cursor_asks_to_look_at_the_ledger_again(
    published: Operator,
) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        await published.publish(f"look-{looks}")

    published.fake.cuts = [10, 0]
    async with aclosing(published.market.events(FROM_NOW, on_now=look)) as events:
        assert [event.game for event in await take(events, 1)] == ["look-3"]
        await published.fake.restart()
        await published.publish("later")
        assert [event.game for event in await take(events, 1)] == ["later"]
    assert looks == 3


async def test_a_server_may_state_the_cursor_before_anything_happens(fake: FakeMarket, operator: Operator) -> None:
    await operator.publish("G1")
    end = await fake.ledger.end()
    fake.stream(f"id: {end}\n\n".encode())
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            await operator.publish("G2")

    async with aclosing(operator.market.events(FROM_NOW, on_now=look)) as events:
        assert [event.game for event in await take(events, 1)] == ["G2"]
    assert looks == 1


@pytest.mark.parametrize("data", ["nonsense", "[]", "{}", '{"cursor": "x", "at": "2026-11-23T20:08:00.000Z"}'])
async def test_a_message_that_is_no_event_is_told_apart(operator: Operator, data: str) -> None:
    operator.fake.stream(f"id: 1.0.0\ndata: {data}\n\n".encode())
    async with aclosing(operator.market.events()) as events:
        with pytest.raises(UnexpectedAnswer, match="no event"):
            await take(events, 1)
