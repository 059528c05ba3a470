"""What a committed command and a turn cost on the embedded ledger, against an empty answer of the same service."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from statistics import median, quantiles

import httpx

from benchmarks.profiled import top_costs
from benchmarks.service_process import operator_in, service
from benchmarks.table import Table
from benchmarks.turn import EndlessGame
from energy_market_chaincode import Topic
from prosumer_client import Identity, MarketClient

ROUNDS = 200
GAMES = ((4, 7), (30, 70))
"""(sellers, buyers)"""
TOP_COSTS = 15


def tables() -> Iterator[Table]:
    """Measure and yield the tables."""
    yield asyncio.run(_times())
    yield asyncio.run(_costs())


async def _times() -> Table:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        home = Path(folder)
        operator = operator_in(home)
        async with (
            service("tx_queue", home) as queue,
            MarketClient(queue, operator) as market,
            httpx.AsyncClient(base_url=queue, trust_env=False) as http,
        ):
            empty: list[float] = []
            command: list[float] = []
            for _ in range(ROUNDS):
                empty.append(await _seconds(lambda: http.get("/health")))
                command.append(await _seconds(lambda: _top_up(market)))
            rows = [_row("committed command", command, empty)]
            for sellers, buyers in GAMES:
                turns, answers = await _turns(market, http, EndlessGame(market, f"G{buyers}", sellers, buyers))
                rows.append(_row(f"turn, {sellers + buyers} prosumers", turns, answers))
    return Table(
        "Commands and turns on the embedded ledger",
        ["what", "median (quartiles), ms", "empty answer, ms", "ratio"],
        rows,
        f"{ROUNDS} each, each after an empty answer (GET /health). A command is signed, posted, durable on the ledger "
        "and its result read. A turn is the time from posting a bid until the next buyer's BuyBidEvent arrives, while "
        "everybody has a stream of its own; it is the part of a turn that the buyer's strategy has no say in.",
    )


async def _turns(market: MarketClient, http: httpx.AsyncClient, game: EndlessGame) -> tuple[list[float], list[float]]:
    """Return the seconds of turns and of empty answers between them, while every participant listens."""
    await game.open()
    answers: list[float] = []

    async def answer() -> None:
        answers.append(await _seconds(lambda: http.get("/health")))

    async with AsyncExitStack() as stack:
        for name in game.sellers + game.buyers:
            listening = asyncio.create_task(_listen(market, name))
            stack.callback(listening.cancel)
        return [seconds async for seconds in game.turns(ROUNDS, answer)], answers


async def _listen(market: MarketClient, prosumer: str) -> None:
    speaker = market.speaking_as(Identity(prosumer, market.identity.key))
    async with aclosing(speaker.events("now", prosumers=[prosumer])) as events:
        async for _ in events:
            pass


async def _costs() -> Table:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        home = Path(folder)
        profile = home / "profile"
        settings = {"BENCHMARK_MODULE": "tx_queue", "BENCHMARK_PROFILE": str(profile)}
        async with (
            service("benchmarks.profiled", home, settings) as queue,
            MarketClient(queue, operator_in(home)) as market,
        ):
            for _ in range(ROUNDS):
                await _top_up(market)
        rows = [[name, f"{share:.0%}"] for name, share in top_costs(profile, TOP_COSTS)]
    note = f"Of the queue's process, all threads, while {ROUNDS} commands came one by one; waiting does not count."
    return Table("Where a committed command's time goes", ["function", "share of the time"], rows, note)


async def _top_up(market: MarketClient) -> None:
    await market.submit(Topic.TOP_UP_ACCOUNT, {"prosumer": "grid-operator", "amount": "0.01"})


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _row(what: str, measured: list[float], empty: list[float]) -> list[str]:
    low, _, high = (1000 * seconds for seconds in quantiles(measured, n=4))
    middle, answer = 1000 * median(measured), 1000 * median(empty)
    return [what, f"{middle:.1f} ({low:.1f} - {high:.1f})", f"{answer:.1f}", f"{middle / answer:.1f}"]
