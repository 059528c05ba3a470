"""The documented strategy, in real games over the real queue."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from energy_market_chaincode import GameView
from prosumer_client import (
    Bid,
    Buyer,
    MarketClient,
    MarketEvent,
    Meter,
    Optimizer,
    Patience,
    Seller,
    Turn,
    run_together,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from prosumer_client import Identity

    Background = Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-strategy.md"

SELLERS = {"S4": ("350", "0.14"), "S1": ("36", "0.08376"), "S3": ("49", "0.06659"), "S2": ("29", "0.07843")}
BUYERS = {"P003": "28", "P007": "15", "P005": "13"}
HOPS = {
    "P003": {"S4": 4, "S1": 1, "S3": 3, "S2": 2},
    "P007": {"S4": 1, "S1": 2, "S3": 2, "S2": 4},
    "P005": {"S4": 1, "S1": 3, "S3": 2, "S2": 3},
}


def documented_strategy() -> tuple[str, type[Buyer]]:
    """The first Python block of the document, and the buyer it defines."""
    block = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - running it is the test
    return block, names["CheapestFirst"]


class Service:
    """A service's process, which can be killed and comes back under the same address."""

    def __init__(self, module: str, *flags: str) -> None:
        self._module = module
        self._flags = flags
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[bytes] | None = None
        self.url = ""

    async def start(self, port: str = "0") -> None:
        command = (sys.executable, "-m", self._module, "--port", port, *self._flags)
        self._process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            told = json.loads(line)
            if told["event"] == "listening":
                self.url = told["url"]
                break
        self._reading = asyncio.create_task(self._process.stderr.read())

    async def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        assert self._reading is not None
        await self._reading

    async def restart(self) -> None:
        await self.kill()
        await self.start(self.url.rsplit(":", 1)[1])


@pytest.fixture
async def queue(tmp_path: Path, identity: Callable[[str], Identity]) -> AsyncIterator[Service]:
    operator = identity("operator")
    own = ("--operator", operator.prosumer, "--operator-public-key", operator.public_key)
    queue = Service("tx_queue", "--home", str(tmp_path), *own)
    await queue.start()
    yield queue
    await queue.kill()


@pytest.fixture
async def optimizer() -> AsyncIterator[Optimizer]:
    service = Service("optimization_api")
    await service.start()
    async with Optimizer(service.url) as optimizer:
        yield optimizer
    await service.kill()


@pytest.fixture
async def market(queue: Service, identity: Callable[[str], Identity], patient: Patience) -> AsyncIterator[MarketClient]:
    """The operator's client in a market with everybody registered."""
    async with MarketClient(queue.url, identity("operator"), patience=patient) as market:
        commands: list[tuple[str, dict[str, Any]]] = [("setTopology", {"hops": HOPS})]
        for name in (*SELLERS, *BUYERS):
            commands += [
                ("registerProsumer", {"id": name, "publicKey": identity(name).public_key}),
                ("topUpAccount", {"prosumer": name, "amount": "1000"}),
            ]
        assert all(isinstance(outcome, dict) for outcome in await market.submit_all(commands))
        yield market


NewBuyer = Callable[[MarketClient, str], Buyer]


def company(market: MarketClient, identity: Callable[[str], Identity], new_buyer: NewBuyer) -> list[Any]:
    """Everybody and their meters."""
    speakers = {name: market.speaking_as(identity(name)) for name in (*SELLERS, *BUYERS)}
    sellers = [Seller(speakers[name], capacity, price) for name, (capacity, price) in SELLERS.items()]
    buyers = [new_buyer(speakers[name], demand) for name, demand in BUYERS.items()]
    return [*sellers, *buyers, *(Meter(speaker) for speaker in speakers.values())]


async def publish_and_begin(market: MarketClient, game: str) -> None:
    """Publish a game and stop its registration once all are in, as the clock does."""
    expected = len(SELLERS) + len(BUYERS)
    data = {"game": game, "deliverySlot": game, "expectedParticipants": expected, "turnDeadlineMs": 60_000}
    await market.submit("publishGame", data)
    view = await market.game(game)
    while view.nr_sellers + view.nr_buyers < expected:
        view = await market.game(game)
    await market.submit("stopGameRegistration", {"game": game})


