"""Days of a scenario, one after the other without end, on a market that runs elsewhere.

The games of a day are published at noon of the day before, market time, as on a day-ahead market.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from demo.community import enter, start_prosumers
from demo.day_run import at_its_date, begin_time
from demo.day_scenario import DayScenario, roster_of_days
from energy_market_chaincode import GameExists, SlotTaken, Topic, moment
from market_host import Processes, ProcessLog
from prosumer_client import Identity, MarketClient, MarketError

AT_ONCE = 30
"""So many days the households' profiles have; then their processes begin anew with the next ones."""
AHEAD = timedelta(hours=12)
"""So long before its first slot a day is published, market time."""


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
        days = [first.later(number * first.period) for number in range(AT_ONCE)]
        await enter(market, day, identities, home / "keys")
        await _fill_accounts(market, day)
        settings = {
            "ENERGY_MARKET_HOME": str(home),
            "ENERGY_MARKET_LEDGER_ID": await market.ledger_id(),
            "ENERGY_MARKET_LOG_FORMAT": "json",
        }
        async with Processes(log.hear) as processes:
            folder = home / "prosumers"
            start = start_prosumers(processes, roster_of_days(days, folder), folder, settings)
            await processes.while_alive(start)
            await begin_time(market, first, factor)
            await processes.while_alive(_play(market, days, log))


async def _fill_accounts(market: MarketClient, day: DayScenario) -> None:
    """Give whoever has spent half of what it began with the rest again."""
    wanted = day.balances()
    for known in await market.prosumers():
        begun_with = wanted.get(known.prosumer, Decimal(0))
        if known.account_balance < begun_with / 2:
            missing = begun_with - known.account_balance
            await market.submit(Topic.TOP_UP_ACCOUNT, {"prosumer": known.prosumer, "amount": missing})


async def _play(market: MarketClient, days: Sequence[DayScenario], log: ProcessLog) -> None:
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
