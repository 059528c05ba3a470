"""A market in memory that the clock talks to without HTTP: the real contract on the embedded ledger."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import Rejection, Topic, block_views, market_views, moment, read_exact_json, views
from ledger import Block, Cursor, open_memory_ledger
from ledger.embedded import EmbeddedLedger
from market_clock.conductor import Conductor
from market_clock.ledger_time import LedgerTime
from optimization_api.answers import answer_clearing
from optimization_api.questions import ClearingQuestion
from prosumer_client.client import MarketClient
from prosumer_client.errors import CommandRejected, MarketUnavailable, RequestRefused
from prosumer_client.events import MarketEvent
from prosumer_client.identity import Identity
from prosumer_client.optimizer import Optimizer

PATIENCE_S = 60
"""Only so that a test that waits in vain ends."""
NEVER_MS = 3_600_000


def identity(name: str, key: str | None = None) -> Identity:
    """Return an identity whose key is made of a word, by default the name."""
    return Identity(name, Ed25519PrivateKey.from_private_bytes((key or name).encode().ljust(32, b"\0")))


def _summary(block: Block) -> block_views.BlockSummary:
    return block_views.BlockSummary(
        number=block.number,
        hash=block.hash,
        previous_hash=block.previous_hash,
        at=moment(block.transactions[-1].at_ms),
        nr_transactions=len(block.transactions),
    )


class LedgerMarket(MarketClient):
    """A client that is its own queue: every call goes straight to a ledger in this process."""

    def __init__(self, ledger: EmbeddedLedger, speaker: str, key: str | None = None) -> None:
        super().__init__("http://nowhere.invalid", identity(speaker, key))
        self.ledger = ledger
        self.submitted: list[tuple[str, str]] = []
        self.outage: asyncio.Event | None = None
        """While set and waiting, nothing gets through."""

    async def submit(
        self, topic: str, data: Mapping[str, Any], *, command_id: str | None = None, has_end: bool = True
    ) -> dict[str, Any]:
        await self._get_through()
        command = self.identity.command(topic, data, command_id)
        self.submitted.append((str(topic), command.id))
        (result,) = (await self.ledger.submit([command.body.decode()])).results
        if result["status"] == "rejected":
            raise CommandRejected(result["code"], result["message"], command.id)
        answer: dict[str, Any] = result["result"]
        return answer

    async def market(self) -> market_views.MarketView:
        return market_views.MarketView.model_validate(await self._ask("market"))

    async def games(self) -> list[views.GameSummary]:
        return views.Games.model_validate(await self._ask("games")).games

    async def game(self, game: str, *, brief: bool = False) -> views.GameView:
        return views.GameView.model_validate(await self._ask("game", game))

    async def topology(self) -> market_views.TopologyView:
        return market_views.TopologyView.model_validate(await self._ask("topology"))

    async def transfers(self, game: str) -> list[views.TransferView]:
        return views.Transfers.model_validate(await self._ask("transfers", game)).transfers

    async def blocks(self, first: int | None = None, limit: int = 100) -> block_views.Blocks:
        height = await self.ledger.height()
        start = max(0, height - limit) if first is None else first
        found = [await self.ledger.block(number) for number in range(start, min(start + limit, height))]
        return block_views.Blocks(height=height, blocks=[_summary(block) for block in found])

    async def events(
        self,
        after: str | None = None,
        *,
        game: str | None = None,
        prosumers: Sequence[str] = (),
        on_now: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncGenerator[MarketEvent, None]:
        await self._get_through()
        end = await self.ledger.end() if after == "now" else None
        if on_now is not None:
            await on_now()
        async for event in self.ledger.events(end):
            data = {**event.data, "cursor": str(event.cursor)}
            at = datetime.fromtimestamp(event.at_ms / 1000, UTC)
            yield MarketEvent(str(event.cursor), at, event.name, event.data["game"], data)

    async def _ask(self, function: str, *args: str) -> dict[str, Any]:
        await self._get_through()
        try:
            answer: dict[str, Any] = read_exact_json(await self.ledger.query(function, *args))
        except Rejection as rejection:
            raise RequestRefused(404, rejection.code, rejection.message) from None
        return answer

    async def _get_through(self) -> None:
        if self.outage is not None and not self.outage.is_set():
            async with asyncio.timeout(PATIENCE_S):
                await self.outage.wait()
            raise MarketUnavailable("the queue was out of reach")


class SolverHere(Optimizer):
    """The optimizer's own answer, without HTTP."""

    def __init__(self) -> None:
        super().__init__("http://nowhere.invalid")
        self.is_away = False

    async def clearing(self, question: Mapping[str, object]) -> dict[str, Decimal]:
        if self.is_away:
            raise RequestRefused(503, "TOO_BUSY", "Too many hard games.")
        asked = ClearingQuestion.model_validate(question)
        asked.check()
        return answer_clearing(asked, lambda: None).seller_prices


