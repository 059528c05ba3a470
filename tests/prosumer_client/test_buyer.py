"""Buyers and sellers: they register, play their turns once each, and go on after every trouble."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from energy_market_chaincode import Topic
from energy_market_chaincode.events import BuyBidEvent
from prosumer_client import Bid, Buyer, MarketClient, Offer, Optimizer, Patience, Seller, Terms, Turn
from prosumer_client.identity import repeatable_id
from tests.prosumer_client.conftest import logged

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from prosumer_client import Identity, MarketEvent
    from tests.prosumer_client.conftest import FakeMarket, Operator

    Background = Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]

SOON = Patience(total_s=0.2, first_delay_s=0.01, longest_delay_s=0.02)


class CheapestFirst(Buyer):
    async def bid(self, turn: Turn) -> Bid | None:
        if turn.standing_bid is not None:
            return None
        return turn.fill(sorted(turn.sellers, key=lambda seller: seller.unit_cost()))


def everybody(operator: Operator, buyer: type[Buyer] = Buyer) -> list[Seller | Buyer]:
    return [
        Seller(operator.speaker("S1"), "30", "0.08"),
        Seller(operator.speaker("S2"), "40", "0.1"),
        buyer(operator.speaker("B1"), "20"),
        buyer(operator.speaker("B2"), "15"),
    ]


@pytest.fixture
async def sellers(operator: Operator, background: Background) -> Operator:
    """A market in which the sellers play."""
    for seller in everybody(operator)[:2]:
        background(seller.run())
    return operator


@pytest.fixture
async def turn_of_b1(operator: Operator) -> MarketEvent:
    """The event that gives B1 its first turn in a game whose deadlines are far."""
    await operator.publish()
    await operator.offers_and_demands()
    await operator.begin()
    event = await operator.event_of("BuyBidEvent")
    assert event.data["buyerInTurn"] == "B1"
    return event


async def test_best_responses_end_in_an_equilibrium(operator: Operator, background: Background) -> None:
    for participant in everybody(operator):
        background(participant.run())
    await operator.publish()
    await operator.begin()
    stop = await operator.stop_of()
    assert stop["reason"] == "equilibrium"
    bids = await operator.market.bids("G1")
    assert {bid.buyer: sum((bid.amounts or {}).values()) for bid in bids} == {"B1": 20, "B2": 15}


async def test_they_play_game_after_game(operator: Operator, background: Background) -> None:
    for participant in everybody(operator):
        background(participant.run())
    for game in ("G1", "G2", "G3"):
        await operator.publish(game)
        await operator.begin(game)
        assert (await operator.stop_of(game))["reason"] == "equilibrium"


async def test_games_may_run_at_the_same_time(operator: Operator, background: Background) -> None:
    for participant in everybody(operator):
        background(participant.run())
    games = ("G1", "G2")
    for game in games:
        await operator.publish(game)
    for game in games:
        await operator.begin(game)
    for game in games:
        assert (await operator.stop_of(game))["reason"] == "equilibrium"


async def test_one_game_can_be_played_alone(sellers: Operator, background: Background) -> None:
    b1, b2 = (background(buyer.play_one()) for buyer in everybody(sellers)[2:])
    await sellers.publish()
    await sellers.begin()
    stop = await b1
    assert stop == await b2 == await sellers.event_of("GameStopEvent")


async def test_a_strategy_is_a_method_to_override(sellers: Operator, background: Background) -> None:
    for buyer in everybody(sellers, CheapestFirst)[2:]:
        background(buyer.run())
    await sellers.publish()
    await sellers.begin()
    assert (await sellers.stop_of())["rounds"] == 2
    amounts = {bid.buyer: bid.amounts for bid in await sellers.market.bids("G1")}
    assert amounts == {"B1": {"S1": Decimal(20), "S2": Decimal(0)}, "B2": {"S1": Decimal(0), "S2": Decimal(15)}}


async def test_demand_and_offer_of_a_game_are_methods_to_override(operator: Operator, background: Background) -> None:
    class Weekday(Buyer):
        async def demand(self, terms: Terms) -> Decimal | None:
            return Decimal("7.5") if terms.delivery_slot == "G2" else None

    class Cautious(Seller):
        async def offer(self, terms: Terms) -> Offer | None:
            return Offer(Decimal(9), terms.feed_in_tariff) if terms.delivery_slot == "G2" else None

    background(Weekday(operator.speaker("B1")).run())
    background(Cautious(operator.speaker("S1"), "1", "1").run())
    for game in ("G1", "G2"):
        await operator.publish(game, expectedParticipants=2)
    await operator.begin("G2")
    second = await operator.market.game("G2")
    assert [(s.capacity, s.price) for s in second.sellers] == [(Decimal(9), Decimal("0.1231"))]
    assert [b.demand for b in second.buyers] == [Decimal("7.5")]
    assert (await operator.market.game("G1")).nr_buyers == 0


async def test_who_comes_late_registers_for_what_is_open_and_takes_the_turn_that_waits(
    operator: Operator, background: Background
) -> None:
    await operator.publish()
    for participant in everybody(operator)[:3]:
        background(participant.run())
    await operator.speaker("B2").submit("publishDemand", {"game": "G1", "amount": "15"})
    await operator.begin()

    async def is_b2_in_turn() -> bool:
        return bool((await operator.fake.view("game", "G1"))["buyerInTurn"] == "B2")

    await operator.fake.until(is_b2_in_turn)
    background(everybody(operator)[3].run())
    assert (await operator.stop_of())["reason"] == "equilibrium"


@pytest.mark.parametrize("requests", range(1, 24, 2))
async def test_a_buyer_killed_after_any_request_comes_back_and_does_nothing_twice(
    sellers: Operator, background: Background, requests: int
) -> None:
    background(everybody(sellers)[3].run())
    await sellers.publish()
    start = len(sellers.fake.requests)

    async def is_time_to_die() -> bool:
        return len(sellers.fake.requests) >= start + requests

    async def live_and_die() -> None:
        life = asyncio.create_task(everybody(sellers)[2].run())
        await sellers.fake.until(is_time_to_die)
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        await everybody(sellers)[2].run()

    background(live_and_die())
    await sellers.begin()
    stop = await sellers.stop_of()
    assert stop["reason"] == "equilibrium"
    assert len(await sellers.moves_of("B1")) == stop["rounds"]
    assert len(await sellers.moves_of("B1", "publishDemand")) == 1


async def test_breaks_of_every_kind_do_not_stop_a_game(operator: Operator, background: Background) -> None:
    for participant in everybody(operator):
        background(participant.run())
    fake = operator.fake
    fake.cuts = [700, 30, 0, 900, 5, 400, 2000, 1]
    fake.repeats_events = True
    await operator.publish()
    for after in (True, False):
        fake.drop("POST", "/queue", after=after)
        fake.drop("GET", "/queue/", after=after)
    fake.refuse("POST", "/queue", 429, "QUEUE_FULL", Retry_After="0")
    await operator.begin()
    await fake.restart()
    stop = await operator.stop_of()
    assert stop["reason"] == "equilibrium"
    for buyer in ("B1", "B2"):
        assert len(await operator.moves_of(buyer)) == stop["rounds"]


async def test_the_same_turn_told_twice_is_played_once(operator: Operator, turn_of_b1: MarketEvent) -> None:
    buyer = Buyer(operator.speaker("B1"), "20")
    await buyer.react(turn_of_b1)
    asked = operator.fake.asked("POST", "/queue")
    await buyer.react(turn_of_b1)
    assert operator.fake.asked("POST", "/queue") == asked


async def test_the_ledger_and_the_event_tell_of_the_same_turn(operator: Operator, turn_of_b1: MarketEvent) -> None:
    buyer = Buyer(operator.speaker("B1"), "20")
    game = Turn.from_event(BuyBidEvent.model_validate(turn_of_b1.data))
    assert Turn.from_ledger(await game_view(operator), await operator.market.bids("G1")) == game
    await buyer.catch_up(await game_view(operator))
    await buyer.react(turn_of_b1)
    assert len(await operator.moves_of("B1")) == 1
    await Buyer(operator.speaker("B2"), "15").react(await operator.event_of("BuyBidEvent"))
    second = Turn.from_event(BuyBidEvent.model_validate((await operator.event_of("BuyBidEvent")).data))
    assert second.standing_bid is not None
    assert Turn.from_ledger(await game_view(operator), await operator.market.bids("G1")) == second


async def game_view(operator: Operator) -> Any:

    return await operator.market.game("G1")


async def short_turn_of_b1(operator: Operator) -> MarketEvent:
    """Give B1 a turn whose deadline is over at once."""
    await operator.publish(turnDeadlineMs=1)
    await operator.offers_and_demands()
    await operator.begin()
    return await operator.event_of("BuyBidEvent")


async def test_a_turn_that_is_over_is_left_alone(operator: Operator) -> None:
    event = await short_turn_of_b1(operator)
    await operator.market.submit("skipTurn", {"game": "G1", "buyer": "B1", "round": 1})
    asked = operator.fake.asked("POST", "/queue")
    with capture_logs() as logs:
        await Buyer(operator.speaker("B1"), "20").react(event)
    assert operator.fake.asked("POST", "/queue") == asked
    assert "This turn is over" in [line["event"] for line in logs]


async def test_a_turn_of_a_market_that_was_reset_is_left_alone(operator: Operator) -> None:
    event = await short_turn_of_b1(operator)
    await operator.market.submit("resetMarket", {})
    asked = operator.fake.asked("POST", "/queue")
    await Buyer(operator.speaker("B1"), "20").react(event)
    assert operator.fake.asked("POST", "/queue") == asked


async def test_a_turn_past_its_deadline_is_played_while_nobody_skips_it(operator: Operator) -> None:
    await Buyer(operator.speaker("B1"), "20").react(await short_turn_of_b1(operator))
    assert len(await operator.moves_of("B1")) == 1


async def test_a_bid_that_comes_too_late_is_told_and_not_fatal(operator: Operator) -> None:
    event = await short_turn_of_b1(operator)
    await operator.market.submit("skipTurn", {"game": "G1", "buyer": "B1", "round": 1})
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    asked = operator.fake.asked("POST", "/queue")
    with capture_logs() as logs:
        # Our clock is behind the ledger's.
        await Buyer(operator.speaker("B1"), "20").react(
            dataclasses.replace(event, data={**event.data, "deadline": later})
        )
    assert [line["code"] for line in logs if line["event"] == "The bid was rejected"] == ["NOT_YOUR_TURN"]
    assert operator.fake.asked("POST", "/queue") == asked + 1


async def test_what_an_earlier_life_said_in_a_turn_stands(operator: Operator, turn_of_b1: MarketEvent) -> None:
    deadline = datetime.fromisoformat(turn_of_b1.data["deadline"])
    same = repeatable_id("B1", Topic.PUBLISH_BUY_BID, "G1", 1, deadline)
    b1 = operator.speaker("B1")
    await b1.submit(Topic.PUBLISH_BUY_BID, {"game": "G1", "keepPlaying": False}, command_id=same)
    with capture_logs() as logs:
        await Buyer(b1, "20").react(turn_of_b1)
    assert "What was said before on this occasion stands" in [line["event"] for line in logs]
    assert await operator.moves_of("B1") == [{"game": "G1", "keepPlaying": False}]


async def test_after_a_reset_a_game_of_the_same_name_is_another_one(operator: Operator, background: Background) -> None:
    for participant in everybody(operator):
        background(participant.run())
    for _ in range(2):
        await operator.publish("G1")
        await operator.begin("G1")
        assert (await operator.stop_of("G1"))["reason"] == "equilibrium"
        await operator.market.submit("resetMarket", {})
    assert len(await operator.moves_of("B1", "publishDemand")) == 2


async def test_a_demand_that_does_not_fit_takes_what_is_cheaper_than_the_grid(
    operator: Operator, background: Background
) -> None:
    for participant in [*everybody(operator)[:2], *everybody(operator)[3:], Buyer(operator.speaker("B1"), "70.0001")]:
        background(participant.run())
    await operator.publish()
    await operator.begin()
    await operator.stop_of()
    game, (big, _) = await operator.market.game("G1"), await operator.market.bids("G1")
    assert game.stop is not None
    assert game.stop.reason == "equilibrium"
    assert big.amounts is not None
    assert 0 < sum(big.amounts.values()) < big.demand
    assert big.cost < game.parameters.retail_tariff * big.demand


async def test_who_is_not_taken_into_a_game_says_why_and_plays_the_next(
    sellers: Operator, background: Background, identity: Callable[[str], Identity]
) -> None:
    poor = {"id": "B9", "publicKey": identity("B9").public_key}
    await sellers.market.submit("registerProsumer", poor)
    hops = {buyer: {"S1": 1, "S2": 1} for buyer in ("B1", "B2", "B9")}
    await sellers.market.submit("setTopology", {"hops": hops})
    b9 = Buyer(sellers.speaker("B9"), "20")
    with capture_logs() as logs:
        background(b9.run())
        for buyer in everybody(sellers)[2:]:
            background(buyer.run())
        await sellers.publish("G1")
        await logged(logs, event="Not taken into the game", code="INSUFFICIENT_FUNDS")
        await sellers.begin("G1")
        await sellers.stop_of("G1")
    await sellers.market.submit("topUpAccount", {"prosumer": "B9", "amount": "1000"})
    await sellers.publish("G2", expectedParticipants=5)
    await sellers.begin("G2")
    await sellers.stop_of("G2")


async def test_the_log_tells_the_story(operator: Operator, turn_of_b1: MarketEvent) -> None:
    with capture_logs() as logs:
        await Buyer(operator.speaker("B1"), "20").react(turn_of_b1)
    told = [line["event"] for line in logs]
    assert told[0] == "Created buyer with demand amount: 20"
    assert "Buyer playing in game" in told
    assert any(text.startswith("Optimized solution for demand of 20: S1 ") for text in told)
    assert "Previous solution: none" in told
    assert all(line["prosumer"] == "B1" for line in logs)


# -- the optimizer


async def test_the_optimizer_s_bid_is_played(operator: Operator, turn_of_b1: MarketEvent) -> None:
    operator.fake.answer("POST", "/best-response", b'{"amounts": {"S1": 12.5, "S2": 7.5}, "cost": 1}')
    async with Optimizer(operator.fake.url) as optimizer:
        await Buyer(operator.speaker("B1"), "20", optimizer).react(turn_of_b1)
    assert [move["bidAmounts"] for move in await operator.moves_of("B1")] == [{"S1": "12.5", "S2": "7.5"}]


@pytest.mark.parametrize("trouble", ["silent", "refuses", "nonsense", "gone"])
async def test_without_the_optimizer_s_help_a_buyer_computes_itself(
    operator: Operator, fake: FakeMarket, turn_of_b1: MarketEvent, trouble: str
) -> None:
    url = operator.fake.url
    match trouble:
        case "silent":
            for _ in range(100):
                fake.drop("POST", "/best-response")
        case "refuses":
            fake.refuse("POST", "/best-response", 422, "INVALID_PARAMETER")
        case "nonsense":
            fake.answer("POST", "/best-response", b'{"amounts": [1]}')
        case "gone":
            url = "http://127.0.0.1:9"
    expected = Turn.from_event(BuyBidEvent.model_validate(turn_of_b1.data)).best_response()
    with capture_logs() as logs:
        async with Optimizer(url, patience=SOON) as optimizer:
            await Buyer(operator.speaker("B1"), "20", optimizer).react(turn_of_b1)
    assert "The optimizer did not help, computing here" in [line["event"] for line in logs]
    assert [Bid(move["bidAmounts"]) for move in await operator.moves_of("B1")] == [expected]


async def test_a_client_that_reads_only_cannot_play(operator: Operator) -> None:
    async with MarketClient(operator.fake.url) as reader:
        with pytest.raises(ValueError, match="no identity"):
            Buyer(reader, "20")
