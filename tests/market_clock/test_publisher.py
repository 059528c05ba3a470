"""Games of the schedule on a real ledger: each slot gets one game, however many clocks there are and whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode import PublishGame, Topic, milliseconds
from market_clock.ledger_time import LedgerTime
from market_clock.publisher import NotStarted, Publisher
from market_clock.schedule import Schedule, ScheduleEntry
from market_clock.schedule_store import ScheduleStore
from prosumer_client.errors import AnotherLedger, CommandRejected, RequestRefused, UnexpectedAnswer

OFTEN = ScheduleEntry(id="often", every="2s", parameters=PublishGame(feePerHop="0.03"))
DAILY = ScheduleEntry(id="daily", cron="0 3 * * *")
SPEED = 20
DAY_MS = 86_400_000

Publishers = Callable[..., Any]


def now_ms() -> int:
    return milliseconds(datetime.now(UTC))


@pytest.fixture
async def publishers(neighbourhood: Any, tmp_path: Path) -> Publishers:
    """Return a context manager: a publisher at work on a schedule that outlives it.

    ``entries`` are entered as if that had been done at ``since_ms``.
    """

    @asynccontextmanager
    async def publisher(
        *entries: ScheduleEntry, since_ms: int = 0, home: str = "home", market: Any = None, speed: int = SPEED
    ) -> AsyncIterator[Publisher]:
        folder = tmp_path / home
        folder.mkdir(exist_ok=True)
        with closing(ScheduleStore(folder / "clock.sqlite")) as store:
            schedule = Schedule(store, speed)
            for entry in entries:
                schedule.add(entry, since_ms)
            made = Publisher(schedule, LedgerTime(lambda: datetime.now(UTC)), neighbourhood.hear)
            working = asyncio.create_task(made.run(market or neighbourhood.client()))
            try:
                yield made
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working

    return publisher


def latest_three_o_clock() -> str:
    now = datetime.now(UTC)
    three = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return f"{three if three <= now else three - timedelta(days=1):%Y-%m-%dT%H:%M:%S}.000Z"


def slot_of(event: Any) -> datetime:
    return datetime.fromisoformat(event["game"].removeprefix("Game-"))


async def games(neighbourhood: Any) -> list[str]:
    return [game.game for game in await neighbourhood.client().games()]


async def test_every_slot_gets_a_game_with_the_entrys_parameters(neighbourhood: Any, publishers: Publishers) -> None:
    async with publishers() as publisher:
        publisher.add(OFTEN)
        first = await neighbourhood.next_game()
        second = await neighbourhood.next_game()

    assert first["game"] != second["game"]
    assert slot_of(first) < slot_of(second)
    assert str(first["feePerHop"]) == "0.03"
    assert first["registrationDurationMs"] == 60_000 // SPEED


async def test_slots_missed_during_a_stop_get_one_late_game(neighbourhood: Any, publishers: Publishers) -> None:
    async with publishers(DAILY, since_ms=now_ms() - 10 * DAY_MS, speed=1):
        late = await neighbourhood.next_game()
    async with publishers(speed=1) as publisher:
        game = await publisher.publish_now("check", PublishGame())

    assert late["game"] == f"Game-{latest_three_o_clock()}"
    assert await games(neighbourhood) == [late["game"], game]


async def test_a_clock_that_dies_before_it_notes_what_it_published_does_no_harm(
    neighbourhood: Any, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as death:
        death.setattr(Schedule, "handle", die)
        with pytest.raises(ExceptionGroup):
            async with publishers(DAILY, since_ms=now_ms() - DAY_MS, speed=1):
                await neighbourhood.told("committed")
    async with publishers(speed=1):
        await neighbourhood.told("committed")

    assert len(await games(neighbourhood)) == 1


async def test_a_slot_that_came_on_another_ledger_stays_due(
    neighbourhood: Any, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise AnotherLedger("http://queue", "ours", is_pinned=False)

    begun_anew = neighbourhood.client()
    monkeypatch.setattr(begun_anew, "submit", refuse)
    async with publishers(DAILY, since_ms=now_ms() - DAY_MS, speed=1, market=begun_anew):
        await neighbourhood.told("LEDGER_DIFFERS")
    async with publishers(speed=1):
        late = await neighbourhood.next_game()

    assert late["game"] == f"Game-{latest_three_o_clock()}"


async def test_two_clocks_with_the_same_entry_publish_one_game_for_a_slot(
    neighbourhood: Any, publishers: Publishers
) -> None:
    async with publishers(OFTEN, home="one"), publishers(OFTEN, home="other"):
        for _ in range(3):
            await neighbourhood.next_game()
        await neighbourhood.told("committed", times=6)

    assert {outcome for _, outcome in neighbourhood.heard} == {"committed"}


async def test_two_entries_with_one_slot_share_its_game(neighbourhood: Any, publishers: Publishers) -> None:
    async with publishers() as publisher:
        publisher.add(OFTEN)
        publisher.add(ScheduleEntry(id="rarely", every="2s"))
        await neighbourhood.told("GAME_EXISTS")

    assert neighbourhood.heard.count(("publishGame", "committed")) >= 1


async def test_a_paused_schedule_publishes_nothing_until_it_is_resumed(
    neighbourhood: Any, publishers: Publishers
) -> None:
    async with publishers(OFTEN, DAILY) as publisher:
        publisher.schedule.pause()
    async with publishers() as publisher:
        at_once = await publisher.publish_now("at-once", PublishGame())
        assert await games(neighbourhood) == [at_once]

        publisher.schedule.resume(now_ms())
        assert (await neighbourhood.next_game())["game"] == at_once
        await neighbourhood.next_game()


async def test_after_an_outage_the_latest_slot_gets_its_game(neighbourhood: Any, publishers: Publishers) -> None:
    market = neighbourhood.client()
    market.outage = asyncio.Event()
    async with publishers(OFTEN, market=market):
        market.outage.set()
        await neighbourhood.next_game()


async def test_a_refusal_is_shown_and_a_later_slot_replaces_an_earlier_one(
    neighbourhood: Any, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.publisher.TRY_AGAIN_S", 0.0)
    async with publishers(market=neighbourhood.client("B1")) as publisher:
        publisher.add(OFTEN)
        await neighbourhood.told("OPERATORS_ONLY")
        first = publisher.last(OFTEN.id)
        while publisher.last(OFTEN.id).slot_ms == first.slot_ms:
            await neighbourhood.told("OPERATORS_ONLY")

        assert publisher.last(OFTEN.id).error.code == "OPERATORS_ONLY"


async def test_a_slot_that_came_while_our_key_was_replaced_is_published_with_the_new_one(
    neighbourhood: Any, publishers: Publishers
) -> None:
    stale, fresh = neighbourhood.client("operator-2"), neighbourhood.client("operator-2", key="new")
    new_key = {"id": "operator-2", "publicKey": fresh.identity.public_key, "replaceKey": True}
    await neighbourhood.say("operator", Topic.REGISTER_PROSUMER, **new_key)
    async with publishers(DAILY, since_ms=now_ms() - DAY_MS, speed=1, market=stale):
        await neighbourhood.told("BAD_SIGNATURE")
    async with publishers(speed=1, market=fresh):
        late = await neighbourhood.next_game()

    assert late["game"] == f"Game-{latest_three_o_clock()}"
    assert stale.submitted == fresh.submitted, "it is the same command, signed anew"


async def test_a_slot_that_something_on_the_way_refuses_stays_due(
    neighbourhood: Any, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.publisher.TRY_AGAIN_S", 0.0)
    market = neighbourhood.client()
    really = market.submit
    refusals = iter([RequestRefused(502, "HTTP_502", "a proxy"), UnexpectedAnswer("http://queue", "is a printer")])

    async def submit(*args: Any, **options: Any) -> Any:
        for refusal in refusals:
            raise refusal
        return await really(*args, **options)

    monkeypatch.setattr(market, "submit", submit)
    async with publishers(DAILY, since_ms=now_ms() - DAY_MS, speed=1, market=market):
        late = await neighbourhood.next_game()

    assert late["game"] == f"Game-{latest_three_o_clock()}"


async def test_the_slots_of_a_market_that_is_not_set_up_are_not_made_up_for(
    publishers: Publishers, neighbourhood: Any, bare_market: Any
) -> None:
    async with publishers(DAILY, since_ms=now_ms() - DAY_MS, speed=1, market=bare_market):
        await neighbourhood.told("TOPOLOGY_MISSING")
    async with publishers(speed=1) as publisher:
        assert publisher.schedule.due(DAILY.id, now_ms()) is None


async def test_a_removed_entry_publishes_no_more(neighbourhood: Any, publishers: Publishers) -> None:
    async with publishers() as publisher:
        publisher.add(OFTEN)
        publisher.remove(OFTEN.id)
        publisher.add(ScheduleEntry(id="other", every="2s"))
        published = [await neighbourhood.next_game() for _ in range(3)]

    assert all(str(game["feePerHop"]) == "0.02" for game in published)


async def test_a_game_at_once_is_one_game_however_often_it_is_asked_for(
    neighbourhood: Any, publishers: Publishers
) -> None:
    async with publishers() as publisher:
        first = await publisher.publish_now("mine", PublishGame(roundLimit=7))
        again = await publisher.publish_now("mine", PublishGame(roundLimit=7))

    assert first == again
    assert await games(neighbourhood) == [first]
    with pytest.raises(CommandRejected, match="COMMAND_ID_REUSED"):
        async with publishers() as publisher:
            await publisher.publish_now("mine", PublishGame(roundLimit=8))


async def test_a_game_at_once_waits_for_a_clock_that_is_starting_but_not_for_ever(
    neighbourhood: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_clock.publisher.START_WAIT_S", 0.0)
    store = ScheduleStore(tmp_path / "clock.sqlite")
    publisher = Publisher(Schedule(store, 1), LedgerTime(lambda: datetime.now(UTC)), neighbourhood.hear)

    with pytest.raises(NotStarted):
        await publisher.publish_now("mine", PublishGame())
    store.close()


# -- a time that was wrong


class WrongTime:
    """A machine's time that a test sets."""

    def __init__(self) -> None:
        self.off = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.mark.parametrize("off", [timedelta(days=400), timedelta(hours=1)], ids=str)
async def test_games_go_on_after_the_time_was_wrong_for_one_slot(
    neighbourhood: Any, tmp_path: Path, off: timedelta
) -> None:
    time = WrongTime()
    time.off = off
    with closing(ScheduleStore(tmp_path / "clock.sqlite")) as store:
        schedule = Schedule(store, SPEED)
        publisher = Publisher(schedule, LedgerTime(time.now), neighbourhood.hear)
        working = asyncio.create_task(publisher.run(neighbourhood.client()))
        publisher.add(OFTEN)
        wrong = await neighbourhood.next_game()
        assert slot_of(wrong) > datetime.now(UTC) + off / 2
        time.off = timedelta()

        async with asyncio.timeout(60):
            while True:
                right = await neighbourhood.next_game()
                if abs(slot_of(right) - datetime.now(UTC)) < timedelta(minutes=1):
                    break
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
