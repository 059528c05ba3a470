"""The continuous best response, against two solvers that know nothing of water-filling."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, minimize

from market_solver import Supplies, fill
from market_solver.bid import FEW_SOURCES, fill_few
from market_solver.water_filling import Floats

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

Turns = st.SearchStrategy[tuple[float, Supplies]]

SEGMENTS = 400
"""Straight pieces that the piecewise linear model has for each seller."""


def slsqp(demand: float, supplies: Supplies) -> Floats | None:
    """Solve the buyer's problem with SLSQP at a fine tolerance; None if it says that it failed."""
    room = supplies.room
    found = minimize(
        supplies.cost,
        room * (demand / room.sum()),
        jac=supplies.marginal_cost,
        bounds=Bounds(np.zeros_like(room), room),
        constraints=LinearConstraint(np.ones_like(room), demand, demand),
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    amounts: Floats = found.x
    return amounts if found.success else None


def highs(demand: float, supplies: Supplies) -> float:
    """Return the least cost by HiGHS in a model whose costs are straight pieces between points of the true ones."""
    room = supplies.room
    edges = np.linspace(np.zeros_like(room), room, SEGMENTS + 1)
    costs = edges * (supplies.first_price + supplies.slope * edges)
    lengths = np.diff(edges, axis=0).ravel()
    wide = lengths > 0
    slopes = np.diff(costs, axis=0).ravel()[wide] / lengths[wide]
    bounds = [(0.0, length) for length in lengths[wide].tolist()]
    found = linprog(slopes, A_eq=np.ones((1, len(slopes))), b_eq=[demand], bounds=bounds, method="highs")
    assert found.fun is not None
    return found.fun


@patient
@given(data=st.data())
def test_no_bid_of_slsqp_at_a_fine_tolerance_is_cheaper(data: st.DataObject, turns: Turns) -> None:
    demand, supplies = data.draw(turns)
    assume(demand > 0.01)
    found = slsqp(demand, supplies)
    assume(found is not None)
    assert found is not None
    best = supplies.best_response(demand).amounts
    assert supplies.cost(best) <= supplies.cost(found) + 1e-9
    assert supplies.cost(best) == pytest.approx(supplies.cost(found), rel=1e-6)


@patient
@given(data=st.data())
def test_highs_finds_the_same_cost_but_for_its_straight_pieces(data: st.DataObject, turns: Turns) -> None:
    demand, supplies = data.draw(turns)
    assume(demand > 0.01)
    cost = supplies.cost(supplies.best_response(demand).amounts)
    # a chord over a piece of length l lies at most slope l^2 / 4 above the cost
    above = float((supplies.slope * (supplies.room / SEGMENTS) ** 2).sum()) / 4
    assert cost - 1e-7 <= highs(demand, supplies) <= cost + above + 1e-7


@patient
@given(data=st.data())
def test_the_amounts_meet_the_demand_within_the_rooms(data: st.DataObject, turns: Turns) -> None:
    demand, supplies = data.draw(turns)
    amounts, _ = supplies.best_response(demand)
    assert amounts.sum() == pytest.approx(demand, abs=1e-9)
    assert (amounts >= 0).all()
    assert (amounts <= supplies.room).all()


@patient
@given(data=st.data())
def test_at_the_marginal_price_no_seller_can_be_swapped_for_another(data: st.DataObject, turns: Turns) -> None:
    demand, supplies = data.draw(turns)
    assume(demand > 0.01)
    amounts, price = supplies.best_response(demand)
    marginal = supplies.marginal_cost(amounts)
    assert (marginal[amounts > 1e-9] <= price + 1e-7).all()
    assert (marginal[amounts < supplies.room - 1e-9] >= price - 1e-7).all()


def test_the_whole_room_can_be_asked_for() -> None:
    room = np.array([0.1, 0.2, 0.3])
    amounts, _ = fill(float(room.sum()) + 1e-16, np.array([1.0, 2.0, 3.0]), np.ones(3), room)
    assert amounts.tolist() == room.tolist()


def test_nothing_can_be_asked_for() -> None:
    amounts, level = fill(0.0, np.array([2.0, 1.0]), np.ones(2), np.ones(2))
    assert (amounts.tolist(), level) == ([0.0, 0.0], 1.0)


@patient
@given(data=st.data())
def test_plain_python_fills_as_numpy_does(data: st.DataObject, turns: Turns) -> None:
    demand, supplies = data.draw(turns)
    columns = (supplies.first_price, 2.0 * supplies.slope, supplies.room)
    amounts, level = fill(demand, *columns)
    few, few_level = fill_few(demand, *(column.tolist() for column in columns))
    assert few == pytest.approx(amounts.tolist(), abs=1e-8)
    if 0.01 < demand < supplies.room.sum() - 0.01:
        assert few_level == pytest.approx(level, abs=1e-6)


def test_where_plain_python_would_lose_the_demand_numpy_is_asked() -> None:
    start, rise, room = [1e-18, 1e4, 2e4], [1e-27, 1e-5, 1e-5], [1e5, 1e9, 1e9]
    amounts, _ = fill_few(2e5, start, rise, room)
    assert sum(amounts) == pytest.approx(2e5, rel=1e-12)
    assert amounts == fill(2e5, np.array(start), np.array(rise), np.array(room)).amounts.tolist()


def test_many_sources_are_filled_at_their_common_level() -> None:
    many = 2 * FEW_SOURCES
    amounts, level = fill_few(float(many), [1.0] * many, [2.0] * many, [9.0] * many)
    assert (amounts, level) == ([1.0] * many, 3.0)
