"""Meters: they report what was delivered and received, once, over restarts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from energy_market_chaincode import iso
from prosumer_client import Contracted, ContractReader, Meter, Reading, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from energy_market_chaincode import GameView
    from prosumer_client import MarketEvent
    from tests.prosumer_client.conftest import Operator

    Background = Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]

BIDS = {"B1": {"S1": "20"}, "B2": {"S1": "10", "S2": "5"}}


async def play_to_the_stop(operator: Operator, **parameters: Any) -> None:
    """Everybody bids once, then all pass."""
    await operator.publish(**parameters)
    await operator.offers_and_demands()
    await operator.begin()
    for buyer, amounts in BIDS.items():
        await operator.speaker(buyer).submit("publishBuyBid", {"game": "G1", "bidAmounts": amounts})
    for buyer in BIDS:
        await operator.speaker(buyer).submit("publishBuyBid", {"game": "G1", "keepPlaying": False})


@pytest.fixture
async def stop(operator: Operator) -> MarketEvent:
    """A game's GameStopEvent."""
    await play_to_the_stop(operator)
    return await operator.event_of("GameStopEvent")


async def readings(operator: Operator, *names: str) -> dict[str, list[tuple[str, str]]]:
    return {
        name: [(r["inEnergy"], r["outEnergy"]) for r in await operator.moves_of(name, "publishMeterReading")]
        for name in names
    }


async def test_when_a_game_stops_everybody_delivers_and_receives_its_part(
    operator: Operator, background: Background
) -> None:
    everybody = ("S1", "S2", "B1", "B2")
    for name in everybody:
        background(Meter(operator.speaker(name)).run())
    await play_to_the_stop(operator)

    async def is_all_paid() -> bool:
        transfers = (await operator.fake.view("transfers", "G1"))["transfers"]
        return all(transfer["isFulfilled"] for transfer in transfers)

    await operator.fake.until(is_all_paid)
    expected = {"S1": [("0", "30")], "S2": [("0", "5")], "B1": [("20", "0")], "B2": [("15", "0")]}
    assert await readings(operator, *everybody) == expected
    await operator.market.submit("closeMarket", {"game": "G1"})


async def test_a_meter_s_part_of_a_game_can_be_played_alone(operator: Operator, background: Background) -> None:
    played = background(Meter(operator.speaker("S1")).play_one())
    await play_to_the_stop(operator)
    assert await played == await operator.event_of("GameStopEvent")


async def test_a_share_is_rounded_to_what_the_ledger_holds(operator: Operator, stop: MarketEvent) -> None:
    await Meter(operator.speaker("S1"), "0.33333333").react(stop)
    assert await readings(operator, "S1") == {"S1": [("0", "10")]}
    await Meter(operator.speaker("S2"), "0.33333333").react(stop)
    assert await readings(operator, "S2") == {"S2": [("0", "1.6667")]}


async def test_what_is_measured_is_a_method_to_override(operator: Operator, stop: MarketEvent) -> None:
    class Broken(Meter):
        async def measure(self, terms: Terms, contracted: Contracted) -> Reading:
            return Reading(in_energy=Decimal("0.5"), out_energy=contracted.to_deliver - 1)

    await Broken(operator.speaker("S1")).react(stop)
    assert await readings(operator, "S1") == {"S1": [("0.5", "29")]}


async def test_a_reading_counts_once_in_all_lives_of_the_process(operator: Operator, stop: MarketEvent) -> None:
    for _ in range(2):
        await Meter(operator.speaker("S1")).react(stop)
        await Meter(operator.speaker("S1")).catch_up(await operator.market.game("G1"))
    await Meter(operator.speaker("S1"), "0.5").react(stop)
    assert await readings(operator, "S1") == {"S1": [("0", "30")]}


async def test_several_readings_of_a_game_have_numbers_of_their_own(operator: Operator, stop: MarketEvent) -> None:
    meter = Meter(operator.speaker("S1"))
    terms = (await operator.market.game("G1")).terms
    for part in (1, 2, 2):
        assert await meter.publish(terms, Reading(Decimal(0), Decimal(15)), part)
    moves = await operator.moves_of("S1", "publishMeterReading")
    assert len({move["sequence"] for move in moves}) == len(moves) == 2


