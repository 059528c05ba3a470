"""Meters: identities of their own, whose plausible readings settle a slot and correct it until it is final."""

from decimal import Decimal
from typing import Any

import pytest

from energy_market_chaincode import iso_time
from tests.chaincode.conftest import START_MS, Market

QUARTER_MS = 900_000
STARTS_MS = START_MS + 3_600_000
ENDS_MS = STARTS_MS + QUARTER_MS
CLOSES_MS = ENDS_MS + QUARTER_MS
FINAL_MS = CLOSES_MS + 7 * 24 * 3_600_000
RETAIL, FEED_IN = Decimal("0.2869"), Decimal("0.1231")
POWER = "11.04"
LIMIT = Decimal("2.76")


async def install(market: Market, *prosumers: str, power: str = POWER) -> None:
    """Give each prosumer a meter."""
    for name in prosumers:
        meter = f"m-{name}"
        key = market.public_key(meter)
        await market.do("operator", "registerMeter", id=meter, publicKey=key, prosumer=name, powerKw=power)


async def contract(market: Market, **parameters: Any) -> None:
    """B buys 2 of the 2.5 kWh of S at 0.1 (1 + 2 / 2.5) = 0.18, one hop at 0.02; idle has no part."""
    parameters = {"deliverySlot": iso_time(STARTS_MS), "feePerHop": "0.02", "imbalancePenalty": "0.3", **parameters}
    await market.open_game({"S": ("2.5", "0.1")}, {"B": "2"}, game="g", **parameters)
    await market.do("operator", "stopGameRegistration", game="g")
    await market.play_out("g")


@pytest.fixture
async def metered(market: Market) -> Market:
    await market.enter("S", "B", "idle", funds="100")
    await install(market, "S", "B", "idle")
    await contract(market)
    return market


async def report(market: Market, prosumer: str, taken: str = "0", fed_in: str = "0", game: str = "g") -> dict[str, Any]:
    reading = {"game": game, "inEnergy": taken, "outEnergy": fed_in}
    return await market.do(f"m-{prosumer}", "publishReadings", readings=[reading])


async def close(market: Market) -> None:
    market.now_ms = CLOSES_MS
    await market.do("operator", "closeMarket", game="g")


def gain(market: Market, prosumer: str) -> Decimal:
    """What somebody gained, its debt taken off; all began with 100."""
    account = market.accounts()[prosumer]
    return Decimal(account.free + account.frozen - account.debt) / 10**6 - 100


async def line(market: Market, prosumer: str) -> dict[str, Any]:
    lines = (await market.invoke("lines", "g"))["lines"]
    return next(dict(each) for each in lines if each["prosumer"] == prosumer)


async def test_every_prosumer_with_a_meter_is_settled_traded_or_not(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "S", fed_in="2.5")
    await report(metered, "B", taken="2.2", fed_in="0.5")
    await report(metered, "idle", taken="1", fed_in="0.1")
    await metered.do("operator", "closeMarket", game="g")
    assert gain(metered, "S") == 2 * Decimal("0.18") + Decimal("0.5") * FEED_IN
    assert gain(metered, "B") == -2 * Decimal("0.20") - Decimal("0.2") * RETAIL + Decimal("0.5") * FEED_IN
    assert gain(metered, "idle") == -RETAIL + Decimal("0.1") * FEED_IN
    shown = await line(metered, "B")
    assert (shown["inEnergy"], shown["bought"], shown["fromGrid"], shown["toGrid"]) == (
        Decimal("2.2"),
        2,
        Decimal("0.2"),
        Decimal("0.5"),
    )
    assert (shown["fees"], shown["net"]) == (Decimal("0.04"), gain(metered, "B"))


async def test_a_market_closes_early_when_the_slot_is_over_and_all_meters_reported(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "S", fed_in="2")
    await report(metered, "B", taken="2")
    assert (await metered.invoke("game", "g"))["readingsAwaited"] == 1
    assert await metered.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"
    await report(metered, "idle")
    await metered.do("operator", "closeMarket", game="g")


