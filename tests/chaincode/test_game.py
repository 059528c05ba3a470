"""The game's arithmetic: exact best responses, an exact potential, regret, and who plays when."""

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.game import (
    Supply,
    best_response,
    best_response_with_grid,
    bid_cost,
    bill,
    energy_cost,
    grid_cost,
    is_more_than_nothing,
    kept_of,
    regret,
    seller_order,
    turn_order,
    worst_bill,
)
from energy_market_chaincode.records import Arena, StandingDemand, StandingOffer
from energy_market_chaincode.units import MAX_ENERGY, MAX_PRICE, Energy, Price, Share

Row = list[int]


def exact_cost(amounts: Sequence[int], supplies: Sequence[Supply]) -> Fraction:
    """The model's cost c_i of a bid, without rounding."""
    unit_costs = [
        s.price * (1 + Fraction(s.others_load + x, s.capacity)) + s.fee for x, s in zip(amounts, supplies, strict=True)
    ]
    return sum((x * cost for x, cost in zip(amounts, unit_costs, strict=True)), start=Fraction(0))


def all_bids(demand: int, supplies: Sequence[Supply]) -> list[tuple[int, ...]]:
    ranges = [range(min(supply.room, demand) + 1) for supply in supplies]
    return [bid for bid in itertools.product(*ranges) if sum(bid) == demand]


SMALL = st.lists(
    st.builds(
        lambda capacity, taken, price, fee: Supply(
            Energy(capacity), Price(price), Energy(min(taken, capacity)), Price(fee)
        ),
        st.integers(1, 9), st.integers(0, 9), st.one_of(st.integers(1, 9), st.integers(1, MAX_PRICE)),
        st.one_of(st.integers(0, 9), st.integers(0, 1000 * MAX_PRICE)),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


EXTREME = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([1, 2, MAX_ENERGY]), st.integers(1, MAX_ENERGY)),
        st.one_of(st.sampled_from([1, 2, MAX_PRICE]), st.integers(1, MAX_PRICE)),
        st.one_of(st.sampled_from([Fraction(0), Fraction(1)]), st.fractions(0, 1)),
        st.one_of(st.sampled_from([0, 1000 * MAX_PRICE]), st.integers(0, 1000 * MAX_PRICE)),
    ).map(lambda t: Supply(Energy(t[0]), Price(t[1]), Energy(int(t[0] * t[2])), Price(t[3]))),
    min_size=1, max_size=8,
)  # fmt: skip


@given(SMALL, st.data())
def test_the_best_response_costs_what_the_best_of_all_bids_costs(supplies: list[Supply], data: st.DataObject) -> None:
    room = sum(supply.room for supply in supplies)
    demand = data.draw(st.integers(0, room))
    best = best_response(demand, supplies)
    assert best is not None
    assert tuple(best) in all_bids(demand, supplies)
    assert exact_cost(best, supplies) == min(exact_cost(bid, supplies) for bid in all_bids(demand, supplies))


@given(SMALL, st.integers(1, 100))
def test_more_than_the_room_left_cannot_be_answered(supplies: list[Supply], too_much: int) -> None:
    assert best_response(sum(supply.room for supply in supplies) + too_much, supplies) is None


TARIFFS = st.one_of(st.integers(-9, 30), st.integers(0, 2 * MAX_PRICE))


@given(SMALL, st.integers(0, 12), TARIFFS)
def test_with_the_grid_the_best_response_is_the_best_of_all_bids_and_takes_nothing_that_costs_as_much(
    supplies: list[Supply], demand: int, tariff: int
) -> None:
    def cost(bid: Sequence[int]) -> Fraction:
        return exact_cost(bid, supplies) + tariff * (demand - sum(bid))

    best = best_response_with_grid(demand, supplies, Price(tariff))
    bids = [bid for part in range(demand + 1) for bid in all_bids(part, supplies)]
    least = min(map(cost, bids))
    assert tuple(best) in bids
    assert cost(best) == least
    assert sum(best) == min(sum(bid) for bid in bids if cost(bid) == least), "what costs the same is left to the grid"


