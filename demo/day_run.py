"""A day's games: the market's time is simulated, all slots are published ahead, and come and go by themselves.

A slot's quarter-hour passes in a second or so of real time. Nothing is told when to bid: households register their day
with one command, the clock closes gates, meters report when their slot is over.

Days may also follow one another without end, on a market that runs elsewhere: then the games of a day are published at
noon of the day before, market time, as on a day-ahead market.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from demo.day_scenario import DayScenario, roster_of_days
from demo.result import DayRun
from demo.stage import GameFailed, Stage, enter, start_prosumers, timed
from energy_market_chaincode import GameExists, GameView, SlotTaken, Topic, iso, moment
from market_host import Processes, ProcessLog
from prosumer_client import FROM_NOW, Identity, MarketClient, MarketError, MarketEvent

LEAD = timedelta(seconds=10)
"""So long before the first slot, in real time, the market's time begins: meanwhile people register."""
LET_IN = timedelta(seconds=30)
"""So long before the first slot, in real time, they begin to come in where time is simulated already."""
REAL_SLOT = timedelta(seconds=1.25)
"""How long a slot is in real time, unless a factor is said."""
MAX_FACTOR = 3600
READS_AT_ONCE = 8
"""So many reads wait for their answers at the same time."""
DAYS_AT_ONCE = 30
"""So many days the households' profiles have; then their processes begin anew with the next ones."""
AHEAD = timedelta(hours=12)
"""So long before its first slot a day is published, market time."""

Tell = Callable[[MarketEvent, int], None]
"""Is called with what happened in a day's game, and how many of the day's are settled."""