async def test_a_reading_of_a_slot_that_cannot_be_counted_is_named_and_none_counts(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    counted = {"game": "g", "inEnergy": "1", "outEnergy": "0"}
    for other in ({"game": "h"}, {"deliverySlot": "2031-01-01T00:00Z"}):
        readings = [counted, {**other, "inEnergy": "1", "outEnergy": "0"}]
        (result,) = await metered.submit(metered.command("m-B", "publishReadings", readings=readings))
        assert result["code"] == "UNKNOWN_GAME"
        assert result["message"].startswith("readings.1: ")
    assert (await metered.invoke("balance", "g"))["reported"] == 0


async def test_more_than_a_connections_power_gives_in_the_slot_is_implausible_and_nothing_of_it_counts(
    metered: Market,
) -> None:
    metered.now_ms = ENDS_MS
    good, bad = (
        {"game": "g", "inEnergy": "1", "outEnergy": "0"},
        {"game": "g", "inEnergy": "12345.6", "outEnergy": "900000000"},
    )
    (result,) = await metered.submit(metered.command("m-B", "publishReadings", readings=[good, bad]))
    assert result["code"] == "IMPLAUSIBLE_READING"
    assert "readings.1.inEnergy of game g is 12345.6 kWh, and 11.04 kW give at most 2.76 kWh" in result["message"]
    assert "readings.1.outEnergy" in result["message"]
    assert (await metered.invoke("balance", "g"))["reported"] == 0
    assert (await report(metered, "B", taken=str(LIMIT)))["counted"][0]["inEnergy"] == LIMIT


async def test_a_slot_has_no_reading_before_its_end(metered: Market) -> None:
    metered.now_ms = ENDS_MS - 1
    reading = {"deliverySlot": iso_time(STARTS_MS), "inEnergy": 1, "outEnergy": 0}
    assert await metered.rejection("m-B", "publishReadings", readings=[reading]) == "SLOT_NOT_OVER"
    metered.now_ms += 1
    await metered.do("m-B", "publishReadings", readings=[reading])


async def test_a_later_reading_replaces_the_earlier_one_and_after_the_close_only_the_difference_moves(
    metered: Market,
) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "S", fed_in="2")
    await report(metered, "B", taken="2.5")
    await report(metered, "B", taken="2.1")
    await report(metered, "idle", taken="1")
    await close(metered)
    idle, seller = gain(metered, "idle"), gain(metered, "S")
    assert gain(metered, "B") == -Decimal("0.4") - Decimal("0.1") * RETAIL
    assert (await report(metered, "B", taken="2"))["corrected"] == ["g"]
    assert gain(metered, "B") == -Decimal("0.4")
    assert (gain(metered, "idle"), gain(metered, "S")) == (idle, seller)
    settlement = (await metered.invoke("game", "g"))["settlement"]
    assert (settlement["corrections"], settlement["energyFromGrid"]) == (1, 1)
    assert len(metered.named("SettlementCorrectedEvent")) == 1
    assert (await metered.invoke("prosumer", "B"))["totalConsumption"] == 2


async def test_a_late_reading_takes_the_place_of_what_was_presumed(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "S", fed_in="2")
    await report(metered, "idle")
    await close(metered)
    assert (await line(metered, "B"))["isPresumed"]
    silent = gain(metered, "B")
    assert silent <= -Decimal("0.4") - (LIMIT - 2) * RETAIL - LIMIT * Decimal("0.3")
    await report(metered, "B", taken="2")
    assert gain(metered, "B") == -Decimal("0.4")
    assert not (await line(metered, "B"))["isPresumed"]
    assert (await metered.invoke("game", "g"))["settlement"]["presumed"] == []


async def test_a_final_settlement_is_corrected_no_more(metered: Market) -> None:
    await close(metered)
    metered.now_ms = FINAL_MS - 1
    await report(metered, "B", taken="2")
    metered.now_ms = FINAL_MS
    reading = {"game": "g", "inEnergy": 1, "outEnergy": 0}
    assert await metered.rejection("m-B", "publishReadings", readings=[reading]) == "SLOT_FINAL"


