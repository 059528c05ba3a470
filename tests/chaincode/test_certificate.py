"""Clearings that prove themselves: honest ones pass, others do not."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from energy_market_chaincode import certificate
from energy_market_chaincode.certificate import (
    GAP_SHARE,
    Purchases,
    SlotGame,
    purchases_at,
    verify,
)
from energy_market_chaincode.hops import hop_rows, hops_from, neighbours
from energy_market_chaincode.units import Energy, Price
from market_solver import GridGame, certified, equilibrium_with_grid

patient = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
PRICE, ENERGY = 10**18, 10**4


@st.composite
def slot_games(draw: st.DrawFn) -> SlotGame:
    sellers, buyers, rows = draw(st.integers(1, 5)), draw(st.integers(1, 8)), draw(st.integers(1, 3))

    def numbers(low: int, high: int, count: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    fee = draw(st.sampled_from([0, 2 * 10**16]))
    return SlotGame(
        demands=[Energy(each) for each in numbers(200, 50 * ENERGY, buyers)],
        capacities=[Energy(each) for each in numbers(1000, 100 * ENERGY, sellers)],
        prices=[Price(each) for each in numbers(PRICE // 100, PRICE // 4, sellers)],
        distances=[numbers(0, 9, sellers) for _ in range(rows)],
        fees=[Price(fee * hops) for hops in range(10)],
        row=numbers(0, rows - 1, buyers),
        retail_tariff=Price(draw(st.sampled_from([PRICE // 10, PRICE // 7, PRICE // 3]))),
    )


def fees_of(game: SlotGame) -> NDArray[np.float64]:
    """Return the fees of each row, in currency."""
    return np.array([[game.fees[each] / PRICE for each in row] for row in game.distances])


def solved(game: SlotGame) -> list[int]:
    """Return the equilibrium's pi by the solver."""
    in_kwh = GridGame(
        demand=np.array(game.demands) / ENERGY,
        capacity=np.array(game.capacities) / ENERGY,
        price=np.array(game.prices) / PRICE,
        hops=fees_of(game),
        place=np.array(game.row),
        fee_per_hop=1.0,
        retail_tariff=game.retail_tariff / PRICE,
    )
    *_, point = equilibrium_with_grid(in_kwh)
    return certified(in_kwh, point).exact_scarcity


def potential(game: SlotGame, purchases: Purchases) -> float:
    """Return Phi, in currency."""
    rows = np.zeros((len(game.demands), len(game.prices)))
    for buyer, bought in enumerate(purchases.from_sellers):
        for seller, energy in bought.items():
            rows[buyer, seller] = energy / ENERGY
    price = np.array(game.prices) / PRICE
    slope = price / (np.array(game.capacities) / ENERGY)
    fees = fees_of(game)[np.array(game.row)]
    grid = game.retail_tariff / PRICE * sum(purchases.from_grid) / ENERGY
    return float(((price + fees) * rows).sum() + grid + slope @ (rows.sum(axis=0) ** 2 + (rows**2).sum(axis=0)) / 2)


@patient
@given(game=slot_games())
def test_an_honest_one_passes(game: SlotGame) -> None:
    pi = solved(game)
    verdict = verify(game, pi, purchases_at(game, pi))
    assert verdict.is_accepted, verdict
    assert verdict.gap >= 0