@dataclass
class Neighbourhood:
    """One seller, two buyers, an operator, and how they speak."""

    ledger: EmbeddedLedger
    solver: SolverHere = field(default_factory=SolverHere)
    clocks: list[asyncio.Task[None]] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    """What the clocks' commands came to: topic and outcome."""
    outcomes: defaultdict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(0))
    )
    simulated: market_views.SimulatedTimeView | None = None
    """What the clocks know of the market's time."""
    cursor: Cursor | None = None
    """Of the last event that was waited for."""

    async def say(self, speaker: str, topic: Topic, **data: Any) -> dict[str, Any]:
        return await LedgerMarket(self.ledger, speaker).submit(topic, data)

    async def publish(self, **parameters: Any) -> str:
        patient = {"registrationDurationMs": NEVER_MS, "turnDeadlineMs": NEVER_MS, "deliveryDurationMs": NEVER_MS}
        result = await self.say("operator", Topic.PUBLISH_GAME, **patient | parameters)
        return str(result["game"])

    async def register(self, game: str, *buyers: str) -> None:
        await self.say("S1", Topic.PUBLISH_OFFER, game=game, amount="50", price="0.1")
        for buyer in buyers:
            await self.say(buyer, Topic.PUBLISH_DEMAND, game=game, amount="10")

    async def bid(self, game: str, buyer: str) -> None:
        await self.say(buyer, Topic.PUBLISH_BUY_BID, game=game, bidAmounts={"S1": "10"})

    async def skip_round(self, game: str, *buyers: str) -> None:
        for buyer in buyers:
            await self.say(buyer, Topic.PUBLISH_BUY_BID, game=game, keepPlaying=False)

    async def phase(self, game: str) -> str:
        return str((await self.game(game)).phase)

    async def game(self, game: str) -> views.GameView:
        return await self.client().game(game)

    def client(self, speaker: str = "operator", key: str | None = None) -> LedgerMarket:
        return LedgerMarket(self.ledger, speaker, key)

    async def until(self, event: str, game: str | None, **data: Any) -> dict[str, Any]:
        """Wait for an event with this data after the last one that was waited for, and return it."""
        async with asyncio.timeout(PATIENCE_S):
            async for each in self.ledger.events(self.cursor):
                if (each.name, each.data["game"]) == (event, game) and data.items() <= each.data.items():
                    self.cursor = each.cursor
                    return each.data
        raise AssertionError("the events ended")

    async def next_game(self) -> dict[str, Any]:
        """Wait for the next GameInitEvent and return it."""
        async with asyncio.timeout(PATIENCE_S):
            async for each in self.ledger.events(self.cursor):
                self.cursor = each.cursor
                if each.name == "GameInitEvent":
                    return each.data
        raise AssertionError("the events ended")

    async def told(self, outcome: str, times: int = 1) -> None:
        """Wait until so many commands of clocks came to this."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(times):
                await self.outcomes[outcome].acquire()

    def hear(self, topic: Topic, outcome: str) -> None:
        self.heard.append((topic.value, outcome))
        self.outcomes[outcome].release()

    def start_clock(self, market: LedgerMarket | None = None, skew: timedelta = timedelta()) -> asyncio.Task[None]:
        """Start a clock whose time differs by ``skew`` from the ledger's."""
        time = LedgerTime(lambda: datetime.now(UTC) + skew)
        time.simulated = self.simulated
        conductor = Conductor(time, self.hear, self.solver)
        clock = asyncio.create_task(conductor.run(market or self.client()))
        self.clocks.append(clock)
        return clock

    async def stop_clocks(self) -> None:
        """Stop all clocks; raises what any of them failed by."""
        for clock in self.clocks:
            clock.cancel()
        for ended in await asyncio.gather(*self.clocks, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise AssertionError("a clock failed") from ended
        self.clocks.clear()


@pytest.fixture
async def neighbourhood() -> AsyncIterator[Neighbourhood]:
    ledger = await open_memory_ledger("operator", identity("operator").public_key)
    place = Neighbourhood(ledger)
    for name in ("S1", "B1", "B2"):
        await place.say("operator", Topic.REGISTER_PROSUMER, id=name, publicKey=identity(name).public_key)
        await place.say("operator", Topic.TOP_UP_ACCOUNT, prosumer=name, amount="1000")
    key = identity("operator-2").public_key
    await place.say("operator", Topic.REGISTER_PROSUMER, id="operator-2", publicKey=key, role="operator")
    await place.say("operator", Topic.SET_TOPOLOGY, hops={"B1": {"S1": 1}, "B2": {"S1": 2}})
    yield place
    await place.stop_clocks()
    await ledger.close()


@pytest.fixture
async def bare_market() -> AsyncIterator[LedgerMarket]:
    """Return a market of nobody but an operator."""
    ledger = await open_memory_ledger("operator", identity("operator").public_key)
    yield LedgerMarket(ledger, "operator")
    await ledger.close()