async def test_corrections_to_and_fro_leave_the_accounts_as_they_were(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "S", fed_in="1.5")
    await report(metered, "B", taken="2")
    await close(metered)
    before = metered.accounts()
    for taken in ("0", "2.76", "1.0001", "2"):
        await report(metered, "B", taken=taken)
    await report(metered, "S", fed_in="0")
    await report(metered, "S", fed_in="1.5")
    assert metered.accounts() == before


async def test_what_prosumers_say_of_themselves_does_not_count_and_without_a_meter_nobody_trades(
    metered: Market,
) -> None:
    metered.now_ms = ENDS_MS
    own = {"sequence": 1, "inEnergy": 0, "outEnergy": 1}
    assert await metered.rejection("B", "publishMeterReading", game="g", **own) == "METERS_ONLY"
    reading = {"game": "g", "inEnergy": 0, "outEnergy": 1}
    assert await metered.rejection("B", "publishReadings", readings=[reading]) == "METERS_ONLY"
    await metered.enter("late", funds="100")
    await metered.do("operator", "publishGame", game="h", deliverySlot="h")
    assert await metered.rejection("late", "publishOffer", game="h", amount=1, price=1) == "NO_METER"
    assert await metered.rejection("late", "publishDemand", game="h", amount=1) == "NO_METER"


async def test_a_meter_signs_readings_and_nothing_else(metered: Market) -> None:
    await metered.do("operator", "publishGame", game="h", deliverySlot="h")
    assert await metered.rejection("m-B", "publishDemand", game="h", amount=1) == "PROSUMERS_ONLY"
    assert await metered.rejection("m-B", "closeMarket", game="g") == "OPERATORS_ONLY"
    assert "m-B" not in {each["prosumer"] for each in (await metered.invoke("prosumers"))["prosumers"]}
    (shown,) = [m for m in (await metered.invoke("meters"))["meters"] if m["prosumer"] == "B"]
    assert (shown["meter"], shown["powerKw"], shown["registerModulusKwh"]) == ("m-B", Decimal("11.04"), 1_000_000)


async def test_a_market_meters_itself_until_it_has_a_meter_and_every_read_says_so(market: Market) -> None:
    await market.enter("S", "B", funds="100")
    await market.open_game({"S": ("2", "0.1")}, {"B": "2"}, game="g", deliverySlot="g")
    await install(market, "S", "B")
    await market.do("operator", "publishGame", game="h", deliverySlot="h")
    await market.do("operator", "publishGame", game="i", deliverySlot="i", metering="self")
    games = [(await market.invoke("game", name))["parameters"]["metering"] for name in "ghi"]
    assert games == ["self", "meters", "self"]
    await market.do("operator", "stopGameRegistration", game="g")
    await market.play_out("g")
    market.now_ms += 600_000
    reading = {"game": "g", "inEnergy": 1, "outEnergy": 0}
    assert await market.rejection("m-B", "publishReadings", readings=[reading]) == "SELF_METERED"


async def test_a_connection_has_one_meter_and_whatever_replaces_it_says_so(metered: Market) -> None:
    new = {"publicKey": metered.public_key("n-B"), "prosumer": "B", "powerKw": "20"}
    assert await metered.rejection("operator", "registerMeter", id="n-B", **new) == "METER_EXISTS"
    assert await metered.rejection("operator", "registerMeter", id="n-B", replaces="m-S", **new) == "UNKNOWN_METER"
    assert await metered.rejection("operator", "registerMeter", id="m-S", replaces="m-B", **new) == "PROSUMER_EXISTS"
    metered.now_ms = ENDS_MS
    await metered.do("operator", "registerMeter", id="n-B", replaces="m-B", **new)
    reading = {"game": "g", "inEnergy": "3", "outEnergy": 0}
    assert await metered.rejection("m-B", "publishReadings", readings=[reading]) == "METER_REPLACED"
    assert await metered.rejection("n-B", "publishReadings", readings=[reading]) == "IMPLAUSIBLE_READING", "as it was"
    await metered.do("n-B", "publishReadings", readings=[{**reading, "inEnergy": "2"}])