async def event_of(market: MarketClient, name: str, game: str) -> dict[str, Any]:
    async with asyncio.timeout(60), aclosing(market.events(game=game)) as events:
        async for event in events:
            if event.name == name:
                return event.data
    raise AssertionError(f"the events ended without {name}")


async def deliver_and_close(market: MarketClient, game: str) -> GameView:
    """Close a game as soon as the meters have reported everything; return it as it stands then."""
    while not all(transfer.is_fulfilled for transfer in await market.transfers(game)):
        pass
    await market.submit("closeMarket", {"game": game})
    return await market.game(game)


def test_the_documented_strategy_has_at_most_ten_lines() -> None:
    block, _ = documented_strategy()
    assert len(block.splitlines()) <= 10


async def test_the_documented_strategy_plays_game_after_game(
    market: MarketClient, identity: Callable[[str], Identity], background: Background
) -> None:
    _, strategy = documented_strategy()
    background(run_together(market, company(market, identity, strategy)))
    for game in ("G1", "G2"):
        await publish_and_begin(market, game)
        assert (await event_of(market, "GameStopEvent", game))["totalNrRounds"] == 2
        bids = {bid.buyer: sum((bid.amounts or {}).values()) for bid in await market.bids(game)}
        assert bids == {name: Decimal(demand) for name, demand in BUYERS.items()}
        settlement = (await deliver_and_close(market, game)).settlement
        assert settlement is not None
        assert settlement.energy_delivered == 56
    state = await market.market()
    assert (state.money, state.frozen_funds) == (Decimal(7000), Decimal(0))


async def test_who_plays_hears_its_own_turns_and_none_of_the_others(
    market: MarketClient, identity: Callable[[str], Identity], background: Background
) -> None:
    """One message for each process and turn is what a turn would cost otherwise."""
    _, strategy = documented_strategy()
    members = company(market, identity, strategy)
    background(run_together(market, members))
    await publish_and_begin(market, "G1")
    await event_of(market, "GameStopEvent", "G1")
    everything = await heard_until_the_stop(market, [])
    turns = [event for event in everything if event.name == "BuyBidEvent"]
    assert len(turns) == 2 * len(BUYERS)
    for buyer in BUYERS:
        own = [event for event in turns if event.data["buyerInTurn"] == buyer]
        assert len(own) == 2
        assert len(await heard_until_the_stop(market, [buyer])) == len(everything) - len(turns) + len(own)


async def heard_until_the_stop(market: MarketClient, prosumers: list[str]) -> list[MarketEvent]:
    heard: list[MarketEvent] = []
    async with asyncio.timeout(60), aclosing(market.events(prosumers=prosumers)) as events:
        async for event in events:
            heard.append(event)
            if event.name == "GameStopEvent":
                break
    return heard


async def test_a_queue_killed_in_mid_game_costs_no_turn(
    market: MarketClient, queue: Service, identity: Callable[[str], Identity], background: Background
) -> None:
    kills = 0

    class Saboteur(Buyer):
        async def bid(self, turn: Turn) -> Bid | None:
            nonlocal kills
            if turn.round == 2:
                await queue.restart()
                kills += 1
            return await super().bid(turn)

    background(run_together(market, company(market, identity, Saboteur)))
    await publish_and_begin(market, "G1")
    assert (await event_of(market, "GameStopEvent", "G1"))["reason"] == "equilibrium"
    settlement = (await deliver_and_close(market, "G1")).settlement
    assert settlement is not None
    assert settlement.energy_delivered == 56
    assert kills == len(BUYERS)


async def test_the_real_optimizer_s_best_responses_end_in_an_equilibrium(
    market: MarketClient, optimizer: Optimizer, identity: Callable[[str], Identity], background: Background
) -> None:
    with capture_logs() as logs:
        background(
            run_together(market, company(market, identity, lambda speaker, demand: Buyer(speaker, demand, optimizer)))
        )
        await publish_and_begin(market, "G1")
        assert (await event_of(market, "GameStopEvent", "G1"))["reason"] == "equilibrium"
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == []
