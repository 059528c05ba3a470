"""A buyer's turn: its arithmetic is the ledger's."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from energy_market_chaincode import units
from energy_market_chaincode.events import BuyBidEvent
from energy_market_chaincode.units import kwh
from prosumer_client import Bid, SellerView, Turn

ENERGIES = st.integers(0, 500_000)


@st.composite
def sellers(draw: st.DrawFn) -> SellerView:
    capacity = draw(st.integers(1, 500_000))
    hops = draw(st.integers(0, 9))
    return SellerView(
        seller=f"S{draw(st.integers(0, 10**9))}",
        capacity=kwh(capacity),
        price=Decimal(draw(st.integers(1, 10**6))).scaleb(-6),
        others_load=kwh(draw(st.integers(0, capacity))),
        hops=hops,
        fee=Decimal("0.02") * hops,
    )


@st.composite
def turns(draw: st.DrawFn, fits: bool = True) -> Turn:
    offered = draw(st.lists(sellers(), min_size=1, max_size=6, unique_by=lambda seller: seller.seller))
    room = sum(int(seller.room.scaleb(4)) for seller in offered)
    assume(room > 0)
    demand = draw(st.integers(1, room)) if fits else room + draw(st.integers(1, 1000))
    return Turn(
        game="G1",
        buyer="B1",
        round=1,
        deadline=datetime(2026, 11, 23, tzinfo=UTC),
        demand=kwh(demand),
        retail_tariff=Decimal(draw(st.integers(0, 10**6))).scaleb(-6),
        tolerance=Decimal("0.000001"),
        fee_per_hop=Decimal("0.02"),
        sellers=tuple(offered),
        standing_bid=None,
    )


def is_acceptable(turn: Turn, bid: Bid) -> bool:
    rooms = {seller.seller: seller.room for seller in turn.sellers}
    return sum(bid.amounts.values()) <= turn.demand and all(0 < a <= rooms[s] for s, a in bid.amounts.items())


@settings(deadline=None)
@given(st.one_of(turns(), turns(fits=False)), st.randoms(use_true_random=False))
def test_every_bid_it_makes_is_one_the_contract_takes(turn: Turn, chance: Any) -> None:
    order = list(turn.sellers)
    chance.shuffle(order)
    best, filled = turn.best_response(), turn.fill(order)
    assert is_acceptable(turn, best)
    assert is_acceptable(turn, filled)
    spare_money = units.currency(2 * len(order) + 1)  # each transfer is rounded twice
    assert turn.cost(best) <= min(turn.cost(filled), turn.cost(Bid({}))) + spare_money


@settings(deadline=None)
@given(turns(fits=False))
def test_of_a_demand_that_does_not_fit_the_grid_gives_the_rest(turn: Turn) -> None:
    assert turn.room < turn.demand
    assert sum(turn.fill(turn.sellers).amounts.values()) == turn.room
    dear_grid = dataclasses.replace(turn, retail_tariff=Decimal(10))
    assert sum(dear_grid.best_response().amounts.values()) == turn.room
    free_grid = dataclasses.replace(turn, retail_tariff=Decimal(0))
    assert free_grid.best_response() == Bid({})


@settings(deadline=None)
@given(turns(), st.lists(st.floats(-0.0004, 0.0004), min_size=6, max_size=6))
def test_a_solver_s_roundings_are_mended(turn: Turn, noise: list[float]) -> None:
    best = turn.best_response()
    blurred = {
        seller.seller: float(best.amounts.get(seller.seller, 0)) + error
        for seller, error in zip(turn.sellers, noise, strict=False)
    }
    mended = turn.rounded(blurred)
    assert is_acceptable(turn, mended)
    for seller in turn.sellers:
        meant = Decimal(blurred[seller.seller])
        assert abs(mended.amounts.get(seller.seller, Decimal(0)) - meant) <= Decimal("0.001") * (len(turn.sellers) + 1)


@pytest.fixture
def turn() -> Turn:
    event = BuyBidEvent.model_validate(
        {
            "game": "G1",
            "buyerInTurn": "P003",
            "buyerInTurnIndex": 0,
            "round": 2,
            "deadline": "2026-11-23T20:08:00.000Z",
            "demand": 28,
            "retailTariff": Decimal("0.2869"),
            "feePerHop": Decimal("0.02"),
            "tolerance": Decimal("0.01"),
            "sellers": [
                {"seller": "S4", "capacity": 350, "price": Decimal("0.14"), "othersLoad": 35, "hops": 4},
                {"seller": "S1", "capacity": 36, "price": Decimal("0.08"), "othersLoad": 27, "hops": 1},
            ],
            "standingBid": {"S4": 28, "S1": 0},
        }
    )
    return Turn.from_event(event)


def test_an_event_is_read_in_decimals(turn: Turn) -> None:
    assert (turn.buyer, turn.round, turn.deadline.tzinfo) == ("P003", 2, UTC)
    assert turn.sellers[1] == SellerView("S1", Decimal(36), Decimal("0.08"), Decimal(27), 1, Decimal("0.02"))
    assert turn.standing_bid == Bid({"S4": Decimal(28)})
    assert turn.room == Decimal(324)


def test_costs_are_the_model_s(turn: Turn) -> None:
    far, near = turn.sellers
    assert far.unit_cost() == Decimal("0.14") * Decimal("1.1") + Decimal("0.08")
    assert near.unit_cost(Decimal(9)) == Decimal("0.08") * 2 + Decimal("0.02")
    assert turn.cost(Bid({"S4": Decimal(28)})) == Decimal(28) * far.unit_cost(Decimal(28))
    assert turn.cost(Bid({"S4": Decimal(27)})) == Decimal(27) * far.unit_cost(Decimal(27)) + Decimal("0.2869")
    assert turn.cost(Bid({})) == Decimal("0.2869") * 28


def test_a_bid_is_worth_its_while_if_it_saves_more_than_the_tolerance(turn: Turn) -> None:
    best = turn.best_response()
    assert turn.is_worthwhile(best)
    assert turn.standing_bid is not None
    assert not turn.is_worthwhile(turn.standing_bid)
    a_little_better = Bid({"S4": Decimal("27.99"), "S1": Decimal("0.01")})
    assert turn.cost(a_little_better) < turn.cost(turn.standing_bid)
    assert not turn.is_worthwhile(a_little_better)


def test_an_unknown_seller_is_named(turn: Turn) -> None:
    with pytest.raises(ValueError, match="S9 do not offer in game G1"):
        turn.cost(Bid({"S9": Decimal(1)}))


def test_without_a_standing_bid_the_grid_is_what_a_bid_has_to_beat(turn: Turn) -> None:
    first = dataclasses.replace(turn, standing_bid=None)
    assert first.is_worthwhile(first.best_response())
    assert not first.is_worthwhile(Bid({}))


def test_amounts_that_exceed_the_demand_are_refused_and_what_is_missing_comes_from_the_grid(turn: Turn) -> None:
    with pytest.raises(ValueError, match="exceed the demand of 28 kWh by 1 kWh"):
        turn.rounded({"S4": 29.0})
    assert turn.rounded({"S4": 27.0}) == Bid({"S4": Decimal(27)})
    scarce = dataclasses.replace(turn, sellers=turn.sellers[1:], demand=Decimal("9.0005"))
    assert scarce.rounded({"S1": 9.0005}) == Bid({"S1": Decimal(9)})


@pytest.mark.parametrize("amount", ["0.00001", "NaN", "much"])
def test_an_amount_that_the_ledger_cannot_hold_is_refused(amount: Any) -> None:
    with pytest.raises(ValueError, match=r"decimals|number"):
        Bid({"S1": amount})


def test_a_bid_reads_well() -> None:
    assert str(Bid({"S1": Decimal("10.4618"), "S2": Decimal(0)})) == "S1 10.4618"
    assert str(Bid({})) == "nothing but the grid"
