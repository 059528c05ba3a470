"""Statements: what slots came to for a prosumer, in the order of time, with corrections and what else came in.

That they add up to the account's movement is looked at after every random day (see ``Day``).
"""

import csv
from decimal import Decimal
from typing import Any

import pytest

from energy_market_chaincode import iso_time
from energy_market_chaincode.errors import Rejection
from energy_market_chaincode.market_views import CSV_COLUMNS, Statement
from tests.chaincode.conftest import START_MS, Market

HOUR_MS, QUARTER_MS = 3_600_000, 900_000
STARTS_MS = START_MS + HOUR_MS


async def statement(market: Market, prosumer: str, begins: int = 0, ends: int = 2 * START_MS, most: int = 3000) -> Any:
    return await market.invoke("statement", prosumer, str(begins), str(ends), str(most))


async def played(market: Market) -> None:
    """Let S deliver what B bought, and settle it."""
    await market.enter("S", "B", funds="100")
    for name in ("S", "B"):
        meter = {"id": f"m-{name}", "publicKey": market.public_key(f"m-{name}")}
        await market.do("operator", "registerMeter", **meter, prosumer=name, powerKw="11.04")
    slot: dict[str, Any] = {"deliverySlot": iso_time(STARTS_MS), "feedInTariff": "-0.012", "feePerHop": "0.02"}
    await market.start_game({"S": ("2.5", "0.1")}, {"B": "2"}, game="g", **slot, imbalancePenalty=None)
    await market.play_out("g")
    market.now_ms = STARTS_MS + QUARTER_MS
    await read(market, "S", "0.1", "2.5")
    await read(market, "B", "2.25", "0")
    await market.do("operator", "closeMarket", game="g")


async def read(market: Market, name: str, taken: str, fed_in: str) -> None:
    await market.do(f"m-{name}", "publishReadings", readings=[{"game": "g", "inEnergy": taken, "outEnergy": fed_in}])


async def test_a_slot_stands_with_energy_prices_and_money_on_both_sides(market: Market) -> None:
    await played(market)
    (sold,) = (await statement(market, "S"))["lines"]
    (bought,) = (await statement(market, "B"))["lines"]
    assert (sold["game"], sold["begins"], sold["prosumer"]) == ("g", iso_time(STARTS_MS), "S")
    assert (bought["inEnergy"], bought["bought"], bought["fromGrid"]) == (Decimal("2.25"), 2, Decimal("0.25"))
    assert (sold["outEnergy"], sold["sold"], sold["toGrid"]) == (Decimal("2.5"), 2, Decimal("0.5"))
    assert bought["boughtFor"] == sold["soldFor"] > 0
    assert bought["boughtAt"] == sold["soldAt"] == bought["boughtFor"] / 2
    assert bought["fromGridFor"] == Decimal("0.071725"), "0.25 kWh at 0.2869"
    assert sold["toGridFor"] == Decimal("-0.006"), "who feeds in pays, by a negative tariff"
    assert bought["fees"] == Decimal("0.04")
    assert bought["soldAt"] is sold["boughtAt"] is None
    for line in (bought, sold):
        assert line["net"] == line["received"] - line["paid"] - line["fees"] - line["penalties"]


async def test_a_corrected_line_says_when_and_by_how_much_and_counts_as_it_is_now(market: Market) -> None:
    await played(market)
    (before,) = (await statement(market, "B"))["lines"]
    market.now_ms += HOUR_MS
    await read(market, "B", "2.5", "0")
    market.now_ms += HOUR_MS
    await read(market, "B", "2.25", "0")
    found = await statement(market, "B")
    (line,) = found["lines"]
    more = Decimal("0.071725")
    assert [each["net"] for each in line["corrections"]] == [-more, more]
    assert [each["at"] for each in line["corrections"]] == [iso_time(market.now_ms - HOUR_MS), iso_time(market.now_ms)]
    assert {**line, "corrections": []} == before
    assert (await market.invoke("lines", "g"))["lines"][0] == line, "both reads say the same"
    assert (await statement(market, "S"))["lines"][0]["corrections"] == [], "that of another is not touched"


