"""What a strategy decides and the market cannot take ends nobody: it is told, the others and the next game go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from energy_market_chaincode import Topic
from prosumer_client import (
    LISTENING,
    Bid,
    Buyer,
    CommandRejected,
    Contracted,
    KeyFileError,
    MarketUnavailable,
    Meter,
    Offer,
    Reading,
    Seller,
    SellerView,
    Terms,
    Turn,
    UnusableDecision,
    UnusableValue,
    round_kwh,
    round_price,
    run_together,
)
from prosumer_client.traders import Registration
from tests.prosumer_client.conftest import logged

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from prosumer_client import MarketEvent
    from tests.prosumer_client.conftest import Operator

    Background = Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]

NOTHING_TO_TRADE = [Decimal("0.0"), 0, -1, Decimal("NaN"), float("inf"), "much", {"S1": 1}, True, 10**10, 0.00004]
NOTHING_TO_SIGN = [np.float32(1.5), float("nan"), {1.5}, "\udcff", 2**53, b"1"]
ROUNDED = {
    "a third": (1 / 3, "0.3333"),
    "an exact third": (Fraction(1, 3), "0.3333"),
    "five decimals": (Decimal("1.23456"), "1.2346"),
    "a NumPy number": (np.float32(2.5), "2.5"),
    "a NumPy double": (np.float64(0.1), "0.1"),
    "a NumPy integer": (np.int64(3), "3"),
    "text": ("2.50", "2.5"),
}


# -- the helpers


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False))
def test_a_rounded_amount_is_the_nearest_that_the_ledger_holds(value: Decimal) -> None:
    rounded = round_kwh(value)
    assert rounded == round(rounded, 4)
    assert abs(Fraction(rounded) - Fraction(value)) <= Fraction(1, 20_000)


@pytest.mark.parametrize(("value", "rounded"), ROUNDED.values(), ids=ROUNDED)
def test_whatever_stands_for_a_number_is_rounded_to_the_ledgers_grid(value: Any, rounded: str) -> None:
    assert round_kwh(value) == Decimal(rounded)
    assert round_price(value) == Decimal(str(float(value)))


NO_AMOUNTS = [Decimal("NaN"), float("nan"), float("-inf"), np.float32("inf"), "much", {"S1": 1}, None, True]
NO_AMOUNTS += [10**10, "1e999999", 1e300, Fraction(10**400)]


@pytest.mark.parametrize("value", NO_AMOUNTS)
def test_what_is_no_amount_is_named_when_it_is_refused(value: Any) -> None:
    with pytest.raises(UnusableDecision, match=r"number|hold") as refused:
        round_kwh(value)
    assert repr(value) in str(refused.value)


def test_no_bid_takes_back_energy() -> None:
    with pytest.raises(ValueError, match="S1 must not be negative"):
        Bid({"S1": "-1", "S2": "2"})  # type: ignore[dict-item]  # text, as a strategy may write it


def test_a_bid_that_would_have_to_be_rounded_says_which_amount_and_how() -> None:
    with pytest.raises(UnusableDecision, match=r"S1, 0\.333.*Turn\.rounded"):
        Bid({"S1": 1 / 3})  # type: ignore[dict-item]  # as a strategy may write it


def test_a_bid_takes_numpy_numbers() -> None:
    assert Bid({"S1": np.float32(2.5), "S2": np.int64(2)}) == Bid({"S1": Decimal("2.5"), "S2": Decimal(2)})  # type: ignore[dict-item]  # as a strategy may have them


@pytest.fixture
def turn() -> Turn:
    sellers = (SellerView("S1", Decimal(9), Decimal("0.1"), Decimal(0), 1, Decimal(0)),)
    prices = (Decimal("0.3"), Decimal("0.001"), Decimal(0))
    return Turn("G1", "B1", 1, datetime(2026, 6, 23, tzinfo=UTC), Decimal(9), *prices, sellers, None)


@pytest.mark.parametrize(("value", "rounded"), ROUNDED.values(), ids=ROUNDED)
def test_a_bid_is_rounded_from_whatever_stands_for_a_number(turn: Turn, value: Any, rounded: str) -> None:
    assert turn.rounded({"S1": value}) == Bid({"S1": Decimal(rounded)})


@pytest.mark.parametrize("value", NO_AMOUNTS)
def test_what_is_no_amount_of_a_bid_is_named_when_it_is_refused(turn: Turn, value: Any) -> None:
    with pytest.raises(UnusableDecision, match=r"number|hold") as refused:
        turn.rounded({"S1": value})
    assert repr(value) in str(refused.value)


# -- demands and offers


def failing_offers(value: Any) -> type[Seller]:
    class Night(Seller):
        async def offer(self, terms: Terms) -> Offer | None:
            if isinstance(value, BaseException):
                raise value
            return Offer(value, Decimal("0.08")) if terms.game == "G1" else Offer(Decimal(9), Decimal("0.08"))

    return Night


@pytest.mark.parametrize("value", NOTHING_TO_TRADE, ids=repr)
async def test_who_has_nothing_to_trade_stays_out_of_that_game_alone(
    operator: Operator, background: Background, value: Any
) -> None:
    class Absent(Buyer):
        async def demand(self, terms: Terms) -> Decimal | None:
            return value if terms.game == "G1" else Decimal(8)

    with capture_logs() as logs:
        night = failing_offers(value)(operator.speaker("S1"), "1", "1")
        others = [Seller(operator.speaker("S2"), "40", "0.1"), Buyer(operator.speaker("B2"), "15")]
        background(run_together(operator.market, [night, Absent(operator.speaker("B1")), *others]))
        await operator.publish("G1", expectedParticipants=2)
        await operator.begin("G1")
        await operator.publish("G2", expectedParticipants=4)
        await operator.begin("G2")
    assert [s.seller for s in (await operator.market.game("G1")).sellers] == ["S2"]
    assert [b.buyer for b in (await operator.market.game("G1")).buyers] == ["B2"]
    told = [line for line in logs if line["event"] == "The strategy's decision cannot be used"]
    assert {line["prosumer"] for line in told} == {"S1", "B1"}
    assert all(repr(value) in line["reason"] and line["game"] == "G1" for line in told)


@pytest.mark.parametrize("value", NOTHING_TO_SIGN, ids=ascii)
async def test_a_registration_that_cannot_be_signed_keeps_who_made_it_out_of_that_game_alone(
    operator: Operator, background: Background, value: Any
) -> None:
    class OnItsOwn(Buyer):
        async def entry(self, terms: Terms) -> Registration | None:
            return Registration(Topic.PUBLISH_DEMAND, {"amount": value if terms.game == "G1" else "8"})

    with capture_logs() as logs:
        others = [Seller(operator.speaker("S2"), "40", "0.1"), Buyer(operator.speaker("B2"), "15")]
        background(run_together(operator.market, [OnItsOwn(operator.speaker("B1")), *others]))
        await operator.publish("G1", expectedParticipants=2)
        await operator.begin("G1")
        await operator.publish("G2", expectedParticipants=3)
        await operator.begin("G2")
    assert [b.buyer for b in (await operator.market.game("G1")).buyers] == ["B2"]
    (told,) = [line for line in logs if line["event"] == "Not taken into the game"]
    assert (told["prosumer"], told["game"], told["code"]) == ("B1", "G1", "UNUSABLE_VALUE")
    assert repr(value) in told["reason"]


@pytest.mark.parametrize(("value", "rounded"), ROUNDED.values(), ids=ROUNDED)
async def test_a_demand_between_two_amounts_of_the_ledger_is_rounded_and_told(
    operator: Operator, value: Any, rounded: str
) -> None:
    class Careless(Buyer):
        async def demand(self, terms: Terms) -> Decimal | None:
            return value  # type: ignore[no-any-return]  # what the test is about

    await operator.publish()
    with capture_logs() as logs:
        await Careless(operator.speaker("B1")).react(await operator.event_of("GameInitEvent"))
    assert await operator.moves_of("B1", "publishDemand") == [{"game": "G1", "amount": rounded}]
    told = [line["value"] for line in logs if line["event"] == "Rounded to the ledger's 0.1 Wh"]
    assert told == ([] if Decimal(str(float(value))) == Decimal(rounded) else [str(value)])


FAILURES = [ZeroDivisionError("no sun"), asyncio.CancelledError("no sun"), SystemExit("no sun")]


@pytest.mark.parametrize("error", FAILURES, ids=repr)
async def test_an_error_in_one_strategy_of_a_group_ends_nobody(
    operator: Operator, background: Background, error: BaseException
) -> None:
    with capture_logs() as logs:
        broken = failing_offers(error)(operator.speaker("S1"), "1", "1")
        others = [Seller(operator.speaker("S2"), "40", "0.1"), Buyer(operator.speaker("B2"), "15")]
        background(run_together(operator.market, [broken, *others]))
        await operator.publish("G1", expectedParticipants=2)
        await operator.begin("G1")
    (told,) = (line for line in logs if line["event"] == "The strategy failed")
    assert (told["prosumer"], told["game"], told["reason"]) == ("S1", "G1", repr(error))
    assert told["exc_info"]


async def test_an_interrupt_of_a_strategy_is_meant_for_the_process(operator: Operator) -> None:
    broken = failing_offers(KeyboardInterrupt())(operator.speaker("S1"), "1", "1")
    await operator.publish()
    terms = Terms.model_validate((await operator.event_of("GameInitEvent")).data)
    with pytest.raises(KeyboardInterrupt):
        await broken.decision(broken.offer(terms))


async def test_a_dict_is_no_offer(operator: Operator) -> None:
    class Wrong(Seller):
        async def offer(self, terms: Terms) -> Offer | None:
            return {"amount": 1}  # type: ignore[return-value]  # what the test is about

    await operator.publish()
    with capture_logs() as logs:
        await Wrong(operator.speaker("S1"), "1", "1").react(await operator.event_of("GameInitEvent"))
    assert "offer() is to return an Offer or None, not {'amount': 1}" in [line.get("reason") for line in logs]
    assert await operator.moves_of("S1", "publishOffer") == []


# -- bids


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
    assert [line["code"] for line in logs if line["event"] == "The bid was rejected"] == ["DEMAND_EXCEEDED"]
    assert await operator.moves_of("B1") == [{"game": "G1", "round": 1, "keepPlaying": False}]


@pytest.mark.parametrize("seller", ["no such name", "\udcff"], ids=ascii)
async def test_after_a_bid_that_is_not_even_well_formed_the_others_need_not_wait(
    operator: Operator, turn_of_b1: MarketEvent, seller: str
) -> None:
    class Careless(Buyer):
        async def bid(self, turn: Turn) -> Bid | None:
            return Bid({seller: turn.demand})

    with capture_logs() as logs:
        await Careless(operator.speaker("B1"), "20").react(turn_of_b1)
    (told,) = [line for line in logs if line.get("code")]
    assert told["event"] == "The bid was rejected"
    assert ascii(seller)[1:-1] in told["reason"]
    assert await operator.moves_of("B1") == [{"game": "G1", "round": 1, "keepPlaying": False}]


@pytest.mark.parametrize("decision", [{"S1": 20}, "S1", 20, ZeroDivisionError("no idea"), float("nan")], ids=repr)
async def test_who_says_no_bid_passes_and_says_why(operator: Operator, turn_of_b1: MarketEvent, decision: Any) -> None:
    class Wrong(Buyer):
        async def bid(self, turn: Turn) -> Bid | None:
            if isinstance(decision, Exception):
                raise decision
            return Bid({"S1": decision}) if decision != decision else decision

    with capture_logs() as logs:
        await Wrong(operator.speaker("B1"), "20").react(turn_of_b1)
    reasons = [line["reason"] for line in logs if line["log_level"] in ("warning", "error")]
    assert len(reasons) == 1
    assert repr(decision) in reasons[0]
    assert await operator.moves_of("B1") == [{"game": "G1", "round": 1, "keepPlaying": False}]


# -- readings


async def after_a_game(operator: Operator) -> MarketEvent:
    await operator.publish()
    await operator.offers_and_demands()
    await operator.begin()
    for buyer in ("B1", "B2"):
        await operator.speaker(buyer).submit("publishBuyBid", {"game": "G1", "keepPlaying": False})
    return await operator.event_of("GameStopEvent")


def meter_that_reads(taken: Any) -> type[Meter]:
    class Wrong(Meter):
        async def measure(self, terms: Terms, contracted: Contracted) -> Reading:
            if isinstance(taken, Exception):
                raise taken
            return Reading(taken, Decimal(0)) if taken is not None else taken  # type: ignore[return-value]  # as above

    return Wrong


async def test_a_reading_between_two_amounts_of_the_ledger_is_rounded_and_told(operator: Operator) -> None:
    stop = await after_a_game(operator)
    with capture_logs() as logs:
        await meter_that_reads(1.98765)(operator.speaker("B1")).react(stop)
    (move,) = await operator.moves_of("B1", "publishMeterReading")
    assert (move["inEnergy"], move["outEnergy"]) == ("1.9876", "0")  # 1.98765 lies half-way: to the even neighbour
    assert [line["value"] for line in logs if line["event"] == "Rounded to the ledger's 0.1 Wh"] == ["1.98765"]


@pytest.mark.parametrize("taken", [-1, float("nan"), {}, None, OSError("no meter")], ids=repr)
async def test_what_is_no_reading_is_told_and_not_reported(operator: Operator, taken: Any) -> None:
    stop = await after_a_game(operator)
    with capture_logs() as logs:
        await meter_that_reads(taken)(operator.speaker("B1")).react(stop)
    assert await operator.moves_of("B1", "publishMeterReading") == []
    assert [line["prosumer"] for line in logs if line.get("reason")] == ["B1"]


# -- a group


async def test_a_member_that_the_market_refuses_leaves_the_others_playing(
    operator: Operator, background: Background
) -> None:
    stranger = operator.market.speaking_as(type(operator.market.identity)("S1", operator.market.identity.key))
    with capture_logs() as logs:
        known = [Seller(operator.speaker("S2"), "40", "0.1"), Buyer(operator.speaker("B2"), "15")]
        background(run_together(operator.market, [Seller(stranger, "1", "1"), *known]))
        await operator.publish("G1", expectedParticipants=2)
        await operator.begin("G1")
        await logged(logs, code="BAD_SIGNATURE", prosumer="S1")


DEFECTS: dict[str, Callable[[str], BaseException]] = {
    "an error": KeyError,
    "an exit": SystemExit,
    "what cannot be signed": partial(UnusableValue, "UNUSABLE_VALUE"),
    "a command of its own": partial(CommandRejected, "UNKNOWN_GAME", "there is no such game"),
    "a key": partial(KeyFileError, "KEY_FILE_MISSING"),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
async def test_a_defect_in_one_member_ends_nobody(
    operator: Operator, background: Background, defect: Callable[[str], BaseException]
) -> None:
    class Defective(Seller):
        async def react(self, event: MarketEvent) -> None:
            raise defect(event.name)

    with capture_logs() as logs:
        members = [Defective(operator.speaker("S1"), "1", "1"), Seller(operator.speaker("S2"), "40", "0.1")]
        background(run_together(operator.market, [*members, Buyer(operator.speaker("B2"), "15")]))
        await logged(logs, event=LISTENING)
        await operator.publish("G1", expectedParticipants=2)
        await operator.begin("G1")
        await logged(logs, reason=repr(defect("GameInitEvent")))


async def test_an_outage_still_ends_them_all(operator: Operator) -> None:
    class Cut(Seller):
        async def react(self, event: MarketEvent) -> None:
            raise MarketUnavailable("the cable is cut")

    playing = asyncio.create_task(run_together(operator.market, [Cut(operator.speaker("S1"), "1", "1")]))
    await operator.fake.until(lambda: _true_after(operator.fake.asked("GET", "/events")))
    await operator.publish()
    with pytest.raises(MarketUnavailable, match="the cable is cut"):
        await playing


async def _true_after(times: int) -> bool:
    return times > 0
