"""A household: a day ordered in one command, turns where it buys, readings of each slot, by the ledger's own time."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from energy_market_chaincode import Energy, GameView, Topic, iso, units
from ledger.embedded import EmbeddedLedger
from prosumer_client import (
    Battery,
    Bid,
    Demand,
    Forecast,
    Household,
    MarketClient,
    Meter,
    Offer,
    Profile,
    Reading,
    Seller,
    Terms,
    Turn,
    key_file,
    store_key,
)
from prosumer_client.profile import Use
from prosumer_client.traders import Registration
from tests.prosumer_client.conftest import HOUR_MS, FakeMarket, Operator, identity_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from prosumer_client import Patience

    Background = Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-strategy.md"
QUARTER = timedelta(minutes=15)
MORNING = datetime(2031, 6, 23, 6, tzinfo=UTC)
DAY = [(0, 3000), (5000, 1000), (2000, 2000), (1000, 9000)]
"""(load, pv) of the household H by slot, 0.1 Wh: it sells, buys, does nothing, sells."""


class Clock:
    """The time of the ledger and of everybody; it moves when told."""

    def __init__(self) -> None:
        self.now = MORNING - timedelta(hours=1)

    def now_ms(self) -> int:
        return round(self.now.timestamp() * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("prosumer_client.connection.MarketTime.now", lambda _: clock.now)
    monkeypatch.setattr("prosumer_client.client.usual_end", lambda: clock.now + timedelta(days=1))
    monkeypatch.setattr("prosumer_client.meter.LOOK_EVERY", timedelta(milliseconds=20))
    return clock


@pytest.fixture
async def fake(tmp_path: Path, clock: Clock) -> AsyncIterator[FakeMarket]:
    operator = identity_of("operator")
    path = tmp_path / "ledger.sqlite"
    ledger = await EmbeddedLedger.open(path, operator.prosumer, operator.public_key, now_ms=clock.now_ms)
    market = FakeMarket(ledger)
    await market.start()
    yield market
    await ledger.close()
    await market.stop()


@pytest.fixture
async def operator(fake: FakeMarket, patient: Patience) -> AsyncIterator[Operator]:
    async with MarketClient(fake.url, identity_of("operator"), patience=patient) as market:
        operator = Operator(market, fake)
        await enter(operator, "H", "N")
        await market.submit("setTopology", {"edges": [["H", "N"]]})
        yield operator


async def enter(operator: Operator, *names: str, funds: str = "100") -> None:
    for name in names:
        await operator.market.submit("registerProsumer", {"id": name, "publicKey": identity_of(name).public_key})
        await operator.market.submit("topUpAccount", {"prosumer": name, "amount": funds})


async def enter_meter(operator: Operator, prosumer: str) -> None:
    key = identity_of(f"m-{prosumer}").public_key
    meter = {"id": f"m-{prosumer}", "publicKey": key, "prosumer": prosumer, "powerKw": "10"}
    await operator.market.submit("registerMeter", meter)


async def publish_slots(operator: Operator, slots: int = len(DAY), **terms: Any) -> list[str]:
    """Publish the games of quarter-hours, in one request."""
    games = [{"deliverySlot": iso(MORNING + n * QUARTER), "game": f"g{n}", **terms} for n in range(slots)]
    outcomes = await operator.market.submit_all([("publishGame", game | {"turnDeadlineMs": HOUR_MS}) for game in games])
    assert all(isinstance(outcome, dict) for outcome in outcomes), outcomes
    return [f"g{n}" for n in range(slots)]


def profile(*uses: tuple[int, int]) -> Profile:
    return Profile({MORNING + n * QUARTER: Use(Energy(load), Energy(pv)) for n, (load, pv) in enumerate(uses or DAY)})


def household(operator: Operator, **devices: Any) -> Household:
    return Household(operator.speaker("H"), profile(), **devices)


async def orders_of(operator: Operator, prosumer: str = "H") -> list[list[dict[str, Any]]]:
    return [move["orders"] for move in await operator.moves_of(prosumer, "publishOrders")]


async def is_in(operator: Operator, *games: str, prosumer: str = "H") -> bool:
    views = [GameView.model_validate(await operator.fake.view("game", game)) for game in games]
    return all(view.has_seller(prosumer) or view.demand_of(prosumer) is not None for view in views)


THE_DAY = [
    {"game": "g0", "offer": {"amount": "0.3", "price": "0.1231"}},
    {"game": "g1", "demand": {"amount": "0.4"}},
    {"game": "g3", "offer": {"amount": "0.8", "price": "0.1231"}},
]


async def test_a_day_that_is_published_is_ordered_in_one_command(operator: Operator, background: Background) -> None:
    await publish_slots(operator)
    background(household(operator).run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", "g3"))
    assert await orders_of(operator) == [THE_DAY]


async def test_slots_that_are_published_later_are_ordered_too(operator: Operator, background: Background) -> None:
    listening = background(household(operator).run())
    await publish_slots(operator)
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", "g3"))
    said = [order for orders in await orders_of(operator) for order in orders]
    assert sorted(said, key=lambda order: str(order["game"])) == THE_DAY
    assert not listening.done()


async def test_a_household_that_comes_back_orders_what_it_has_not_ordered(
    operator: Operator, background: Background
) -> None:
    await publish_slots(operator, 2)
    first = background(household(operator).run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1"))
    first.cancel()
    await publish_more(operator)
    background(household(operator).run())
    await operator.fake.until(lambda: is_in(operator, "g3"))
    assert await orders_of(operator) == [THE_DAY[:2], THE_DAY[2:]]


async def publish_more(operator: Operator) -> None:
    await operator.market.submit("publishGame", {"deliverySlot": iso(MORNING + 3 * QUARTER), "game": "g3"})


async def test_the_documented_household_runs(
    operator: Operator, background: Background, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL) if "Battery" in b)
    text = block.replace("http://127.0.0.1:8080", operator.fake.url).replace('"I-1"', '"H"')
    store_key(identity_of("H").key, key_file(tmp_path / ".energy-market" / "keys", "H"))
    rows = [f"{iso(start)},H,{units.kwh(use.load)},{units.kwh(use.pv)}" for start, use in profile().uses.items()]
    (tmp_path / "houses.csv").write_text("\n".join(["start,prosumer,load_kwh,pv_kwh", *rows]))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(text.removesuffix("asyncio.run(main())\n"), names)  # noqa: S102 - running it is the test
    await publish_slots(operator)
    background(names["main"]())
    await operator.fake.until(lambda: is_in(operator, "g3"))


async def test_a_battery_changes_what_is_ordered(operator: Operator, background: Background) -> None:
    await publish_slots(operator)
    battery = Battery(capacity_kwh=Decimal(1), power_kw=Decimal(1))  # 0.25 kWh in a quarter of an hour
    background(household(operator, battery=battery).run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", "g3"))
    (orders,) = await orders_of(operator)
    said = [(order.get("offer") or order["demand"])["amount"] for order in orders]
    assert said == ["0.05", "0.15", "0.55"]


async def test_a_plan_that_cannot_be_used_keeps_it_out_of_that_slot_only(
    operator: Operator, background: Background
) -> None:
    class Moody(Household):
        async def plan(self, slot: Terms, forecast: Forecast) -> Any:
            match slot.game:
                case "g0":
                    return Demand(Decimal("NaN"))
                case "g1":
                    return {"amount": 1}
                case "g2":
                    raise ZeroDivisionError
                case _:
                    return Offer(Decimal("0.50001"), 0.2)  # type: ignore[arg-type]  # whatever stands for a number

    await publish_slots(operator)
    with capture_logs() as logs:
        background(Moody(operator.speaker("H"), profile()).run())
        await operator.fake.until(lambda: is_in(operator, "g3"))
    assert await orders_of(operator) == [[{"game": "g3", "offer": {"amount": "0.5", "price": "0.2"}}]]
    told = {line["game"] for line in logs if line["event"].startswith("The strategy")}
    assert told == {"g0", "g1", "g2"}


async def test_what_was_ordered_is_planned_anew_when_the_forecast_got_better(
    operator: Operator, background: Background
) -> None:
    class Learning(Household):
        knows_better = False

        async def plan(self, slot: Terms, forecast: Forecast) -> Offer | Demand | None:
            if not self.knows_better:
                return Demand(Decimal(1))
            match slot.game:
                case "g0":
                    return Offer(Decimal(2), Decimal("0.2"))
                case "g1":
                    return None
                case _:
                    raise ZeroDivisionError

    games = await publish_slots(operator, 3)
    house = Learning(operator.speaker("H"), profile())
    running = background(house.run())
    await operator.fake.until(lambda: is_in(operator, *games))
    house.knows_better = True
    await house.order_anew()
    better = [{"game": "g0", "offer": {"amount": "2", "price": "0.2"}}, {"game": "g1"}]
    assert (await orders_of(operator))[1:] == [better]
    running.cancel()
    restarted = Learning(operator.speaker("H"), profile())
    for game in ("g0", "g2"):
        await restarted.catch_up(await operator.market.game(game))
    await restarted.order_anew()
    worse = [{"game": game, "demand": {"amount": "1"}} for game in ("g0", "g2")]
    assert (await orders_of(operator))[2:] == [worse]
    assert not await is_in(operator, "g1")


async def test_an_order_that_the_market_refuses_keeps_it_out_of_that_slot_only(
    operator: Operator, background: Background
) -> None:
    class Dear(Household):
        async def plan(self, slot: Terms, forecast: Forecast) -> Offer | Demand | None:
            return Offer(Decimal(1), Decimal("0.5" if slot.game == "g1" else "0.2"))

    await publish_slots(operator, priceCap="0.4")
    with capture_logs() as logs:
        background(Dear(operator.speaker("H"), profile()).run())
        await operator.fake.until(lambda: is_in(operator, "g0", "g2", "g3"))
    assert [[order["game"] for order in orders] for orders in await orders_of(operator)] == [["g0", "g2", "g3"]]
    (warned,) = [line for line in logs if line["event"] == "Not taken into games"]
    assert (warned["games"], warned["code"]) == (["g1"], "PRICE_OUT_OF_BOUNDS")


async def test_an_order_that_cannot_be_signed_keeps_it_out_of_that_slot_only(
    operator: Operator, background: Background
) -> None:
    class OnItsOwn(Household):
        async def entry(self, terms: Terms) -> Registration | None:
            return Registration(Topic.PUBLISH_DEMAND, {"amount": {1} if terms.game == "g1" else "1"})

    await publish_slots(operator)
    with capture_logs() as logs:
        background(OnItsOwn(operator.speaker("H"), profile()).run())
        await operator.fake.until(lambda: is_in(operator, "g0", "g2", "g3"))
    assert [[order["game"] for order in orders] for orders in await orders_of(operator)] == [["g0", "g2", "g3"]]
    (warned,) = [line for line in logs if line["event"] == "Not taken into games"]
    assert (warned["games"], warned["code"]) == (["g1"], "UNUSABLE_VALUE")
    assert "demand.amount: {1}" in warned["reason"]


async def test_a_feed_in_tariff_below_zero_still_makes_an_offer_and_one_above_the_cap_none(
    operator: Operator,
) -> None:
    await operator.market.submit("publishGame", {"game": "g0", "feedInTariff": "-0.1", "deliverySlot": iso(MORNING)})
    terms = (await operator.market.game("g0")).terms
    left = Forecast(load=Decimal(0), pv=Decimal(1), lacks=Decimal(0), left=Decimal(1))
    least = await household(operator).plan(terms, left)
    assert least == Offer(Decimal(1), Decimal(1).scaleb(-18))
    above = terms.model_copy(update={"feed_in_tariff": Decimal("0.2"), "price_cap": Decimal("0.1")})
    assert await household(operator).plan(above, left) is None


async def test_it_orders_what_it_has_money_for_and_the_rest_when_a_slot_is_settled(
    operator: Operator, background: Background, clock: Clock
) -> None:
    await enter(operator, "P", funds="0.6")  # 0.4 kWh need 0.245
    await operator.market.submit("setTopology", {"edges": [["H", "N"], ["N", "P"]]})
    await publish_slots(operator, 4)
    background(Household(operator.speaker("P"), profile(*[(4000, 0)] * 4)).run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", prosumer="P"))
    assert [[order["game"] for order in orders] for orders in await orders_of(operator, "P")] == [["g0", "g1"]]
    await operator.market.submit("topUpAccount", {"prosumer": "P", "amount": "10"})
    await operator.market.submit("publishGame", {"game": "now", "deliveryDurationMs": 1, "registrationDurationMs": 1})
    clock.now += timedelta(seconds=1)
    await operator.market.submit("stopGameRegistration", {"game": "now"})
    clock.now += timedelta(seconds=1)
    await operator.market.submit("closeMarket", {"game": "now"})
    await operator.fake.until(lambda: is_in(operator, "g2", "g3", prosumer="P"))


async def test_it_plays_where_it_buys_sells_where_it_sells_and_its_meter_reports_both(
    operator: Operator, background: Background, clock: Clock
) -> None:
    games = await publish_slots(operator)
    house = household(operator)
    background(house.run())
    background(house.meter().run())
    background(Seller(operator.speaker("N"), "0.3", "0.05").run())
    await operator.fake.until(lambda: is_in(operator, "g1", prosumer="N"))
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", "g3"))
    clock.now = MORNING - timedelta(minutes=5)
    for n, game in enumerate(games):
        clock.now = MORNING + n * QUARTER - timedelta(minutes=5)
        await operator.market.submit("stopGameRegistration", {"game": game})
        await operator.stop_of(game)
    (bid,) = [move["bidAmounts"] for move in await operator.moves_of("H") if "bidAmounts" in move]
    assert bid == {"N": "0.3"}
    clock.now = MORNING + 4 * QUARTER + timedelta(seconds=3)

    async def all_are_in() -> bool:
        return len(await readings_of(operator)) == 3

    await operator.fake.until(all_are_in)
    readings = {move["game"]: (move["inEnergy"], move["outEnergy"]) for move in await readings_of(operator)}
    assert readings == {"g0": ("0", "0.3"), "g1": ("0.4", "0"), "g3": ("0", "0.8")}


async def readings_of(operator: Operator, prosumer: str = "H") -> list[dict[str, Any]]:
    return await operator.moves_of(prosumer, "publishMeterReading")


async def test_two_households_trade_in_games_that_overlap_one_way_and_the_other(
    operator: Operator, background: Background, clock: Clock
) -> None:
    await publish_slots(operator, 2, clearingDurationMs=40 * 60_000)
    background(household(operator).run())
    background(Household(operator.speaker("N"), profile((5000, 0), (0, 3000))).run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1"))
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", prosumer="N"))
    clock.now = MORNING - timedelta(minutes=20)
    for game in ("g0", "g1"):
        await operator.market.submit("stopGameRegistration", {"game": game})
    for game, buyer, seller in (("g0", "N", "H"), ("g1", "H", "N")):
        assert (await operator.stop_of(game))["reason"] == "equilibrium"
        (transfer,) = (await operator.fake.view("transfers", game))["transfers"]
        assert (transfer["buyer"], transfer["seller"]) == (buyer, seller)


async def test_a_slow_decision_in_one_game_does_not_keep_another_waiting(
    operator: Operator, background: Background, clock: Clock
) -> None:
    other_is_over = asyncio.Event()

    class Thorough(Household):
        async def bid(self, turn: Turn) -> Bid | None:
            if turn.game == "g0":
                await other_is_over.wait()
            return await super().bid(turn)

    await publish_slots(operator, 2, clearingDurationMs=40 * 60_000)
    background(Thorough(operator.speaker("H"), profile((5000, 0), (5000, 0))).run())
    background(Seller(operator.speaker("N"), "1", "0.05").run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1"))
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", prosumer="N"))
    clock.now = MORNING - timedelta(minutes=20)
    for game in ("g0", "g1"):
        await operator.market.submit("stopGameRegistration", {"game": game})
    assert (await operator.stop_of("g1"))["reason"] == "equilibrium"
    assert (await operator.fake.view("game", "g0"))["round"] == 1
    other_is_over.set()
    assert (await operator.stop_of("g0"))["reason"] == "equilibrium"


async def test_where_meters_count_its_own_meter_reports_every_slot_with_its_key(
    operator: Operator, background: Background, clock: Clock
) -> None:
    for name in ("H", "N"):
        await enter_meter(operator, name)
    games = await publish_slots(operator)
    house = household(operator)
    background(house.run())
    background(house.meter(identity_of("m-H")).run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", "g3"))
    for n, game in enumerate(games):
        clock.now = MORNING + n * QUARTER
        await operator.market.submit("stopGameRegistration", {"game": game})
    clock.now = MORNING + 4 * QUARTER + timedelta(seconds=3)

    async def all_are_in() -> bool:
        return len(await operator.moves_of("m-H", "publishReadings")) == len(games)

    await operator.fake.until(all_are_in)
    said = [reading for move in await operator.moves_of("m-H", "publishReadings") for reading in move["readings"]]
    counted = {reading["game"]: (reading["inEnergy"], reading["outEnergy"]) for reading in said}
    assert counted == {"g0": ("0", "0.3"), "g1": ("0.4", "0"), "g2": ("0", "0"), "g3": ("0", "0.8")}
    assert await readings_of(operator) == []


async def test_a_slot_that_the_profile_does_not_have_is_left_out_and_told(
    operator: Operator, background: Background
) -> None:
    await publish_slots(operator, 5)
    house = household(operator)
    background(house.run())
    await operator.fake.until(lambda: is_in(operator, "g0", "g1", "g3"))
    assert await orders_of(operator) == [THE_DAY]
    assert await house.forecast((await operator.market.game("g4")).terms) is None


# -- meters with a key of their own


async def settled_in_silence(operator: Operator, clock: Clock) -> None:
    """A slot that meters count, settled after its window without a reading of H; it can be corrected for a week."""
    for name in ("H", "N"):
        await enter_meter(operator, name)
    await publish_slots(operator, 1)
    clock.now = MORNING
    await operator.market.submit("stopGameRegistration", {"game": "g0"})
    clock.now = MORNING + timedelta(hours=1)
    await operator.market.submit("closeMarket", {"game": "g0"})


async def presumed(operator: Operator) -> list[str]:
    return list((await operator.fake.view("game", "g0"))["settlement"]["presumed"])


async def test_a_meter_that_was_away_reports_late_as_long_as_the_settlement_can_be_corrected(
    operator: Operator, background: Background, clock: Clock
) -> None:
    await settled_in_silence(operator, clock)
    assert await presumed(operator) == ["H", "N"]
    background(household(operator).meter(identity_of("m-H")).run())

    async def is_corrected() -> bool:
        return await presumed(operator) == ["N"]

    await operator.fake.until(is_corrected)
    (line,) = [line for line in (await operator.fake.view("lines", "g0"))["lines"] if line["prosumer"] == "H"]
    assert (line["inEnergy"], line["outEnergy"]) == (0, Decimal("0.3"))
    clock.now += timedelta(days=8)
    await Meter(operator.speaker("N"), identity=identity_of("m-N")).catch_up(await operator.market.game("g0"))
    assert await operator.moves_of("m-N", "publishReadings") == []


async def test_a_reading_is_corrected_by_another_and_back_by_a_part_of_its_own(
    operator: Operator, clock: Clock
) -> None:
    await settled_in_silence(operator, clock)
    terms = (await operator.market.game("g0")).terms
    meter = Meter(operator.speaker("H"), identity=identity_of("m-H"))
    for taken, part in (("1", 0), ("1", 0), ("1.5", 0), ("1", 0), ("1", 1)):
        assert await meter.publish(terms, Reading(Decimal(taken), Decimal(0)), part)
    said = [move["readings"][0]["inEnergy"] for move in await operator.moves_of("m-H", "publishReadings")]
    assert said == ["1", "1.5", "1"]
    clock.now += timedelta(days=8)
    with capture_logs() as logs:
        assert not await meter.publish(terms, Reading(Decimal(2), Decimal(0)))
    assert logs[-1]["code"] == "SLOT_FINAL"


async def test_without_a_key_of_its_own_a_meter_says_that_it_cannot_report_where_meters_count(
    operator: Operator, clock: Clock
) -> None:
    await settled_in_silence(operator, clock)
    terms = (await operator.market.game("g0")).terms
    with capture_logs() as logs:
        assert not await Meter(operator.speaker("H")).publish(terms, Reading(Decimal(1), Decimal(0)))
    assert "key of its own" in logs[-1]["event"]
    assert await readings_of(operator) == []


async def test_a_meter_of_games_without_a_time_waits_for_the_end_of_the_delivery(
    operator: Operator, background: Background, clock: Clock
) -> None:
    for name in ("H", "N"):
        await enter_meter(operator, name)
    game = {"game": "now", "deliveryDurationMs": 60_000, "registrationDurationMs": 1, "correctionWindowMs": HOUR_MS}
    await operator.market.submit("publishGame", game)
    clock.now += timedelta(seconds=1)
    await operator.market.submit("stopGameRegistration", {"game": "now"})
    meter = Meter(operator.speaker("H"), identity=identity_of("m-H"))
    background(meter.run())
    clock.now += timedelta(seconds=63)

    async def has_reported() -> bool:
        return len(await operator.moves_of("m-H", "publishReadings")) == 1

    await operator.fake.until(has_reported)