async def test_what_is_brought_in_is_an_entry_and_the_sums_are_the_accounts_movement(market: Market) -> None:
    await played(market)
    await market.do("operator", "topUpAccount", prosumer="B", amount="1.5")
    await market.do("operator", "topUpAccount", prosumer="B", amount="2")
    found = await statement(market, "B")
    kinds = [(entry["kind"], entry["amount"]) for entry in found["entries"]]
    assert kinds == [("top-up", 100), ("top-up", Decimal("3.5"))], "one moment is one entry"
    assert found["sums"]["movement"] == Decimal(market.free("B")) / 10**6
    assert found["sums"]["movement"] == found["sums"]["entries"] + found["sums"]["net"]


async def test_a_reset_leaves_the_statements_and_names_what_was_paid_for_a_game_that_it_removed(market: Market) -> None:
    await market.enter("S", "B", funds="100")
    for game in ("first", "second"):
        await market.start_game({"S": ("10", "0.1")}, {"B": "5"}, game=game, deliverySlot=game, roundLimit=1)
        await market.do("B", "publishBuyBid", game=game, bidAmounts={"S": "5"})
        await market.read_meter(game, "S", fed_in="5")
        await market.read_meter(game, "B", taken="5")
        if game == "first":
            await market.do("operator", "closeMarket", game=game)
    market.now_ms += 1
    await market.do("operator", "resetMarket")
    for name, sign in (("S", 1), ("B", -1)):
        found = await statement(market, name)
        assert [line["game"] for line in found["lines"]] == ["first"]
        assert [entry["kind"] for entry in found["entries"]] == ["top-up", "cancelled-game"]
        assert found["entries"][1]["amount"] == found["lines"][0]["net"] != 0
        assert sign * found["lines"][0]["net"] > 0
        assert found["sums"]["movement"] == Decimal(market.free(name)) / 10**6


async def test_a_time_is_half_open_and_its_parts_are_the_whole(market: Market) -> None:
    await played(market)
    assert (await statement(market, "B", begins=STARTS_MS, ends=STARTS_MS))["lines"] == []
    assert (await statement(market, "B", begins=STARTS_MS + 1))["lines"] == []
    assert len((await statement(market, "B", begins=STARTS_MS, ends=STARTS_MS + 1))["lines"]) == 1


async def test_lines_of_one_moment_are_never_torn_apart(market: Market) -> None:
    await market.enter("S", "B", funds="100")
    for game in ("a", "b", "c"):
        market.now_ms += 1000 if game == "c" else 0
        await market.start_game({"S": ("10", "0.1")}, {"B": "5"}, game=game, deliverySlot=game, roundLimit=1)
        await market.do("B", "publishBuyBid", game=game, bidAmounts={"S": "5"})
        await market.read_meter(game, "S", fed_in="5")
        await market.read_meter(game, "B", taken="5")
        await market.do("operator", "closeMarket", game=game)
    first = await statement(market, "B", most=1)
    assert [line["game"] for line in first["lines"]] == ["a", "b"]
    assert first["next"] == iso_time(market.now_ms)
    rest = await statement(market, "B", begins=market.now_ms, most=1)
    assert ([line["game"] for line in rest["lines"]], rest["next"]) == (["c"], None)
    whole = Statement.model_validate(first).followed_by(Statement.model_validate(rest))
    assert whole.as_json() == (Statement.model_validate(await statement(market, "B"))).as_json()


async def test_as_a_table_its_net_adds_up_to_the_movement(market: Market) -> None:
    await played(market)
    await read(market, "B", "2.5", "0")
    found = Statement.model_validate(await statement(market, "B"))
    rows = list(csv.DictReader(found.as_csv().splitlines()))
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert [row["kind"] for row in rows] == ["top-up", "slot"]
    assert sum(Decimal(row["net"]) for row in rows) == found.sums.movement
    assert (rows[1]["corrections"], rows[1]["isPresumed"], rows[1]["game"]) == ("1", "no", "g")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nobody", "0", "1", "1"), "UNKNOWN_PROSUMER"),
        (("B", "0", "1", "0"), "MALFORMED_ARGUMENTS"),
        (("B", "now", "1", "1"), "MALFORMED_ARGUMENTS"),
        (("B", "0", "1"), "MALFORMED_ARGUMENTS"),
    ],
)
async def test_a_question_that_is_none_is_refused(market: Market, arguments: tuple[str, ...], code: str) -> None:
    await market.enter("B")
    with pytest.raises(Rejection) as refused:
        await market.invoke("statement", *arguments)
    assert refused.value.code == code
