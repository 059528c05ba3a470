"""Rounding a whole allocation to 0.1 Wh."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_solver import ENERGIES_PER_KWH, ExactGame, GameInKwh, nearness, rounded
from market_solver.equilibrium import variational_equilibrium
from market_solver.rounding import Energies, UnitCosts
from market_solver.water_filling import Floats

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

ExactGames = st.SearchStrategy[ExactGame]


def costs_of(game: ExactGame) -> UnitCosts:
    return game.in_kwh().selfish().costs


def solution(game: ExactGame) -> Floats:
    *_, found = variational_equilibrium(game.in_kwh())
    return found.amounts


def require_fit(energies: Energies, game: ExactGame) -> None:
    assert energies.sum(axis=1).tolist() == list(game.demands)
    assert (energies.sum(axis=0) <= np.array(game.capacities)).all()
    assert (energies >= 0).all()


@patient
@given(data=st.data())
def test_demands_are_met_exactly_within_the_capacities_and_each_amount_moves_by_a_few_units(
    data: st.DataObject, exact_games: ExactGames
) -> None:
    game = data.draw(exact_games)
    amounts = solution(game)
    for costs in (costs_of(game), nearness(amounts)):
        energies = rounded(amounts, game.demands, game.capacities, costs)
        require_fit(energies, game)
        assert np.abs(energies - amounts * ENERGIES_PER_KWH).max() < len(game.demands) + len(game.sellers)


@patient
@given(data=st.data(), noise=st.floats(-1e-3, 1e-3))
def test_amounts_that_miss_demands_and_capacities_are_brought_back(
    data: st.DataObject, exact_games: ExactGames, noise: float
) -> None:
    game = data.draw(exact_games)
    amounts = np.maximum(solution(game) + noise, 0.0)
    require_fit(rounded(amounts, game.demands, game.capacities, costs_of(game)), game)


@patient
@given(data=st.data())
def test_whatever_the_amounts_are_demands_are_met_within_the_capacities(
    data: st.DataObject, extreme_games: ExactGames
) -> None:
    game = data.draw(extreme_games)
    nonsense = st.floats(-1e300, 1e300) | st.sampled_from([0.0, np.nan, np.inf, -np.inf])
    shape = game.in_kwh().fee.shape
    size = shape[0] * shape[1]
    amounts = np.array(data.draw(st.lists(nonsense, min_size=size, max_size=size))).reshape(shape)
    require_fit(rounded(amounts, game.demands, game.capacities, costs_of(game)), game)


def game(price: Floats, capacity: Floats) -> GameInKwh:
    return GameInKwh(np.ones(3), capacity, price, np.zeros((3, len(price))))


def test_a_full_seller_stays_full() -> None:
    # three buyers share 1 kWh of the first seller in thirds; 3 x 0.3333 would leave 0.1 Wh of it unsold
    amounts = np.array([[1 / 3, 2 / 3]] * 3)
    costs = game(np.array([0.1, 0.2]), np.array([1.0, 9.0])).selfish().costs
    assert rounded(amounts, [10_000] * 3, [10_000, 90_000], costs).sum(axis=0).tolist() == [10_000, 20_000]


def test_of_equals_the_earlier_seller_gives() -> None:
    amounts = np.array([[0.00005, 0.00005]])
    assert rounded(amounts, [1], [10, 10], nearness(amounts)).tolist() == [[1, 0]]


def test_an_absurdly_dear_seller_gets_nothing_of_what_is_left_over() -> None:
    amounts = np.array([[0.00019, 0.00011, 0.00009]])
    costs = game(np.array([5.0, 0.1, 2000.0]), np.array([9.0, 9.0, 9.0])).selfish().costs
    assert rounded(amounts, [5], [9, 9, 9], costs).tolist() == [[2, 3, 0]]
    assert rounded(amounts, [5], [9, 2, 9], costs).tolist() == [[3, 2, 0]]


def test_what_is_too_much_is_taken_from_the_dearest() -> None:
    costs = game(np.array([0.1, 2.0]), np.array([9.0, 9.0])).selfish().costs
    assert rounded(np.array([[0.00031, 0.00031]]), [4], [9, 9], costs).tolist() == [[3, 1]]


def test_a_large_miss_is_made_up_for_as_a_water_filling() -> None:
    costs = game(np.array([1.0, 1.0]), np.array([90.0, 90.0])).selfish().costs
    assert rounded(np.zeros((1, 2)), [900_001], [900_000, 900_000], costs).tolist() == [[450_001, 450_000]]


def test_near_amounts_stay_near_whatever_they_cost() -> None:
    amounts = np.array([[0.0, 0.00019, 0.00019]])
    assert rounded(amounts, [4], [9, 2, 9], nearness(amounts)).tolist() == [[0, 2, 2]]
    assert rounded(amounts, [4], [9, 1, 1], nearness(amounts)).tolist() == [[2, 1, 1]]
