"""The best response against the original's way to find it: how much faster, and how much more exact."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import httpx
import numpy as np

from benchmarks.service_process import service
from benchmarks.table import Table
from energy_market_chaincode import Energy, Price, Supply, price_from_currency_per_kwh
from market_solver import ENERGIES_PER_KWH, Supplies, best_amounts, best_bid, original_bid
from prosumer_client import Bid, Optimizer, SellerView
from prosumer_client import Turn as BuyersTurn

SELLERS = (4, 10, 100)
TURNS = 20
SELLERS_IN_TURN = (4, 31)
QUESTIONS = 300
SEED = 2018
FEE_PER_HOP = price_from_currency_per_kwh("0.02")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turn:
    """A demand (0.1 Wh) and the sellers, as the ledger and as the solvers see them."""

    demand: Energy
    ledger: list[Supply]
    in_kwh: Supplies


def random_turns(sellers: int) -> list[Turn]:
    """Return turns with sellers of 10 to 100 kWh at 0.05 to 0.09, partly used, the grid at 0.14, and 1 to 9 hops."""
    random = np.random.default_rng(SEED + sellers)
    turns = []
    for _ in range(TURNS):
        capacity = random.integers(100_000, 1_000_000, sellers)
        capacity[0] = 3_500_000
        price = random.integers(5 * 10**16, 9 * 10**16, sellers)
        price[0] = 14 * 10**16
        load = (capacity * random.uniform(0, 1, sellers)).astype(np.int64)
        hops = random.integers(1, 10, sellers)
        columns = (column.tolist() for column in (capacity, price, load, hops))
        supplies = [
            Supply(Energy(c), Price(p), Energy(u), Price(h * FEE_PER_HOP)) for c, p, u, h in zip(*columns, strict=True)
        ]
        room = sum(supply.room for supply in supplies)
        demand = Energy(min(int(random.integers(100_000, 500_000)), room))
        turns.append(Turn(demand, supplies, Supplies.from_ledger(supplies)))
    return turns


def tables() -> Iterator[Table]:
    """Measure, and return the tables."""
    yield solvers()
    yield asyncio.run(questions())


def solvers() -> Table:
    """Compare ways to find a best response."""
    original_bid(1.0, random_turns(2)[0].in_kwh)  # SciPy is loaded at its first use
    return Table(
        "Best response of one buyer",
        (
            "sellers",
            "SLSQP as the original, us",
            "water-filling, us",
            "to 0.1 Wh, us",
            "water-filling, times faster",
            "to 0.1 Wh, times faster",
            "what SLSQP costs the buyer at worst",
        ),
        [row(sellers) for sellers in SELLERS],
        f"Medians over {TURNS} random turns, each solved every way before the next. SLSQP: SciPy's, at ftol 1e-3 from "
        "zero; here it is given the gradient, which the original left to differences.",
    )


def row(sellers: int) -> tuple[str, ...]:
    """Measure one line of the table."""
    measured = [measure(turn) for turn in random_turns(sellers)]
    original, exact, rounded = (statistics.median(column) for column in list(zip(*measured, strict=True))[:3])
    return (
        str(sellers),
        *(f"{seconds * 1e6:,.0f}" for seconds in (original, exact, rounded)),
        *(f"{original / seconds:,.0f}" for seconds in (exact, rounded)),
        f"+{max(excess for *_, excess in measured):.2%}",
    )


def measure(turn: Turn) -> tuple[float, float, float, float]:
    """Return how many seconds each way takes for one turn, and by what share the original's bid is dearer."""
    demand, in_kwh = turn.demand / ENERGIES_PER_KWH, turn.in_kwh
    original, found = timed(lambda: original_bid(demand, in_kwh))
    exact, _ = timed(lambda: best_amounts(turn.demand, turn.ledger))
    best = in_kwh.best_response(demand)
    rounded, _ = timed(lambda: best_bid(turn.demand, turn.ledger))
    assert found is not None, "SLSQP failed"
    return original, exact, rounded, in_kwh.cost(found) / in_kwh.cost(best.amounts) - 1


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Call three times; return the least seconds and the result."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - began)
    return best, result


async def questions() -> Table:
    """Compare a question as the prosumers' library asks it with an empty answer of the same service."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        async with (
            service("optimization_api", Path(folder)) as url,
            Optimizer(url) as optimizer,
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            rows = [await question_row(optimizer, client, sellers) for sellers in SELLERS_IN_TURN]
    return Table(
        "A question to the optimizer",
        ("sellers", "empty answer, ms", "best response, ms", "times an empty answer"),
        rows,
        f"Medians of {QUESTIONS}, one after the other in turn. Empty: GET /health by httpx. Best response: POST "
        "/best-response by the prosumers' library, from a turn to a bid. The demo has 4 sellers, or 31 of 100.",
    )


async def question_row(optimizer: Optimizer, client: httpx.AsyncClient, sellers: int) -> tuple[str, ...]:
    """Measure one line of the table."""
    turn = buyers_turn(sellers)
    empty, asked = [], []
    for _ in range(QUESTIONS):
        began = time.perf_counter()
        await client.get("/health")
        between = time.perf_counter()
        await optimizer.best_response(turn)
        empty.append(between - began)
        asked.append(time.perf_counter() - between)
    least, most = statistics.median(empty), statistics.median(asked)
    return str(sellers), f"{least * 1e3:.2f}", f"{most * 1e3:.2f}", f"{most / least:.2f}"


def buyers_turn(sellers: int) -> BuyersTurn:
    """Return a turn as a buyer hears of it, with a standing bid."""
    fee = Decimal("0.02")
    views = tuple(
        SellerView(
            seller=f"S{number:03}",
            capacity=Decimal(36 + number),
            price=Decimal("0.08376051515357819"),
            others_load=Decimal("10.9482"),
            hops=1 + number % 4,
            fee=fee * (1 + number % 4),
        )
        for number in range(sellers)
    )
    standing = Bid({"S000": Decimal("20.5"), "S001": Decimal("7.5")})
    retail_tariff, tolerance = Decimal("0.2869"), Decimal("0.001")
    return BuyersTurn("game", "P", 2, datetime.now(UTC), Decimal(28), retail_tariff, tolerance, fee, views, standing)
