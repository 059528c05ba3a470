"""The variational equilibrium with the grid in the game."""

import itertools
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.referees import by_nashopt, by_piqp, demo_game, random_game, total_cost
from energy_market_chaincode.hops import hops_from, neighbours
from market_solver import (
    GridEquilibrium,
    GridGame,
    TooManyPairs,
    certified,
    congestion,
    equilibrium_with_grid,
    hops_of_graph,
    hops_of_table,
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def solved(game: GridGame) -> GridEquilibrium:
    *_, point = equilibrium_with_grid(game)
    return certified(game, point)


@st.composite
def games(draw: st.DrawFn) -> GridGame:
    buyers, sellers, places = draw(st.integers(1, 8)), draw(st.integers(1, 6)), draw(st.integers(1, 4))

    def numbers(low: float, high: float, count: int) -> list[float]:
        return draw(st.lists(st.floats(low, high), min_size=count, max_size=count))

    hops = draw(st.lists(st.integers(0, 9), min_size=places * sellers, max_size=places * sellers))
    return GridGame(
        demand=np.array(numbers(0.0001, 50, buyers)),
        capacity=np.array(numbers(0.0001, 100, sellers)),
        price=np.array(numbers(0.01, 0.5, sellers)),
        hops=np.array(hops, dtype=np.uint8).reshape(places, sellers),
        place=np.array(draw(st.lists(st.integers(0, places - 1), min_size=buyers, max_size=buyers))),
        fee_per_hop=draw(st.sampled_from([0.0, 0.02])),
        retail_tariff=draw(st.sampled_from([0.05, 0.14, 0.2869, 2.0])),
    )


@patient
@given(game=games())
def test_the_gap_is_closed_and_the_rows_fit(game: GridGame) -> None:
    found = solved(game)
    assert found.relative_gap <= 1e-8
    rows = found.rows.toarray()
    assert rows.min() >= 0
    assert found.from_grid.min() >= 0
    assert rows.sum(axis=1) + found.from_grid == pytest.approx(game.demand, rel=1e-9)
    assert (rows.sum(axis=0) <= game.capacity * (1 + 1e-12)).all()


@patient
@given(game=games())
def test_nobody_pays_more_at_the_margin_than_the_tariff_and_whoever_pays_less_needs_no_grid(game: GridGame) -> None:
    found = solved(game)
    assert (found.levels <= game.retail_tariff).all()
    assert (found.from_grid[found.levels < game.retail_tariff - 1e-9] <= 1e-6).all()


@patient
@given(game=games(), data=st.data())
def test_the_order_of_buyers_does_not_matter(game: GridGame, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(game.demand)))))
    other = GridGame(
        game.demand[order],
        game.capacity,
        game.price,
        game.hops,
        game.place[order],
        game.fee_per_hop,
        game.retail_tariff,
    )
    assert solved(other).total_cost == pytest.approx(solved(game).total_cost, rel=1e-6)


@pytest.mark.parametrize("prosumers", [100, 1000])
@pytest.mark.parametrize("retail_tariff", [0.06, 0.3])
def test_large_arenas_are_solved_to_a_tiny_gap(prosumers: int, retail_tariff: float) -> None:
    assert solved(random_game(prosumers, retail_tariff=retail_tariff)).relative_gap <= 1e-8


@pytest.mark.parametrize("prosumers", [100, 1000, 10_000])
@pytest.mark.parametrize("arena", [random_game, demo_game])
def test_the_solvers_own_gap_over_all_pairs_is_tiny(arena: Callable[[int], GridGame], prosumers: int) -> None:
    game = arena(prosumers)
    found = solved(game)
    bought, loads = found.rows @ np.ones(len(game.price)), found.loads
    assert found.rows.data.min() >= 0
    assert bought + found.from_grid == pytest.approx(game.demand, rel=1e-9)
    assert (loads <= game.capacity * (1 + 1e-12)).all()
    assert (found.levels <= game.retail_tariff).all()
    upper, lower = potential(game, found), bound_of_all_pairs(game, found)
    assert abs(upper - lower) <= 1e-8 * upper
    assert found.relative_gap <= 1e-8


def potential(game: GridGame, found: GridEquilibrium) -> float:
    """Phi of the rows that were found."""
    pairs = found.rows.tocoo()
    costs = game.price[pairs.col] + game.fee_per_hop * game.hops[game.place[pairs.row], pairs.col]
    squares = np.bincount(pairs.col, pairs.data**2, len(game.price))
    shared = game.price / game.capacity @ (found.loads**2 + squares) / 2
    return float(costs @ pairs.data + shared + game.retail_tariff * found.from_grid.sum())