async def test_a_meter_is_entered_with_its_connection_only(market: Market) -> None:
    data = {"id": "m", "publicKey": market.public_key("m"), "role": "meter"}
    assert await market.rejection_of_form("registerProsumer", **data) == "MALFORMED_COMMAND"


def registers(*shown: tuple[int, str, str]) -> list[dict[str, Any]]:
    return [{"at": iso_time(at), "inRegister": taken, "outRegister": fed_in} for at, taken, fed_in in shown]


async def test_registers_at_a_slots_start_and_end_are_its_energy(metered: Market) -> None:
    metered.now_ms = STARTS_MS
    first = await metered.do("m-B", "publishReadings", registers=registers((STARTS_MS, "500.5", "7")))
    assert first["counted"] == []
    metered.now_ms = ENDS_MS
    second = await metered.do("m-B", "publishReadings", registers=registers((ENDS_MS, "502.5", "7.25")))
    assert second["counted"] == [{"game": "g", "inEnergy": 2, "outEnergy": Decimal("0.25")}]
    assert second["uncounted"] == []


async def test_a_register_begins_at_zero_again_at_its_modulus(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    shown = registers((STARTS_MS, "999999.5", "3"), (ENDS_MS, "1.5", "3"))
    assert (await metered.do("m-B", "publishReadings", registers=shown))["counted"][0]["inEnergy"] == 2
    back = registers((STARTS_MS, "10", "3"), (ENDS_MS, "9", "3"))
    assert await metered.rejection("m-B", "publishReadings", registers=back) == "IMPLAUSIBLE_READING"


async def test_a_replaced_register_counts_on_from_its_new_baseline(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    middle = STARTS_MS + 300_000
    old, new = registers((STARTS_MS, "10", "0"), (middle, "11", "0")), registers((middle, "700", "5"))
    end = registers((ENDS_MS, "701", "5.5"))
    anew = [{**new[0], "replaced": True}]
    counted = (await metered.do("m-B", "publishReadings", registers=[*old, *anew, *end]))["counted"]
    assert counted == [{"game": "g", "inEnergy": 2, "outEnergy": Decimal("0.5")}]


async def test_what_an_unread_replacement_hides_and_what_is_no_slot_is_said(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    middle = STARTS_MS + 300_000
    anew = [{**registers((middle, "700", "5"))[0], "replaced": True}]
    shown = [*registers((STARTS_MS, "10", "0")), *anew, *registers((ENDS_MS, "701", "5.5"))]
    result = await metered.do("m-B", "publishReadings", registers=shown)
    assert result["counted"] == []
    assert [each["begins"] for each in result["uncounted"]] == [iso_time(STARTS_MS), iso_time(middle)]
    future = registers((ENDS_MS + 1, "10", "0"))
    assert await metered.rejection("m-B", "publishReadings", registers=future) == "READING_OF_FUTURE"


async def test_only_meters_readings_count_for_the_contribution_and_once(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "B", taken="2", fed_in="0.5")
    assert (await metered.invoke("prosumer", "B"))["totalConsumption"] == 0, "before it is settled"
    await report(metered, "B", taken="2", fed_in="1")
    await close(metered)
    shown = await metered.invoke("prosumer", "B")
    assert (shown["totalProduction"], shown["totalConsumption"]) == (1, 2)


async def test_a_feeders_balance_shows_what_meters_counted_and_who_was_silent(metered: Market) -> None:
    metered.now_ms = ENDS_MS
    await report(metered, "S", fed_in="2")
    await report(metered, "idle", taken="0.5")
    expected = {"meteredIn": Decimal("0.5"), "meteredOut": 2, "netIn": Decimal("-1.5"), "contracted": 2, "reported": 2}
    before = await metered.invoke("balance", "g")
    assert {name: before[name] for name in expected} == expected
    assert (before["silent"], before["presumedIn"]) == (["B"], 0)
    await close(metered)
    after = await metered.invoke("balance", "g")
    assert {name: after[name] for name in expected} == expected
    assert (after["silent"], after["presumedIn"]) == (["B"], LIMIT)
