"""Bids that the market cannot take: told with the reason, and the turn goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from prosumer_client import Bid, Buyer, Turn

if TYPE_CHECKING:
    from prosumer_client import MarketEvent
    from tests.prosumer_client.conftest import Operator


@pytest.fixture
async def turn_of_b1(operator: Operator) -> MarketEvent:
    """The event that gives B1 its first turn."""
    await operator.publish()
    await operator.offers_and_demands()
    await operator.begin()
    return await operator.event_of("BuyBidEvent")


async def test_after_a_bid_that_breaks_a_rule_the_others_need_not_wait(
    operator: Operator, turn_of_b1: MarketEvent
) -> None:
    class Greedy(Buyer):
        async def bid(self, turn: Turn) -> Bid | None:
            return Bid({"S1": turn.demand * 2})

    with capture_logs() as logs:
        await Greedy(operator.speaker("B1"), "20").react(turn_of_b1)
    assert [line["code"] for line in logs if line["event"] == "The bid was rejected"] == ["DEMAND_NOT_MET"]
    assert await operator.moves_of("B1") == [{"game": "G1", "round": 1, "keepPlaying": False}]


async def test_after_a_bid_that_is_not_even_well_formed_the_others_need_not_wait(
    operator: Operator, turn_of_b1: MarketEvent
) -> None:
    class Careless(Buyer):
        async def bid(self, turn: Turn) -> Bid | None:
            return Bid({"no such name": turn.demand})

    with capture_logs() as logs:
        await Careless(operator.speaker("B1"), "20").react(turn_of_b1)
    assert [line["event"] for line in logs if line.get("code")] == ["The bid was rejected"]
    assert await operator.moves_of("B1") == [{"game": "G1", "round": 1, "keepPlaying": False}]


async def test_what_is_no_bid_is_told_to_who_wrote_the_strategy(operator: Operator, turn_of_b1: MarketEvent) -> None:
    class Wrong(Buyer):
        async def bid(self, turn: Turn) -> Bid | None:
            return {"S1": turn.demand}  # type: ignore[return-value]  # what the test is about

    with pytest.raises(TypeError, match="return Bid"):
        await Wrong(operator.speaker("B1"), "20").react(turn_of_b1)


def test_no_bid_takes_back_energy() -> None:
    with pytest.raises(ValueError, match="S1 must not be negative"):
        Bid({"S1": "-1", "S2": "2"})  # type: ignore[dict-item]  # text, as a strategy may write it
