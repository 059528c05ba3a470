"""The demo: services and prosumers as processes of their own, a scenario to the end, and what came of it."""

import time
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from demo.day_run import play_day
from demo.day_scenario import DayScenario
from demo.result import DayRun, Run
from demo.scenario import Scenario
from demo.stage import GameFailed, Plan, Stage, opened, timed
from energy_market_chaincode import StopReason, Topic
from market_host import Processes, ProcessLog
from prosumer_client import ClockClient, MarketClient, MarketEvent


async def play(processes: Processes, plan: Plan, log: ProcessLog) -> Run | DayRun:
    """Start everything, play the scenario and read what came of it. The processes go on.

    Raises
    ------
    GameFailed, ProcessFailed, ForeignProsumer, prosumer_client.MarketError
    """
    began = time.monotonic()
    async with opened(processes, plan, log) as stage:
        run = await processes.while_alive(_play(stage))
    stage.timings["total"] = round(time.monotonic() - began, 3)
    return run


async def _play(stage: Stage) -> Run | DayRun:
    match stage.plan.scenario:
        case DayScenario() as day:
            return await play_day(stage, day)
        case Scenario() as scenario:
            return await _play_game(stage, scenario)
        case other:
            raise TypeError(f"{type(other).__name__} is no scenario that the demo can play")


async def _play_game(stage: Stage, scenario: Scenario) -> Run:
    market, timings = stage.market, stage.timings
    before = await stage.let_in(scenario)
    with timed(timings, "game"):
        async with ClockClient(stage.services.clock_url, market.identity, await market.ledger_id()) as clock:
            game = await clock.publish(scenario.game_parameters())
        timings |= await _follow(market, game, stage.log)
    return Run(
        scenario=scenario,
        ledger=stage.plan.ledger,
        game=await market.game(game, brief=True),
        bids=await market.bids(game, brief=scenario.is_large),
        transfers=await market.transfers(game),
        before=before,
        after=await stage.accounts(),
        timings=timings,
    )


_PARTS = {
    "ClearingOpenEvent": "slot_registration",
    "BuyBidEvent": "slot_registration",
    "GameStopEvent": "slot_clearing",
    "MarketClosedEvent": "slot_settlement",
}
"""Which part of a slot an event ends, if it is the first of its kind."""


async def _follow(market: MarketClient, game: str, log: ProcessLog) -> dict[str, float]:
    """Tell where the game stands until it is closed; return the seconds of the slot and its parts, by the ledger."""
    turns = 0
    published: datetime | None = None
    ends: dict[str, datetime] = {}
    async with aclosing(market.events(game=game)) as events:
        async for event in events:
            turns += event.name == "BuyBidEvent"
            _tell(event, turns, log)
            published = published or event.at
            if event.name == "MarketClosedEvent":
                ends["slot_delivery"] = await _last_read_at(market, int(event.cursor.partition(".")[0]))
            if (part := _PARTS.get(event.name)) is not None:
                ends.setdefault(part, event.at)
            if event.name == "MarketClosedEvent":
                return {"slot": _seconds(published, event.at), **_durations(published, ends)}
    raise GameFailed(f"the stream of events ended before {game} was closed")


async def _last_read_at(market: MarketClient, block: int) -> datetime:
    """Return when the last block was made before those that settle a slot, of which the last one is given."""
    while True:
        shown = await market.block(block)
        topics = {command["topic"] for transaction in shown.transactions for command in transaction.commands}
        if Topic.CLOSE_MARKET not in topics:
            return shown.transactions[-1].at
        block -= 1


def _durations(began: datetime, ends: Mapping[str, datetime]) -> dict[str, float]:
    """Return how long each part took that follows on the one before it."""
    starts = [began, *ends.values()][: len(ends)]
    return {part: _seconds(start, end) for (part, end), start in zip(ends.items(), starts, strict=True)}


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)


def _tell(event: MarketEvent, turns: int, log: ProcessLog) -> None:
    data: dict[str, Any] = event.data
    match event.name:
        case "GameInitEvent":
            log.stands(f"{event.game}: registration")
        case "BuyBidEvent":
            log.stands(f"{event.game}: round {data['round']}, turn of {data['buyerInTurn']}, {turns} turns")
        case "ClearingOpenEvent":
            log.stands(f"{event.game}: waits for a clearing")
        case "GameStopEvent" if data["reason"] == StopReason.NO_TRADE:
            raise GameFailed(f"{event.game} had no trade: no buyers or no sellers registered")
        case "GameStopEvent":
            log.stands(f"{event.game}: delivery")
            log.say(f"{event.game} stopped after {data['totalNrRounds']} rounds: {data['reason']}", "CLOCK")
        case "AccountTopUpRequired":
            log.say(f"{data['prosumer']} lacks {data['shortfall']}", level="warning")
        case _:
            pass
