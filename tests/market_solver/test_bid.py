"""The best bid in the ledger's units."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from energy_market_chaincode import Energy, Price
from energy_market_chaincode import game as rules
from market_solver import best_bid

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

LedgerTurns = st.SearchStrategy[tuple[Energy, list[rules.Supply]]]


@patient
@given(data=st.data())
def test_the_bid_is_the_rule_books_to_the_last_unit_whatever_the_numbers(
    data: st.DataObject, ledger_turns: LedgerTurns
) -> None:
    demand, supplies = data.draw(ledger_turns)
    bid = best_bid(demand, supplies)
    assert sum(bid) == demand
    assert all(0 <= amount <= supply.room for amount, supply in zip(bid, supplies, strict=True))
    assert bid == rules.best_response(demand, supplies)


@patient
@given(data=st.data())
def test_with_the_grid_the_bid_is_the_rule_books_too(data: st.DataObject, ledger_turns: LedgerTurns) -> None:
    demand, supplies = data.draw(ledger_turns)
    dearest = max(s.marginal(s.room) for s in supplies) // rules.STEPS_PER_PRICE
    tariff = Price(data.draw(st.integers(-1, 2 * dearest)))
    assert best_bid(demand, supplies, tariff) == rules.best_response_with_grid(demand, supplies, tariff)


@st.composite
def small_turns(draw: st.DrawFn) -> tuple[Energy, list[rules.Supply]]:
    supplies = [
        rules.Supply(
            Energy(capacity := draw(st.integers(1, 30))),
            Price(draw(st.integers(10**16, 10**18))),
            Energy(draw(st.integers(0, capacity))),
            Price(draw(st.integers(0, 9)) * 2 * 10**16),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]
    return Energy(draw(st.integers(0, sum(supply.room for supply in supplies)))), supplies


def price_of_unit(supply: rules.Supply, number: int) -> float:
    return supply.marginal(number) / rules.STEPS_PER_PRICE / 1e18


@patient
@given(turn=small_turns())
def test_highs_finds_no_cheaper_bid_on_the_grid(turn: tuple[Energy, list[rules.Supply]]) -> None:
    demand, supplies = turn
    units = [price_of_unit(s, k) for s in supplies for k in range(s.room)]
    if not units:
        assert best_bid(demand, supplies) == [0] * len(supplies)
        return
    bid = best_bid(demand, supplies)
    cost = sum(price_of_unit(s, k) for s, amount in zip(supplies, bid, strict=True) for k in range(amount))
    found = linprog(units, A_eq=np.ones((1, len(units))), b_eq=[demand], bounds=(0, 1), method="highs")
    assert found.fun is not None
    assert cost <= found.fun + 1e-9


def test_units_that_cost_the_same_come_from_earlier_sellers() -> None:
    equal = rules.Supply(Energy(1000), Price(10**17), Energy(0), Price(0))
    assert best_bid(Energy(5), [equal, equal, equal]) == [2, 2, 1]