@patient
@given(game=slot_games(), data=st.data())
def test_whatever_the_prices_purchases_fit_and_the_gap_bounds_the_potential(
    game: SlotGame, data: st.DataObject
) -> None:
    pi = data.draw(st.lists(st.integers(0, PRICE // 3), min_size=len(game.prices), max_size=len(game.prices)))
    purchases, honest = purchases_at(game, pi), solved(game)
    verdict = verify(game, pi, purchases)
    assert verdict.fits
    least = verify(game, honest, purchases_at(game, honest)).lower / (PRICE * ENERGY)
    above = potential(game, purchases) - least
    assert above <= verdict.gap / (PRICE * ENERGY) + 1e-9
    if verdict.is_accepted:
        assert above <= (verdict.allowance + verdict.upper / GAP_SHARE) / (PRICE * ENERGY) + 1e-9


@patient
@given(game=slot_games(), data=st.data())
def test_units_that_are_moved_to_the_grid_are_noticed(game: SlotGame, data: st.DataObject) -> None:
    pi = solved(game)
    purchases = purchases_at(game, pi)
    buyers = [buyer for buyer, bought in enumerate(purchases.from_sellers) if bought]
    assume(buyers)
    buyer = data.draw(st.sampled_from(buyers))
    seller = max(purchases.from_sellers[buyer], key=lambda seller: purchases.from_sellers[buyer][seller])
    moved = purchases.from_sellers[buyer].pop(seller)
    purchases.from_grid[buyer] += moved
    verdict = verify(game, pi, purchases)
    assert verdict.fits
    rise = potential(game, purchases) - verdict.lower / (PRICE * ENERGY)
    if rise > (verdict.allowance + 2 * verdict.upper / GAP_SHARE) / (PRICE * ENERGY) + 1e-9:
        assert not verdict.is_accepted


@patient
@given(game=slot_games(), data=st.data())
def test_what_does_not_add_up_or_fit_is_refused(game: SlotGame, data: st.DataObject) -> None:
    pi = solved(game)
    buyer = data.draw(st.integers(0, len(game.demands) - 1))
    units = data.draw(st.integers(1, 10).flatmap(lambda size: st.sampled_from([size, -size])))
    wrong_sum = purchases_at(game, pi)
    wrong_sum.from_grid[buyer] += units
    assert not verify(game, pi, wrong_sum).fits
    too_much = purchases_at(game, pi)
    load = sum(bought.get(0, 0) for bought in too_much.from_sellers)
    too_much.from_sellers[buyer][0] = too_much.from_sellers[buyer].get(0, 0) + game.capacities[0] - load + 1
    too_much.from_grid[buyer] -= game.capacities[0] - load + 1
    assert not verify(game, pi, too_much).fits
    assert not verify(game, [-1, *pi[1:]], purchases_at(game, pi)).fits
    above_tariff = purchases_at(game, pi)
    above_tariff.levels[buyer] = game.retail_tariff + 1
    assert not verify(game, pi, above_tariff).fits


GAME = SlotGame(
    demands=[Energy(40_000), Energy(60_000)],
    capacities=[Energy(80_000), Energy(50_000)],
    prices=[Price(PRICE // 10), Price(PRICE // 12)],
    distances=[[0, 1]],
    fees=[Price(0), Price(2 * 10**16)],
    row=[0, 0],
    retail_tariff=Price(PRICE // 4),
)


def test_prices_that_are_a_twentieth_wrong_are_refused() -> None:
    pi = solved(GAME)
    assert verify(GAME, pi, purchases_at(GAME, pi)).is_accepted
    for wrong in ([each + each // 20 for each in pi], [each - each // 20 for each in pi], pi[::-1], [0, 0]):
        assert not verify(GAME, wrong, purchases_at(GAME, wrong)).is_accepted


def test_an_equilibrium_of_another_game_is_refused() -> None:
    pi = solved(GAME)
    other = replace(GAME, capacities=[Energy(70_000), Energy(50_000)])
    assert not verify(other, pi, purchases_at(other, pi)).is_accepted
    assert not verify(other, pi, purchases_at(GAME, pi)).is_accepted


def test_swapped_rows_are_refused() -> None:
    pi = solved(GAME)
    purchases = purchases_at(GAME, pi)
    purchases.from_sellers.reverse()
    assert not verify(GAME, pi, purchases).fits


def test_where_the_grid_alone_is_best_nobody_sells() -> None:
    dear = replace(GAME, retail_tariff=Price(PRICE // 20))
    purchases = purchases_at(dear, [0, 0])
    assert purchases.from_grid == dear.demands
    assert verify(dear, [0, 0], purchases).is_accepted


@patient
@given(game=slot_games(), data=st.data())
def test_the_quick_bound_of_a_regret_is_never_below_it(game: SlotGame, data: st.DataObject) -> None:
    pi = data.draw(st.lists(st.integers(0, PRICE // 5), min_size=len(game.prices), max_size=len(game.prices)))
    purchases = purchases_at(game, pi)
    loads = [sum(bought.get(seller, 0) for bought in purchases.from_sellers) for seller in range(len(pi))]
    for buyer in range(len(game.demands)):
        bound = certificate.most_regret(game, buyer, purchases.of(buyer), loads, certificate.unsold(game, loads))
        assert certificate.regret(game, buyer, purchases.of(buyer), loads) <= bound + 2 * len(
            pi
        )  # each bill is rounded up


@given(data=st.data())
def test_hops_are_the_shortest_way_whoever_is_searched_from(data: st.DataObject) -> None:
    nodes = [f"n{i}" for i in range(data.draw(st.integers(2, 12)))]
    edges = [(node, data.draw(st.sampled_from(nodes[:i]))) for i, node in enumerate(nodes) if i]
    edges += data.draw(st.lists(st.tuples(*[st.sampled_from(nodes)] * 2).filter(lambda e: e[0] != e[1]), max_size=4))
    graph = neighbours(edges)
    rows, columns = (data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=6)) for _ in range(2))
    expected = [[hops_from(row, graph)[column] for column in columns] for row in rows]
    assert [list(row) for row in hop_rows(graph, rows, columns)] == expected


def test_a_unit_that_rounding_left_goes_to_who_has_it_cheaper_than_from_the_grid() -> None:
    tariff, count = PRICE // 4, 150
    game = SlotGame(
        demands=[Energy(40_000)] * 3,
        capacities=[Energy(50_000)] * count,
        prices=[Price(PRICE // 10)] * count,
        distances=[bytes(count), bytes([1] * count)],
        fees=[Price(0), Price(PRICE // 20)],
        row=[1, 0, 0],
        retail_tariff=Price(tariff),
    )
    filling = certificate.FillingUp(game, [2 * PRICE // 10] * count)  # beyond the tariff: nobody would fill up there
    from_grid, rests = certificate.Purchase({}, 40_000, tariff), dict.fromkeys(range(count), 1)
    assert filling.with_rests(0, from_grid, rests) == from_grid  # two prices and the fee are what the grid takes
    some = filling.with_rests(1, from_grid, rests)
    assert (sum(some.bought.values()), some.grid, len(rests)) == (100, 39_900, 50)
    assert set(filling.with_rests(2, from_grid, rests).bought.values()) == {1}
    assert rests == {}
