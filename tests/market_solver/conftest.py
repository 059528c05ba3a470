"""The original's game, random sellers and random games."""

import json
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from energy_market_chaincode import Energy, Price, Supply, price_from_currency_per_kwh
from energy_market_chaincode.units import energy_from_kwh
from market_solver import ExactGame, GameInKwh, Supplies

FEE_PER_HOP = 0.02
ORIGINAL_LOG = Path(__file__).parents[1] / "optimization_api" / "original_log.json"


@pytest.fixture(scope="session")
def original_game() -> ExactGame:
    """Return the original's game."""
    original_log: dict[str, Any] = json.loads(ORIGINAL_LOG.read_text())
    sellers, buyers, hops = original_log["sellers"], original_log["buyers"], original_log["hops"]
    fee = price_from_currency_per_kwh("0.02")
    return ExactGame(
        buyers=list(buyers),
        demands=[energy_from_kwh(buyer["demand"]) for buyer in buyers.values()],
        sellers=list(sellers),
        capacities=[energy_from_kwh(seller["capacity"]) for seller in sellers.values()],
        prices=[price_from_currency_per_kwh(seller["price"]) for seller in sellers.values()],
        fees=[[Price(hops[buyer][seller] * fee) for seller in sellers] for buyer in buyers],
    )


def _amounts(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False).map(lambda amount: round(amount, 4))


@st.composite
def _turn(draw: st.DrawFn) -> tuple[float, Supplies]:
    count = draw(st.integers(1, 12))

    def column(low: float, high: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array(draw(st.lists(_amounts(low, high), min_size=count, max_size=count)))

    capacity, price = column(1, 400), column(0.01, 1)
    hops = np.array(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)))
    supplies = Supplies(capacity, price, capacity * column(0, 1), FEE_PER_HOP * hops)
    return draw(st.floats(0.0, 1.0)) * float(supplies.room.sum()), supplies


@pytest.fixture(scope="session")
def turns() -> st.SearchStrategy[tuple[float, Supplies]]:
    """Return a strategy of turns: a demand in kWh that fits, and the sellers as the buyer sees them."""
    return _turn()


@st.composite
def _ledger_turn(draw: st.DrawFn) -> tuple[Energy, list[Supply]]:
    def supply() -> Supply:
        capacity = draw(st.integers(1, draw(st.sampled_from([9, 10**6, 10**13]))))
        price = draw(st.integers(1, draw(st.sampled_from([9, 10**18, 10**24]))))
        fee = draw(st.integers(0, draw(st.sampled_from([0, 10**18, 10**24]))))
        return Supply(Energy(capacity), Price(price), Energy(draw(st.integers(0, capacity))), Price(fee))

    supplies = [supply() for _ in range(draw(st.integers(1, 6)))]
    return Energy(draw(st.integers(0, sum(supply.room for supply in supplies)))), supplies


@pytest.fixture(scope="session")
def ledger_turns() -> st.SearchStrategy[tuple[Energy, list[Supply]]]:
    """Return a strategy of turns in the ledger's units, from one end of what the ledger takes to the other."""
    return _ledger_turn()


@st.composite
def _exact_game(draw: st.DrawFn) -> ExactGame:
    nr_buyers, nr_sellers = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    demands = draw(st.lists(st.integers(1, 500_000), min_size=nr_buyers, max_size=nr_buyers))
    capacities = draw(st.lists(st.integers(1, 900_000), min_size=nr_sellers, max_size=nr_sellers))
    missing = sum(demands) - sum(capacities)
    if missing > 0 or draw(st.booleans()):  # now and then all capacity is needed to the last unit
        capacities[-1] = max(1, capacities[-1] + missing)
    prices = draw(st.lists(st.integers(10**16, 10**18), min_size=nr_sellers, max_size=nr_sellers))
    hops = st.lists(st.integers(0, 9), min_size=nr_sellers, max_size=nr_sellers)
    return ExactGame(
        buyers=[f"P{i}" for i in range(nr_buyers)],
        demands=[Energy(demand) for demand in demands],
        sellers=[f"S{j}" for j in range(nr_sellers)],
        capacities=[Energy(capacity) for capacity in capacities],
        prices=[Price(price) for price in prices],
        fees=[[Price(hop * 2 * 10**16) for hop in draw(hops)] for _ in range(nr_buyers)],
    )


@pytest.fixture(scope="session")
def exact_games() -> st.SearchStrategy[ExactGame]:
    """Return a strategy of games whose demands fit, some of them just."""
    return _exact_game()


@pytest.fixture(scope="session")
def games() -> st.SearchStrategy[GameInKwh]:
    """Return the same games as floats."""
    return _exact_game().map(ExactGame.in_kwh)


def _magnitudes(low: int, high: int) -> st.SearchStrategy[int]:
    """Return whole numbers of any magnitude between these, none likelier than another."""
    digits = st.floats(log10(low), log10(high))
    return digits.map(lambda exponent: min(max(round(10**exponent), low), high))


@st.composite
def _extreme_game(draw: st.DrawFn) -> ExactGame:
    nr_buyers, nr_sellers = draw(st.integers(1, 6)), draw(st.integers(1, 6))

    def numbers(of: st.SearchStrategy[int], count: int) -> list[int]:
        return draw(st.lists(of, min_size=count, max_size=count))

    capacities = numbers(_magnitudes(1, 10**13), nr_sellers)
    demands = numbers(_magnitudes(1, 10**13), nr_buyers)
    whole = sum(capacities)
    if sum(demands) > whole:  # cut down to what is there, now and then to the last unit
        demands = [max(1, demand * whole // sum(demands)) for demand in demands]
        capacities[0] += max(0, sum(demands) - whole)
    fee = draw(st.sampled_from([0, 1, 2 * 10**16, 10**22]))
    return ExactGame(
        buyers=[f"P{i}" for i in range(nr_buyers)],
        demands=[Energy(demand) for demand in demands],
        sellers=[f"S{j}" for j in range(nr_sellers)],
        capacities=[Energy(capacity) for capacity in capacities],
        prices=[Price(price) for price in numbers(_magnitudes(1, 10**22), nr_sellers)],
        fees=[[Price(fee * hop) for hop in numbers(st.integers(0, 1000), nr_sellers)] for _ in range(nr_buyers)],
    )


@pytest.fixture(scope="session")
def extreme_games() -> st.SearchStrategy[ExactGame]:
    """Return a strategy of games of prices 1e-18 to 1e4 and of amounts 0.0001 to 1e9 kWh, whose demands fit."""
    return _extreme_game()
