"""What a scenario is played on: its plan, the services, the people with their processes, and the clock on the wall."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from demo.community import enter, make_keys, start_prosumers
from demo.result import Accounts, accounts_of
from demo.scenario import Playable
from market_host import Processes, ProcessLog, Services, start_services
from prosumer_client import Identity, MarketClient


class GameFailed(Exception):
    """The game, or the day of games, did not come to its end."""

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
    factor
        How many times as fast as the real one the time of a day passes; None: so that it takes some two minutes.
    """

    scenario: Playable
    ledger: str
    home: Path
    operator: str = "operator"
    environment: Mapping[str, str] = field(default_factory=dict)
    factor: int | None = None

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


@dataclass(frozen=True, slots=True)
class Stage:
    """A market that is open, and what a scenario's people need to come in."""

    plan: Plan
    processes: Processes
    services: Services
    market: MarketClient
    identities: Mapping[str, Identity]
    log: ProcessLog
    watch: Stopwatch

    async def let_in(self, scenario: Playable) -> Accounts:
        """Bring a scenario's people onto the ledger, and start their processes; return what is on the accounts then.

        Raises
        ------
        ForeignProsumer, ProcessFailed, prosumer_client.MarketError
        """
        plan = self.plan
        with self.watch.step("entering"):
            await enter(self.market, scenario, self.identities, plan.keys)
            before = await self.accounts()
        self.log.say(f"{len(self.identities)} prosumers are on the ledger; starting their processes")
        with self.watch.step("prosumers"):
            where = self.services.environment
            await start_prosumers(self.processes, self.market, scenario.roster, plan.home, where)
        return before

    async def accounts(self) -> Accounts:
        """Read all accounts."""
        return accounts_of(await self.market.prosumers(), await self.market.market())


@asynccontextmanager
async def opened(processes: Processes, plan: Plan, log: ProcessLog) -> AsyncIterator[Stage]:
    """Start the services; they go on after the end."""
    watch = Stopwatch()
    identities = make_keys(plan.keys, [plan.operator, *plan.scenario.histories()])
    operator = identities.pop(plan.operator)
    with watch.step("services"):
        services = await start_services(processes, plan.home, _settings(plan, operator))
    log.say(f"queue {services.queue_url}, optimizer {services.optimizer_url}, clock {services.clock_url}")
    log.say(f"watch it at {services.page_url}")
    async with MarketClient(services.queue_url, operator) as market:
        yield Stage(plan, processes, services, market, identities, log, watch)


def _settings(plan: Plan, operator: Identity) -> dict[str, str]:
    return {
        **plan.environment,
        "ENERGY_MARKET_LEDGER": plan.ledger,
        "ENERGY_MARKET_LEDGER_ID": "",  # what is set around us is not the demo's ledger
        "ENERGY_MARKET_OPERATOR": operator.prosumer,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator.public_key,
    }
