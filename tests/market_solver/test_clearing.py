"""Equilibria and the social optimum of whole games."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, minimize

from energy_market_chaincode import Energy, Price
from energy_market_chaincode.game import STEPS_PER_PRICE, grid_cost
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY
from market_solver import (
    Clearing,
    ExactGame,
    GameInKwh,
    clear_by_best_response,
    clear_by_social_optimum,
    clear_by_variational_equilibrium,
)
from market_solver.clearing import MAX_IMPROVEMENTS, rounds
from market_solver.rounding import Energies
from market_solver.water_filling import Floats
from optimization_api.answers import GameAnswer

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

ExactGames = st.SearchStrategy[ExactGame]
Games = st.SearchStrategy[GameInKwh]

PRICE_OF_A_UNIT_PER_MONEY = 10**16
"""A price of 1e-18 currency per kWh times this is 1e-6 currency for 0.1 Wh."""


def total_cost(clearing: Clearing) -> float:
    return sum(cost for cost, _ in clearing.allocation.bills()) / 1e6


def test_sequential_best_response_of_the_originals_game(original_game: ExactGame) -> None:
    found = clear_by_best_response(original_game, 1e-9, 1000)
    assert found.converged
    assert total_cost(found) == pytest.approx(36.747, abs=1e-3)
    assert max(regret for _, regret in found.allocation.bills()) <= 10
    loads = dict(zip(original_game.sellers, found.allocation.loads, strict=True))
    assert (loads["S003"], loads["S002"]) == (490_000, 290_000)


def test_the_round_limit_ends_a_game_that_has_not_converged(original_game: ExactGame) -> None:
    found = clear_by_best_response(original_game, 1e-9, 2)
    assert (found.converged, found.rounds) == (False, 2)
    assert total_cost(found) == pytest.approx(36.987, abs=1e-3)


def test_the_variational_equilibrium_of_the_originals_game(original_game: ExactGame) -> None:
    found = clear_by_variational_equilibrium(original_game)
    assert found.converged
    assert total_cost(found) == pytest.approx(36.060, abs=1e-3)
    assert max(regret for _, regret in found.allocation.bills()) <= 10
    assert found.duality_gap is not None
    assert found.duality_gap < 1e-5


def test_the_social_optimum_of_the_originals_game(original_game: ExactGame) -> None:
    found = clear_by_social_optimum(original_game)
    assert found.converged
    assert total_cost(found) == pytest.approx(35.451, abs=1e-3)


def test_the_originals_buyers_from_the_grid_alone_pay_what_the_original_counted(original_game: ExactGame) -> None:
    game = original_game.in_kwh()
    amounts = game.nothing()
    amounts[:, 0] = game.demand
    assert game.total_cost(amounts) == pytest.approx(49.304, abs=1e-3)


@patient
@given(data=st.data())
def test_every_best_response_lowers_the_potential_by_what_the_buyer_saves(data: st.DataObject, games: Games) -> None:
    game = data.draw(games)
    amounts = next(rounds(game)).amounts
    for _ in range(3):
        for buyer, demand in enumerate(game.demand):
            supplies = game.supplies(buyer, amounts.sum(axis=0) - amounts[buyer])
            answer = amounts.copy()
            answer[buyer] = supplies.best_response(demand).amounts
            saving = supplies.cost(amounts[buyer]) - supplies.cost(answer[buyer])
            fall = game.potential(amounts) - game.potential(answer)
            assert fall >= -1e-9
            assert fall == pytest.approx(saving, abs=1e-8)
            amounts = answer


@patient
@given(data=st.data())
def test_the_potential_falls_from_round_to_round(data: st.DataObject, games: Games) -> None:
    game = data.draw(games)
    potentials = [game.potential(played.amounts) for played in islice(rounds(game), 12)]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(potentials))


@patient
@given(data=st.data())
def test_a_converged_sequential_game_leaves_no_buyer_more_to_save_than_its_tolerance(
    data: st.DataObject, exact_games: ExactGames
) -> None:
    game = data.draw(exact_games)
    found = clear_by_best_response(game, 1e-6, 10_000)
    assert found.converged
    # Where the room of a seller is a unit, who has it after rounding may be another than before: a unit's price.
    of_a_unit = max(game.prices) // PRICE_OF_A_UNIT_PER_MONEY
    for cost, regret in found.allocation.bills():
        assert regret <= 1e-4 * cost + 10 + of_a_unit


TARIFFS = st.one_of(st.just(0), st.integers(1, 10**18), st.integers(1, 10**19))


@patient
@given(data=st.data(), scarcity=st.sampled_from([1, 3, 10]), tariff=TARIFFS)
def test_with_the_grid_in_the_game_nobody_pays_more_than_the_grid_takes_nor_could_save(
    data: st.DataObject, scarcity: int, tariff: int, exact_games: ExactGames
) -> None:
    fits = data.draw(exact_games)
    demands = [Energy(demand * scarcity) for demand in fits.demands]
    game = replace(fits, demands=demands, retail_tariff=Price(tariff))
    of_a_unit = max(*game.prices, tariff) // PRICE_OF_A_UNIT_PER_MONEY
    for found in (clear_by_best_response(game, 1e-6, 10_000), clear_by_variational_equilibrium(game)):
        assert found.converged
        energies = found.allocation.energies
        assert (energies >= 0).all()
        assert (energies.sum(axis=1) <= np.array(demands)).all()
        assert (energies.sum(axis=0) <= np.array(game.capacities)).all()
        for (cost, regret), demand in zip(found.allocation.bills(), demands, strict=True):
            spare = 1e-4 * cost + 10 + of_a_unit * len(game.sellers)
            assert regret <= spare
            assert cost <= grid_cost(demand, Price(tariff)) + spare


def test_a_tariff_above_all_marginal_costs_changes_nothing_of_the_originals_game(original_game: ExactGame) -> None:
    game = replace(original_game, retail_tariff=Price(2869 * 10**14))
    found = clear_by_best_response(game, 1e-9, 1000)
    assert found.converged
    assert total_cost(found) == pytest.approx(36.747, abs=1e-3)
    found = clear_by_variational_equilibrium(game)
    assert found.converged
    assert total_cost(found) == pytest.approx(36.060, abs=1e-3)


@pytest.mark.parametrize(
    "clear", [lambda game: clear_by_best_response(game, 1e-9, 99), clear_by_variational_equilibrium]
)
@pytest.mark.parametrize("demands", [[10], [6, 6]])
def test_scarce_supply_is_traded_whole_and_the_grid_gives_the_rest(
    demands: list[int], clear: Callable[[ExactGame], Clearing]
) -> None:
    game = ExactGame(
        buyers=[f"P{i}" for i in range(len(demands))],
        demands=[Energy(demand * 10_000) for demand in demands],
        sellers=["S1"],
        capacities=[Energy(90_000)],
        prices=[Price(8 * 10**16)],
        fees=[[Price(2 * 10**16)]] * len(demands),
        retail_tariff=Price(2869 * 10**14),
    )
    found = clear(game)
    assert found.converged
    assert found.allocation.loads == [90_000]
    assert total_cost(found) == pytest.approx(9 * 0.18 + (sum(demands) - 9) * 0.2869)


@patient
@given(data=st.data())
def test_the_variational_equilibrium_is_an_equilibrium_with_a_small_gap(
    data: st.DataObject, exact_games: ExactGames
) -> None:
    game = data.draw(exact_games)
    found = clear_by_variational_equilibrium(game)
    assert found.converged
    assert found.duality_gap is not None
    assert found.duality_gap <= 1e-3
    for cost, regret in found.allocation.bills():
        assert regret <= 1e-5 * cost + 200


@patient
@given(data=st.data())
def test_the_variational_equilibrium_does_not_depend_on_the_buyers_order(
    data: st.DataObject, exact_games: ExactGames
) -> None:
    game = data.draw(exact_games)
    order = data.draw(st.permutations(range(len(game.buyers))))
    other = ExactGame(
        buyers=[game.buyers[i] for i in order],
        demands=[game.demands[i] for i in order],
        sellers=game.sellers,
        capacities=game.capacities,
        prices=game.prices,
        fees=[game.fees[i] for i in order],
    )
    first, second = (clear_by_variational_equilibrium(each).allocation for each in (game, other))
    assert np.abs(first.energies[order] - second.energies).max() <= 2 * (1 + len(order))


@patient
@given(data=st.data())
def test_no_allocation_of_another_way_costs_less_than_the_social_optimum(
    data: st.DataObject, exact_games: ExactGames
) -> None:
    game = data.draw(exact_games)
    optimum = clear_by_social_optimum(game)
    assert optimum.converged
    others = [clear_by_variational_equilibrium(game), clear_by_best_response(game, 1e-6, 20)]
    assert optimum.duality_gap is not None
    for other in others:
        assert total_cost(optimum) <= total_cost(other) + optimum.duality_gap + 1e-4


@settings(patient, max_examples=30)
@given(data=st.data())
def test_however_extreme_a_game_is_demands_are_met_and_who_is_said_to_have_no_regrets_has_none(
    data: st.DataObject, extreme_games: ExactGames
) -> None:
    game = data.draw(extreme_games)
    for found in (clear_by_variational_equilibrium(game), clear_by_best_response(game, 1e-6, 50)):
        require_met_demands(found)
        if found.converged:
            require_no_regrets(found)


@pytest.mark.parametrize("improvements", [1, pytest.param(MAX_IMPROVEMENTS, marks=pytest.mark.long, id="to the end")])
@settings(patient, max_examples=15)
@given(data=st.data())
def test_however_extreme_a_game_is_the_social_optimum_meets_demands(
    data: st.DataObject, extreme_games: ExactGames, improvements: int
) -> None:
    game = data.draw(extreme_games)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("market_solver.clearing.MAX_IMPROVEMENTS", improvements)
        require_met_demands(clear_by_social_optimum(game))


def require_met_demands(found: Clearing) -> None:
    """Check that all demands are met within all capacities, and that the answer says whether it converged."""
    energies, game = found.allocation.energies, found.allocation.game
    assert energies.min() >= 0
    assert energies.sum(axis=1).tolist() == list(game.demands)
    assert (energies.sum(axis=0) <= np.array(game.capacities)).all()
    assert GameAnswer.of(found).converged == found.converged


def require_no_regrets(found: Clearing) -> None:
    """Check that no buyer could save more than a millionth, and a few units of 0.1 Wh at its marginal price."""
    allocation, game = found.allocation, found.allocation.game
    for buyer, (cost, regret) in enumerate(allocation.bills()):
        bid = allocation.energies[buyer].tolist()
        others = [load - own for load, own in zip(allocation.loads, bid, strict=True)]
        supplies = game.supplies(buyer, others)
        dearest = max(supply.marginal(own) for own, supply in zip(bid, supplies, strict=True) if own > 0)
        per_unit = dearest / STEPS_PER_PRICE / ENERGY_TIMES_PRICE_PER_MONEY
        assert regret <= 1e-6 * cost + 2 * len(bid) * (per_unit + 1)


def extreme(**figures: Any) -> ExactGame:
    """Return a game of lists in the ledger's units, with buyers and sellers called by their numbers."""
    buyers, sellers = ([str(number) for number in range(len(figures[of]))] for of in ("demands", "capacities"))
    return ExactGame(buyers=buyers, sellers=sellers, **figures)