@given(EXTREME, st.integers(0, MAX_ENERGY), st.integers(0, 1000 * MAX_PRICE))
def test_a_unit_is_bought_locally_as_far_as_it_costs_less_than_the_grid_s(
    supplies: list[Supply], demand: int, tariff: int
) -> None:
    best = best_response_with_grid(demand, supplies, Price(tariff))
    for energy, supply in zip(best, supplies, strict=True):
        assert energy == 0 or marginal_cost(supply, energy - 1) < tariff
        assert sum(best) == demand or energy == supply.room or marginal_cost(supply, energy) >= tariff


def marginal_cost(supply: Supply, units: int) -> Fraction:
    """What the next unit costs, as a fraction."""
    load = supply.others_load + 2 * units + 1
    return supply.price * (1 + Fraction(load, supply.capacity)) + supply.fee


def test_units_that_cost_the_same_are_taken_from_earlier_sellers() -> None:
    twins = [Supply(Energy(10), Price(100), Energy(0), Price(0))] * 3
    assert best_response(3, twins) == [1, 1, 1]
    assert best_response(4, twins) == [2, 1, 1]
    assert best_response(5, twins) == [2, 2, 1]


class Counting(Supply):
    """A seller that counts how often it is asked."""

    asked = 0

    def units_up_to(self, marginal: int) -> int:
        Counting.asked += 1
        return super().units_up_to(marginal)

    def marginal(self, units: int) -> int:
        Counting.asked += 1
        return super().marginal(units)


@given(EXTREME, st.data())
def test_the_best_response_is_found_in_few_steps_at_whatever_prices_capacities_and_rooms(
    supplies: list[Supply], data: st.DataObject
) -> None:
    room = sum(supply.room for supply in supplies)
    demand = data.draw(st.one_of(st.sampled_from([0, min(1, room), max(0, room - 1), room]), st.integers(0, room)))
    Counting.asked = 0
    best = best_response(demand, [Counting(s.capacity, s.price, s.others_load, s.fee) for s in supplies])
    assert Counting.asked <= 25 * len(supplies)
    assert best is not None
    assert sum(best) == demand
    assert all(0 <= energy <= supply.room for energy, supply in zip(best, supplies, strict=True))
    given_up = [s.marginal(x - 1) for x, s in zip(best, supplies, strict=True) if x > 0]
    gained = [s.marginal(x) for x, s in zip(best, supplies, strict=True) if x < s.room]
    assert not given_up or not gained or max(given_up) <= min(gained), "moving one unit would save money"


class Instance:
    """A game outside of any ledger: sellers, hops and the bids as they stand."""

    def __init__(self, seed: int) -> None:
        r = random.Random(seed)  # noqa: S311 - instances of a test
        self.sellers = [(r.randint(50, 400), r.randint(10**15, 10**17)) for _ in range(r.randint(1, 4))]
        buyers = r.randint(1, 5)
        fair = sum(capacity for capacity, _ in self.sellers) // buyers
        self.demands = [r.randint(1, fair) for _ in range(buyers)]
        self.fees = [[2 * 10**16 * r.randint(1, 9) for _ in self.sellers] for _ in self.demands]
        self.bids: list[Row] = [[0] * len(self.sellers) for _ in self.demands]

    def supplies(self, buyer: int) -> list[Supply]:
        loads = [sum(bid[j] for k, bid in enumerate(self.bids) if k != buyer) for j in range(len(self.sellers))]
        return [
            Supply(Energy(capacity), Price(price), Energy(load), Price(fee))
            for (capacity, price), load, fee in zip(self.sellers, loads, self.fees[buyer], strict=True)
        ]

    def potential(self) -> Fraction:
        phi = Fraction(0)
        for j, (capacity, price) in enumerate(self.sellers):
            row = [bid[j] for bid in self.bids]
            phi += Fraction(price, 2 * capacity) * (sum(row) ** 2 + sum(x * x for x in row))
            phi += sum((price + fees[j]) * x for x, fees in zip(row, self.fees, strict=True))
        return phi

    def answer(self, buyer: int) -> bool:
        """Let a buyer answer best if that saves anything; tell whether it did."""
        supplies = self.supplies(buyer)
        best = best_response(self.demands[buyer], supplies)
        assert best is not None
        bids_at_all = sum(self.bids[buyer]) > 0
        if bids_at_all and exact_cost(best, supplies) >= exact_cost(self.bids[buyer], supplies):
            return False
        self.bids[buyer] = [int(x) for x in best]
        return True