@pytest.mark.parametrize("requests", range(1, 8))
async def test_a_meter_killed_after_any_request_comes_back_and_reports_once(
    operator: Operator, background: Background, requests: int
) -> None:
    await play_to_the_stop(operator)
    start = len(operator.fake.requests)

    async def is_time_to_die() -> bool:
        return len(operator.fake.requests) >= start + requests

    async def live_and_die() -> None:
        life = asyncio.create_task(Meter(operator.speaker("S1")).run())
        await operator.fake.until(is_time_to_die)
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        await Meter(operator.speaker("S1")).run()

    background(live_and_die())

    async def is_reported() -> bool:
        return bool((await readings(operator, "S1"))["S1"])

    await operator.fake.until(is_reported)
    assert await readings(operator, "S1") == {"S1": [("0", "30")]}


async def test_a_buyer_without_a_bid_takes_its_demand_from_the_grid(operator: Operator) -> None:
    await operator.publish()
    await operator.offers_and_demands()
    await operator.begin()
    for buyer in BIDS:
        await operator.speaker(buyer).submit("publishBuyBid", {"game": "G1", "keepPlaying": False})
    stop = await operator.event_of("GameStopEvent")
    for name in ("B1", "S1"):
        await Meter(operator.speaker(name), "0.5").react(stop)
    assert await readings(operator, "B1", "S1") == {"B1": [("10", "0")], "S1": []}


async def test_who_is_not_in_a_game_reports_nothing(operator: Operator, stop: MarketEvent) -> None:
    await Meter(operator.market).react(stop)
    assert await readings(operator, "operator") == {"operator": []}


async def test_after_the_close_there_is_nothing_to_report(operator: Operator, stop: MarketEvent) -> None:
    for name in ("S1", "S2", "B1", "B2"):
        await Meter(operator.speaker(name)).react(stop)
    await operator.market.submit("closeMarket", {"game": "G1"})
    with capture_logs() as logs:
        await Meter(operator.speaker("S1")).react(stop)
    assert logs[-1]["event"] == "The game's delivery is over, nothing to report"


async def test_a_reading_that_comes_too_late_is_told_and_not_fatal(operator: Operator, stop: MarketEvent) -> None:
    terms = (await operator.market.game("G1")).terms
    for name in ("S1", "S2", "B1", "B2"):
        await Meter(operator.speaker(name)).react(stop)
    await operator.market.submit("closeMarket", {"game": "G1"})
    with capture_logs() as logs:
        assert not await Meter(operator.speaker("S1")).publish(terms, Reading(Decimal(0), Decimal(1)), 9)
    assert logs[-1]["code"] == "WRONG_PHASE"


async def test_after_a_reset_there_is_nothing_to_report(operator: Operator, stop: MarketEvent) -> None:
    await operator.market.submit("resetMarket", {})
    await Meter(operator.speaker("S1")).react(stop)
    assert await readings(operator, "S1") == {"S1": []}


async def test_the_meters_of_a_process_read_a_game_once(operator: Operator, stop: MarketEvent) -> None:
    contracts, before = ContractReader(operator.market), operator.fake.asked("GET", "/games/G1")
    await asyncio.gather(*(Meter(operator.speaker(name), "1", contracts).react(stop) for name in ("S1", "S2", "B1")))
    assert operator.fake.asked("GET", "/games/G1") == before + 1


def test_less_than_nothing_cannot_be_delivered(operator: Operator) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Meter(operator.speaker("S1"), "-0.1")


async def test_of_a_slot_with_a_time_is_reported_when_it_is_over(
    operator: Operator, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    published: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    class Watched(Meter):
        async def catch_up(self, game: GameView) -> None:
            looked.set()
            await super().catch_up(game)

        async def publish(self, terms: Terms, reading: Reading, part: int = 0) -> bool:
            published.set_result(await super().publish(terms, reading, part))
            return published.result()

    monkeypatch.setattr("prosumer_client.meter.LOOK_EVERY", timedelta(milliseconds=10))
    with capture_logs() as logs:
        background(Watched(operator.speaker("S1")).run())
        await play_to_the_stop(operator, deliverySlot=iso(datetime.now(UTC) + timedelta(hours=2)))
        await looked.wait()
        assert not published.done()
        monkeypatch.setattr("prosumer_client.meter.AFTER_THE_SLOT", -timedelta(hours=3))
        assert not await published, "the ledger's time is the real one"
    assert "DELIVERY_NOT_BEGUN" in [line.get("code") for line in logs]