ABSURDLY_DEAR_SELLERS = extreme(
    capacities=[3802553523185, 1416, 591, 12990430, 10054, 130128, 208238783, 1186946217],
    prices=[
        1766924508,
        1029517947,
        431767349209862111232,
        2541174350952473296896,
        1996214883885624590336,
        130947255145433712,
        269354320496,
        9,
    ],
    demands=[8622958971, 36386631575, 4344904705, 39728624082, 59110611278, 42004361429],
    fees=[
        [121, 302, 160, 366, 25, 580, 73, 918],
        [784, 447, 721, 672, 395, 864, 137, 705],
        [134, 492, 310, 157, 854, 585, 895, 276],
        [396, 640, 393, 93, 839, 333, 844, 278],
        [962, 244, 960, 151, 469, 899, 563, 201],
        [677, 509, 683, 349, 423, 827, 161, 388],
    ],
)
HOPELESS_FOR_FLOATS = extreme(
    capacities=[607, 14, 3, 10864, 7190498355842, 1579],
    prices=[47122597792170765189120, 19214, 652903764264938, 76205686, 14, 66948875],
    demands=[513926970691, 3081322213763],
    fees=[
        [hop * 10**24 for hop in (711, 429, 185, 830, 141, 560)],
        [hop * 10**24 for hop in (550, 546, 830, 923, 584, 748)],
    ],
)