def usual_factor(step: timedelta) -> int:
    """Return how many times as fast as the real one a market's time passes, so that a day takes some two minutes."""
    return max(1, min(MAX_FACTOR, step // REAL_SLOT))


async def at_its_date(market: MarketClient, day: DayScenario) -> DayScenario:
    """Return a day at a date that is yet to come, where the market's time is simulated already; else as it is."""
    known = (await market.market()).simulated_time
    return day if known is None else next_after(day, known.market_time(datetime.now(UTC) + LET_IN))


async def begin_time(market: MarketClient, day: DayScenario, factor: int | None = None) -> None:
    """Have the market's time begin shortly before a day, unless it is simulated already.

    Raises
    ------
    prosumer_client.MarketError
        ``SIMULATION_TOO_LATE``: the market has games by the real time already.
    """
    if (await market.market()).simulated_time is None:
        factor = usual_factor(day.slots.step) if factor is None else factor
        start = moment(day.slots.start) - LEAD * factor
        await market.submit(Topic.SIMULATE_TIME, {"start": iso(start), "factor": factor})


def next_after(day: DayScenario, soonest: datetime) -> DayScenario:
    """Return a day at its time of day, on the first date on which it begins no sooner than a moment."""
    missed = soonest - moment(day.slots.start)
    return day.later(max(0, -(-missed // timedelta(days=1))) * timedelta(days=1))


async def play_day(stage: Stage, day: DayScenario) -> DayRun:
    """Let a day's people in, play all its slots and read what came of it.

    Raises
    ------
    GameFailed, ForeignProsumer, ProcessFailed, prosumer_client.MarketError
    """
    market = stage.market
    day = await at_its_date(market, day)
    before = await stage.let_in(day)
    await begin_time(market, day, stage.plan.factor)

    def tell(event: MarketEvent, settled: int) -> None:
        stage.log.stands(f"{event.game}: {event.name}; {settled} of {day.slots.count} slots are settled")

    with timed(stage.timings, "day"):
        names = await play_slots(market, day, tell)
    begins, ends = moment(day.slots.start), day.slots.starts()[-1] + day.slots.step
    return DayRun(
        scenario=day,
        ledger=stage.plan.ledger,
        games=await _read(market, names),
        statements={name: await market.statement(name, begins, ends) for name in day.profiles},
        before=before,
        after=await stage.accounts(),
        timings=stage.timings,
    )


async def play_slots(market: MarketClient, day: DayScenario, tell: Tell) -> list[str]:
    """Publish a game for each slot and wait until all are settled; return their ids.

    Raises
    ------
    GameFailed
        If somebody resets the market meanwhile.
    prosumer_client.MarketError
    """
    published = await market.submit_all([(Topic.PUBLISH_GAME, game) for game in day.games()])
    names = [_id_of(outcome) for outcome in published]
    settled: set[str] = set()

    async def look() -> None:
        settled.update(game.game for game in await market.games() if game.is_over)
        settled.intersection_update(names)

    async with aclosing(market.events(FROM_NOW, on_now=look)) as events:
        async for event in events:
            if event.name == "MarketResetEvent":
                raise GameFailed("the market was reset while the day was played")
            if event.game in names and event.name == "MarketClosedEvent":
                settled.add(event.game)
            if event.game in names:
                tell(event, len(settled))
            if len(settled) == len(names):
                return names
    raise GameFailed("the stream of events ended before the day did")


def _id_of(published: Mapping[str, Any] | MarketError) -> str:
    if isinstance(published, MarketError):
        raise published
    return str(published["game"])


async def _read(market: MarketClient, names: Sequence[str]) -> list[GameView]:
    """Return all games, in the order of their names."""
    slots = asyncio.Semaphore(READS_AT_ONCE)

    async def read(name: str) -> GameView:
        async with slots:
            return await market.game(name)

    return await asyncio.gather(*map(read, names))


async def play_days(
    market: MarketClient,
    day: DayScenario,
    factor: int | None,
    identities: Mapping[str, Identity],
    home: Path,
    log: ProcessLog,
) -> None:
    """Let the households in, and play a day after the other until cancelled.

    Raises
    ------
    MarketError, ForeignProsumer, ProcessFailed
    """
    while True:
        first = await at_its_date(market, day)
        days = [first.later(number * first.period) for number in range(DAYS_AT_ONCE)]
        await enter(market, day, identities, home / "keys")
        await _fill_accounts(market, day)
        async with Processes(log.hear) as processes:
            await processes.while_alive(start_prosumers(processes, market, partial(roster_of_days, days), home))
            await begin_time(market, first, factor)
            await processes.while_alive(_play_in_turn(market, days, log))


async def _fill_accounts(market: MarketClient, day: DayScenario) -> None:
    """Give whoever has spent half of what it began with the rest again."""
    wanted = day.balances()
    for known in await market.prosumers():
        begun_with = wanted.get(known.prosumer, Decimal(0))
        if known.account_balance < begun_with / 2:
            missing = begun_with - known.account_balance
            await market.submit(Topic.TOP_UP_ACCOUNT, {"prosumer": known.prosumer, "amount": missing})


async def _play_in_turn(market: MarketClient, days: Sequence[DayScenario], log: ProcessLog) -> None:
    """Publish a day after the other, and tell what became of the one before the one that is on."""
    for number, day in enumerate(days):
        await _wait_until(market, moment(day.slots.start) - AHEAD)
        await _publish(market, day)
        if number >= 2:
            log.say(await _account_of(market, days[number - 2]))
    for day in days[-2:]:
        await _wait_until(market, moment(day.slots.start) + day.period + AHEAD)
        log.say(await _account_of(market, day))


async def _publish(market: MarketClient, day: DayScenario) -> None:
    """Publish a day's games; those that an earlier life of this process published are there already."""
    for outcome in await market.submit_all([(Topic.PUBLISH_GAME, game) for game in day.games()]):
        if isinstance(outcome, MarketError) and outcome.code not in (GameExists.code, SlotTaken.code):
            raise outcome


async def _account_of(market: MarketClient, day: DayScenario) -> str:
    """Return what became of a day by its households' statements, for its games may be archived by now."""
    starts = day.slots.starts()
    statements = [await market.statement(name, starts[0], starts[-1] + day.slots.step) for name in day.profiles]
    lines = [line for statement in statements for line in statement.lines if line.begins in starts]
    slots = {game["deliverySlot"] for game in day.games()}
    over = {game.game for game in await market.games() if game.delivery_slot in slots and game.is_over}
    settled = over | {line.game for line in lines}
    traded, from_grid = sum(line.bought for line in lines), sum(line.from_grid for line in lines)
    return (
        f"{starts[0]:%Y-%m-%d}: {len(settled)} of {len(slots)} slots are settled; "
        f"{traded} kWh were traded, {from_grid} kWh taken from the grid"
    )


async def _wait_until(market: MarketClient, market_time: datetime) -> None:
    time = await market.learn_time()
    await asyncio.sleep(time.until(market_time).total_seconds())
