"""Rounding a whole allocation to 0.1 Wh."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimization_api.arrays import ENERGIES_PER_KWH
from optimization_api.exact_game import ExactGame
from optimization_api.rounding import rounded
from optimization_api.variational import variational_equilibrium

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

ExactGames = st.SearchStrategy[ExactGame]


@patient
@given(data=st.data())
def test_demands_are_met_exactly_within_the_capacities_and_each_amount_moves_by_a_few_units(
    data: st.DataObject, exact_games: ExactGames
) -> None:
    game = data.draw(exact_games)
    amounts = variational_equilibrium(game.in_kwh()).amounts
    energies = rounded(amounts, game.demands, game.capacities)
    assert energies.sum(axis=1).tolist() == list(game.demands)
    assert (energies.sum(axis=0) <= np.array(game.capacities)).all()
    assert (energies >= 0).all()
    assert np.abs(energies - amounts * ENERGIES_PER_KWH).max() < 1 + len(game.demands)


@patient
@given(data=st.data(), noise=st.floats(-1e-3, 1e-3))
def test_amounts_that_miss_demands_and_capacities_are_brought_back(
    data: st.DataObject, exact_games: ExactGames, noise: float
) -> None:
    game = data.draw(exact_games)
    amounts = np.maximum(variational_equilibrium(game.in_kwh()).amounts + noise, 0.0)
    energies = rounded(amounts, game.demands, game.capacities)
    assert energies.sum(axis=1).tolist() == list(game.demands)
    assert (energies.sum(axis=0) <= np.array(game.capacities)).all()
    assert (energies >= 0).all()


def test_a_full_seller_stays_full() -> None:
    # three buyers share 1 kWh of the first seller in thirds; 3 x 0.3333 would leave 0.1 Wh of it unsold
    amounts = np.array([[1 / 3, 2 / 3]] * 3)
    assert rounded(amounts, [10_000] * 3, [10_000, 90_000]).sum(axis=0).tolist() == [10_000, 20_000]


def test_of_equal_losses_the_earlier_seller_gives() -> None:
    assert rounded(np.array([[0.00005, 0.00005]]), [1], [10, 10]).tolist() == [[1, 0]]


def test_a_seller_that_was_not_chosen_gives_only_where_no_other_has_room() -> None:
    amounts = np.array([[0.0, 0.00019, 0.00019]])
    assert rounded(amounts, [4], [9, 2, 9]).tolist() == [[0, 2, 2]]
    assert rounded(amounts, [4], [9, 1, 1]).tolist() == [[2, 1, 1]]