def test_absurdly_dear_sellers_get_nothing() -> None:
    found = clear_by_variational_equilibrium(ABSURDLY_DEAR_SELLERS)
    assert found.converged
    assert found.allocation.loads[2:6] == [0, 0, 0, 0]
    assert [regret for _, regret in found.allocation.bills()] == [0] * 6


def test_a_solution_that_round_off_spoils_is_not_said_to_be_converged_and_fits_all_the_same() -> None:
    found = clear_by_variational_equilibrium(HOPELESS_FOR_FLOATS)
    assert not found.converged
    assert found.allocation.energies.sum(axis=1).tolist() == HOPELESS_FOR_FLOATS.demands


def test_no_unit_of_a_scarce_seller_stays_unsold() -> None:
    cent = 10**16
    game = extreme(
        capacities=[333186, 821778, 600718, 93951, 504282],
        prices=[cent, cent, 312639773731078359, 363040186546801438, cent],
        demands=[354415, 435731, 892415, 74964, 274802, 65989],
        fees=[
            [8 * cent, 0, 2 * cent, 12 * cent, 12 * cent],
            [18 * cent, 6 * cent, 8 * cent, 10 * cent, 18 * cent],
            [14 * cent, 18 * cent, 8 * cent, 18 * cent, 8 * cent],
            [4 * cent, 10 * cent, 4 * cent, 10 * cent, 2 * cent],
            [12 * cent, 10 * cent, 16 * cent, 18 * cent, 6 * cent],
            [12 * cent, 14 * cent, 4 * cent, 14 * cent, 6 * cent],
        ],
    )
    found = clear_by_social_optimum(game)
    assert found.converged
    assert [found.allocation.loads[seller] for seller in (0, 1, 4)] == [333186, 821778, 504282]