def bound_of_all_pairs(game: GridGame, found: GridEquilibrium) -> float:
    """D of the prices and levels that were found, looking at every pair of a buyer and a seller."""
    slope, worth = game.price / game.capacity, game.price + found.scarcity
    loads = np.clip(found.scarcity / slope, 0, game.capacity)
    lower = float(found.levels @ game.demand - found.scarcity @ loads + slope @ loads**2 / 2)
    for level, place in zip(found.levels, game.place, strict=True):
        below = np.maximum(level - worth - game.fee_per_hop * game.hops[place], 0)
        lower -= float(below**2 @ (0.5 / slope))
    return lower


def test_pairs_that_are_not_looked_at_first_are_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    game = random_game(300)
    expected = solved(game).total_cost
    monkeypatch.setattr(congestion, "FEW_PAIRS", 0)
    monkeypatch.setattr(congestion, "MARGIN_HOPS", 1e-9)
    monkeypatch.setattr(congestion, "MARGIN_SHARE", 1e-9)
    found = solved(game)
    assert found.relative_gap <= 1e-8
    assert found.total_cost == pytest.approx(expected, rel=1e-7)


def test_more_pairs_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(congestion, "MAX_PAIRS", 100)
    with pytest.raises(TooManyPairs):
        solved(random_game(100))


@pytest.mark.skipif(sys.platform != "linux", reason="NashOpt's JAX is not on every platform")
@pytest.mark.filterwarnings("ignore")  # its own
@pytest.mark.parametrize("prosumers", [10, 30, pytest.param(60, marks=pytest.mark.acceptance)])
def test_nashopt_finds_the_same_cost(prosumers: int) -> None:
    game = random_game(prosumers)
    assert total_cost(game, by_nashopt(game)) == pytest.approx(solved(game).total_cost, rel=1e-5)


@pytest.mark.parametrize("prosumers", [10, 300])
def test_piqp_finds_the_same_cost(prosumers: int) -> None:
    game = random_game(prosumers)
    assert total_cost(game, by_piqp(game)) == pytest.approx(solved(game).total_cost, rel=1e-5)


def test_piqp_finds_the_same_cost_on_the_demos_network() -> None:
    game = demo_game(100)
    assert total_cost(game, by_piqp(game)) == pytest.approx(solved(game).total_cost, rel=1e-5)


EDGES = [("a", "hub"), ("b", "hub"), ("hub", "far"), ("far", "c")]


def test_hops_are_the_fewest_edges_of_a_graph_and_homes_behind_one_node_share_a_row() -> None:
    hops, row = hops_of_graph(["a", "c", "a", "x", "hub"], ["b", "c", "a"], [*EDGES, ("a", "hub"), ("x", "hub")])
    assert hops[row].tolist() == [[2, 3, 2], [3, 2, 3], [2, 3, 2], [2, 3, 2], [1, 2, 1]]
    assert len(hops) == 3


def test_who_is_not_in_the_graph_or_cannot_be_reached_is_named() -> None:
    with pytest.raises(LookupError, match="x"):
        hops_of_graph(["x"], ["a"], EDGES)
    with pytest.raises(LookupError, match="y: cannot be reached from a"):
        hops_of_graph(["a"], ["y"], [*EDGES, ("y", "z")])


@patient
@given(data=st.data())
def test_hops_of_a_graph_are_the_rule_books(data: st.DataObject) -> None:
    nodes = [f"n{number}" for number in range(data.draw(st.integers(2, 9)))]
    edges = [(node, nodes[data.draw(st.integers(0, index))]) for index, node in enumerate(nodes[1:])]
    edges += data.draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), max_size=5))
    edges = [(one, other) for one, other in edges if one != other]
    found, row = hops_of_graph(nodes[1:], nodes[:1], edges)
    graph = neighbours(edges)
    assert found[row, 0].tolist() == [hops_from(node, graph)[nodes[0]] for node in nodes[1:]]


def test_hops_of_a_table_stand_in_the_order_of_places_and_sellers() -> None:
    table = {"north": {"s": 1, "t": 2}, "south": {"t": 0, "s": 4}}
    hops, row = hops_of_table(["south", "north", "south"], ["t", "s"], table)
    assert hops[row].tolist() == [[0, 4], [2, 1], [0, 4]]


def test_a_seller_as_large_as_all_demand_does_not_lead_the_search_astray() -> None:
    game = demo_game(600)
    assert len(game.demand) * len(game.capacity) > congestion.FEW_PAIRS
    values = [point.value for point in equilibrium_with_grid(game)]
    assert len(values) <= 60
    assert all(later >= earlier * (1 - 1e-12) for earlier, later in itertools.pairwise(values))
    assert solved(game).relative_gap <= 1e-8