@given(st.integers(0, 10**9))
def test_the_potential_falls_by_what_each_best_response_saves_until_nobody_can_save_anything(seed: int) -> None:
    game = Instance(seed)
    for buyer in range(len(game.demands)):
        game.answer(buyer)
    for turn in itertools.count():
        buyer = turn % len(game.demands)
        before, supplies, standing = game.potential(), game.supplies(buyer), game.bids[buyer]
        if game.answer(buyer):
            saved = exact_cost(standing, supplies) - exact_cost(game.bids[buyer], supplies)
            assert before - game.potential() == saved > 0
        elif not any(game.answer(other) for other in range(len(game.demands))):
            break
        assert turn < 10_000
    for buyer, demand in enumerate(game.demands):
        assert regret([Energy(x) for x in game.bids[buyer]], demand, game.supplies(buyer), MAX_PRICE) == 0


def test_regret_is_what_a_better_bid_would_save_in_whole_money() -> None:
    supplies = [
        Supply(Energy(100_000), Price(10**17), Energy(0), Price(0)),
        Supply(Energy(100_000), Price(10**17), Energy(0), Price(0)),
    ]
    one_sided, even = [Energy(40_000), Energy(0)], [Energy(20_000), Energy(20_000)]
    assert best_response(40_000, supplies) == even
    assert bid_cost(one_sided, supplies) - bid_cost(even, supplies) == 560_000 - 480_000
    assert regret(one_sided, 40_000, supplies, Price(10**18)) == 80_000
    assert regret(even, 40_000, supplies, Price(10**18)) == 0


def test_regret_without_a_bid_is_what_the_market_would_save_against_the_grid() -> None:
    supplies = [Supply(Energy(100_000), Price(10**17), Energy(0), Price(0))]
    nothing = [Energy(0)]
    assert regret(nothing, 10_000, supplies, Price(3 * 10**17)) == 300_000 - 110_000
    assert regret(nothing, 10_000, supplies, Price(10**17)) == 0, "the grid is cheaper: nothing to regret"
    assert regret(nothing, 200_000, supplies, Price(4 * 10**17)) == 4_000_000 - 2_000_000, "the grid gives the rest"


def test_regret_of_a_bid_that_costs_more_than_the_grid_is_what_the_grid_would_save() -> None:
    supplies = [Supply(Energy(100_000), Price(10**17), Energy(0), Price(0))]
    assert regret([Energy(100_000)], 100_000, supplies, Price(10**17)) == 2_000_000 - 1_000_000


@given(SMALL, st.data())
def test_no_bid_can_come_to_cost_more_than_its_worst_case(supplies: list[Supply], data: st.DataObject) -> None:
    amounts = [data.draw(st.integers(0, supply.room)) for supply in supplies]
    full = [Supply(s.capacity, s.price, Energy(s.capacity - x), s.fee) for x, s in zip(amounts, supplies, strict=True)]
    demand = sum(amounts) + data.draw(st.integers(0, 9))
    tariff = Price(data.draw(TARIFFS))
    worst = worst_bill(amounts, demand, supplies, tariff)
    assert bill(amounts, demand, supplies, tariff) <= bill(amounts, demand, full, tariff) <= worst


class Street:
    """A game whose bids stand: sellers' offers, hops and bids (B, S)."""

    def __init__(self, data: st.DataObject) -> None:
        self.tariff, self.fee_per_hop = data.draw(st.integers(-5, 60)), data.draw(st.integers(0, 3))
        offers = data.draw(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 40)), min_size=1, max_size=3))
        self.sellers = [
            StandingOffer(seller=f"S{j}", capacity=Energy(capacity), price=Price(price), arrived=(0, j))
            for j, (capacity, price) in enumerate(offers)
        ]
        rows = st.lists(st.integers(0, 12), min_size=len(offers), max_size=len(offers))
        room = [int(offer.capacity) for offer in self.sellers]
        self.bids: list[list[Energy]] = []
        for wanted in data.draw(st.lists(rows, min_size=1, max_size=4)):
            self.bids.append([Energy(min(amount, left)) for amount, left in zip(wanted, room, strict=True)])
            room = [left - amount for left, amount in zip(room, self.bids[-1], strict=True)]
        self.hops = data.draw(
            st.lists(rows.map(lambda row: [n % 9 for n in row]), min_size=len(self.bids), max_size=len(self.bids))
        )

    def kept(self) -> list[list[Energy]]:
        buyers = [demand(f"B{i}", 0, 0, (0, i)) for i in range(len(self.bids))]
        arena = Arena(sellers=self.sellers, buyers=buyers, hops=self.hops)
        loads = [sum(column) for column in zip(*self.bids, strict=True)]
        fee, tariff = Price(self.fee_per_hop), Price(self.tariff)
        last_first = reversed(range(len(self.bids)))
        return [kept_of(arena, i, self.bids[i], loads, fee, tariff) for i in last_first][::-1]

    def is_dearer_than_the_grid(self, bids: list[list[int]], buyer: int, seller: int) -> bool:
        offer, load = self.sellers[seller], sum(bid[seller] for bid in bids)
        unit_price = offer.price * (1 + Fraction(load, offer.capacity)) + self.fee_per_hop * self.hops[buyer][seller]
        return bids[buyer][seller] > 0 and unit_price > self.tariff


