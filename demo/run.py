"""The demo: services and prosumers as processes of their own, one game to the end, and what came of it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from demo.community import Refusals, enter, make_keys, start_prosumers
from demo.result import Accounts, Run, accounts_of
from demo.scenario import Scenario
from energy_market_chaincode import StopReason
from market_host import Processes, ProcessLog, Services, start_services
from prosumer_client import ClockClient, Identity, MarketClient, MarketEvent


class GameFailed(Exception):
    """The game did not come to its end."""

    code: ClassVar[str] = "GAME_FAILED"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played, and where.

    Attributes
    ----------
    ledger
        ``embedded`` or ``fabric``.
    home
        Where keys, queue and embedded ledger are kept.
    environment
        Further settings for the services.
    """

    scenario: Scenario
    ledger: str
    home: Path
    operator: str = "operator"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        """The folder of everybody's keys."""
        return self.home / "keys"


class Stopwatch:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 3)


async def play(processes: Processes, plan: Plan, log: ProcessLog) -> Run:
    """Start everything, play the scenario's game and read what came of it. The processes go on.

    Raises
    ------
    GameFailed, ProcessFailed, ForeignProsumer, prosumer_client.MarketError
    """
    watch = Stopwatch()
    with watch.step("total"):
        identities = make_keys(plan.keys, [plan.operator, *plan.scenario.histories()])
        operator = identities.pop(plan.operator)
        with watch.step("services"):
            services = await start_services(processes, plan.home, _settings(plan, operator))
        log.say(f"queue {services.queue_url}, optimizer {services.optimizer_url}, clock {services.clock_url}")
        log.say(f"watch it at {services.page_url}")
        async with MarketClient(services.queue_url, operator) as market:
            return await processes.while_alive(_play(processes, plan, log, services, market, identities, watch))


def _settings(plan: Plan, operator: Identity) -> dict[str, str]:
    return {
        **plan.environment,
        "ENERGY_MARKET_LEDGER": plan.ledger,
        "ENERGY_MARKET_LEDGER_ID": "",  # what is set around us is not the demo's ledger
        "ENERGY_MARKET_OPERATOR": operator.prosumer,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator.public_key,
    }


async def _play(
    processes: Processes,
    plan: Plan,
    log: ProcessLog,
    services: Services,
    market: MarketClient,
    identities: Mapping[str, Identity],
    watch: Stopwatch,
) -> Run:
    scenario = plan.scenario
    with watch.step("entering"):
        await enter(market, scenario, identities, plan.keys)
        before = await _accounts(market)
    log.say(f"{len(identities)} prosumers are on the ledger; starting their processes")
    settings = {
        **services.environment,
        "ENERGY_MARKET_HOME": str(plan.home),
        "ENERGY_MARKET_LEDGER_ID": await market.ledger_id(),
        "ENERGY_MARKET_LOG_FORMAT": "json",
    }
    with watch.step("prosumers"):
        await start_prosumers(processes, scenario, plan.home / "prosumers", settings)
    processes.listen(Refusals(scenario, processes.give_up).hear)
    with watch.step("game"):
        async with ClockClient(services.clock_url, market.identity, await market.ledger_id()) as clock:
            game = await clock.publish(scenario.game_parameters())
        watch.seconds |= await _follow(market, game, log)
    return Run(
        scenario=scenario,
        ledger=plan.ledger,
        game=await market.game(game),
        bids=await market.bids(game),
        transfers=await market.transfers(game),
        before=before,
        after=await _accounts(market),
        timings=watch.seconds,
    )


async def _accounts(market: MarketClient) -> Accounts:
    return accounts_of(await market.prosumers(), await market.market())


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
    at: list[datetime] = []
    seconds: dict[str, float] = {}
    async with aclosing(market.events(game=game)) as events:
        async for event in events:
            turns += event.name == "BuyBidEvent"
            _tell(event, turns, log)
            part = _PARTS.get(event.name)
            if at and part is not None and part not in seconds:
                seconds[part] = round((event.at - at[-1]).total_seconds(), 3)
            if not at or part is not None:
                at.append(event.at)
            if event.name == "MarketClosedEvent":
                return {"slot": round((event.at - at[0]).total_seconds(), 3), **seconds}
    raise GameFailed(f"the stream of events ended before {game} was closed")


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