def test_what_is_certified_is_the_rounded_allocation(original_game: ExactGame, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_from_the_grid(*_: object) -> Energies:
        energies = np.zeros((len(original_game.buyers), len(original_game.sellers)), dtype=np.int64)
        energies[:, 0] = original_game.demands
        return energies

    monkeypatch.setattr("market_solver.clearing.rounded", all_from_the_grid)
    fair = clear_by_variational_equilibrium(original_game)
    for found in (fair, clear_by_best_response(original_game, 1e-6, 50), clear_by_social_optimum(original_game)):
        assert not found.converged
    assert fair.duality_gap is not None
    assert fair.duality_gap > 1


def minimum(game: GameInKwh, objective: str) -> float:
    """Minimise the potential or the total cost with SLSQP."""
    shape = game.fee.shape

    def value(flat: Floats) -> float:
        amounts = flat.reshape(shape)
        return game.potential(amounts) if objective == "potential" else game.total_cost(amounts)

    rows = np.kron(np.eye(shape[0]), np.ones(shape[1]))
    columns = np.kron(np.ones(shape[0]), np.eye(shape[1]))
    start = np.outer(game.demand, game.capacity / game.capacity.sum()).ravel()
    found = minimize(
        value,
        start,
        bounds=Bounds(np.zeros_like(start), np.full_like(start, np.inf)),
        constraints=[
            LinearConstraint(rows, game.demand, game.demand),
            LinearConstraint(columns, np.zeros(shape[1]), game.capacity),
        ],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    return float(found.fun)


@settings(patient, max_examples=20)
@given(data=st.data())
def test_slsqp_finds_nothing_below_the_lower_bounds(data: st.DataObject, exact_games: ExactGames) -> None:
    game = data.draw(exact_games)
    in_kwh = game.in_kwh()
    equilibrium = clear_by_variational_equilibrium(game)
    optimum = clear_by_social_optimum(game)
    assert in_kwh.potential(equilibrium.allocation.amounts) <= minimum(in_kwh, "potential") + 1e-3
    assert in_kwh.total_cost(optimum.allocation.amounts) <= minimum(in_kwh, "total cost") + 1e-3


def test_a_demand_of_one_unit_beside_a_large_one_is_met_exactly() -> None:
    cent = 10**16
    game = extreme(
        capacities=[1, 1, 46601, 1, 46677],
        prices=[cent] * 5,
        demands=[46604, 1],
        fees=[[0, 0, 4 * cent, 0, 2 * cent], [0, 0, 0, 0, 4 * cent]],
    )
    assert clear_by_variational_equilibrium(game).converged