@given(st.data())
def test_what_costs_more_than_the_grid_is_handed_back_unit_by_unit_last_in_turn_order_first(
    data: st.DataObject,
) -> None:
    street = Street(data)
    expected = [[int(amount) for amount in bid] for bid in street.bids]
    pairs = [(i, j) for i in reversed(range(len(expected))) for j in range(len(street.sellers))]
    while dear := [pair for pair in pairs if street.is_dearer_than_the_grid(expected, *pair)]:
        buyer, seller = dear[0]
        expected[buyer][seller] -= 1
    assert street.kept() == expected


@given(st.integers(-(10**6), 10**6), st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_a_saving_counts_if_it_is_more_than_a_share_of_what_is_paid_or_got(saving: int, cost: int, share: int) -> None:
    assert is_more_than_nothing(saving, cost, Share(share)) == (saving > Fraction(share, 10**9) * abs(cost))


def test_the_cost_of_energy_follows_the_load() -> None:
    assert energy_cost(10_000, 10**17, 10_000, 10_000) == 200_000
    assert energy_cost(10_000, 10**17, 20_000, 40_000) == 150_000
    assert grid_cost(10_000, Price(286_900_000_000_000_000)) == 286_900


def demand(buyer: str, production: int, consumption: int, arrived: tuple[int, int]) -> StandingDemand:
    return StandingDemand(
        buyer=buyer, demand=Energy(1), production=Energy(production), consumption=Energy(consumption), arrived=arrived
    )


def test_turns_go_by_contribution_metric_and_ties_by_who_came_first() -> None:
    buyers = [
        demand("nothing", 0, 0, (1, 0)),
        demand("none", 0, 7, (2, 0)),
        demand("third", 1, 3, (9, 1)),
        demand("third-too", 2, 6, (9, 0)),
        demand("third-late", 3, 9, (10, 0)),
        demand("half", 1, 2, (11, 0)),
        demand("only-produces", 1, 0, (12, 0)),
        demand("only-produces-first", 9, 0, (3, 0)),
    ]
    expected = [
        "only-produces-first", "only-produces", "half", "third-too", "third", "third-late", "nothing", "none",
    ]  # fmt: skip
    for shuffled in (buyers, buyers[::-1], buyers[3:] + buyers[:3]):
        assert [d.buyer for d in turn_order(shuffled)] == expected


def test_metrics_that_differ_less_than_a_float_can_tell_are_told_apart() -> None:
    more, less = 10**13 + 1, 10**13
    assert more / (more + 1) == less / (less + 1)
    almost = [demand("less", less, less + 1, (1, 0)), demand("more", more, more + 1, (2, 0))]
    assert [d.buyer for d in turn_order(almost)] == ["more", "less"]


@given(st.permutations([(1, 0), (1, 1), (2, 0), (5, 3)]))
def test_sellers_stand_in_order_of_arrival(order: list[tuple[int, int]]) -> None:
    offers = [StandingOffer(seller=f"S{a}{b}", capacity=Energy(1), price=Price(1), arrived=(a, b)) for a, b in order]
    assert [offer.seller for offer in seller_order(offers)] == ["S10", "S11", "S20", "S53"]


@pytest.mark.parametrize("energy", [0, 1, 10**13])
def test_nothing_costs_nothing_and_much_stays_exact(energy: int) -> None:
    supply = Supply(MAX_ENERGY, MAX_PRICE, Energy(0), Price(0))
    assert supply.energy_cost(energy) == energy * 10**8 * (10**13 + energy) // 10**13
