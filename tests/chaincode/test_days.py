"""Random days conserve money to the unit after every command, leave nothing frozen and no debt that cover should hold.

The market is audited after every transaction (see ``Market.audit``), and every close for debts (see ``Day``).
"""

from collections.abc import Callable
from random import Random

import pytest

from tests.chaincode.conftest import Market
from tests.chaincode.day import Day


async def live(new_market: Callable[[], Market], seed: int) -> Day:
    day = Day(new_market(), Random(seed))  # noqa: S311 - a day to look at, no secret
    await day.live()
    return day


@pytest.mark.parametrize("seed", range(6))
async def test_a_day_conserves_money_and_leaves_no_debt_beyond_what_cover_allows(
    new_market: Callable[[], Market], seed: int
) -> None:
    await live(new_market, seed)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(6, 606, 100))
async def test_600_days_conserve_money_and_leave_no_debt_beyond_what_cover_allows(
    new_market: Callable[[], Market], first: int
) -> None:
    refused: set[str] = set()
    for seed in range(first, first + 100):
        refused |= set((await live(new_market, seed)).refused)
    assert refused == {"INSUFFICIENT_FUNDS", "DEBT_UNPAID"}, "the poor were tried, too"
