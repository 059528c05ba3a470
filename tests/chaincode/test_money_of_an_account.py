"""The tutorial of a street with meters says how much money an account needs; every row of its table is ordered."""

from decimal import Decimal
from pathlib import Path

import pytest

from energy_market_chaincode import iso_time
from tests.chaincode.conftest import START_MS, Market

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "a-street-with-meters.md"
TIMES_MS = {"15 seconds": 15_000, "a quarter-hour": 900_000, "30 seconds": 30_000, "an hour": 3_600_000}
TIMES_MS["a day"] = 24 * TIMES_MS["an hour"]
TABLE = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith(("| 15 seconds", "| a quarter-hour"))
]
ASKED, OFFERED = Decimal("0.01"), Decimal("0.02")
PER_KWH_ASKED, PER_KWH_OFFERED = Decimal("0.2869"), Decimal("0.4914")


@pytest.mark.parametrize("row", TABLE, ids=[" ".join(row[:2]) for row in TABLE])
async def test_orders_freeze_what_the_page_says(market: Market, row: list[str]) -> None:
    slot_ms, lead_ms = TIMES_MS[row[0]], TIMES_MS[row[1]]
    limit, each, number, in_all = map(Decimal, row[2:])
    assert number == lead_ms // slot_ms + 2
    await market.enter("S", "B", funds="200")
    for name in ("S", "B"):
        meter = {"id": f"m-{name}", "publicKey": market.public_key(f"m-{name}")}
        await market.do("operator", "registerMeter", **meter, prosumer=name, powerKw="11.04")
    await market.do("operator", "setTopology", edges=[["S", "B"]])
    starts = [iso_time(START_MS + lead_ms + n * slot_ms) for n in range(int(number))]
    for start in starts:
        await market.do("operator", "publishGame", deliverySlot=start, slotDurationMs=slot_ms)
    offer = {"offer": {"amount": str(OFFERED), "price": "0.1231"}}
    await market.do("S", "publishOrders", orders=[{"deliverySlot": start, **offer} for start in starts])
    demand = {"demand": {"amount": str(ASKED)}}
    await market.do("B", "publishOrders", orders=[{"deliverySlot": start, **demand} for start in starts])
    frozen = {name: Decimal(market.frozen(name)) / 10**6 for name in ("S", "B")}
    assert (limit * Decimal("0.6145"), each * number) == (each, in_all)
    assert frozen["S"] == number * (each + OFFERED * PER_KWH_OFFERED)
    assert frozen["B"] == number * (each + ASKED * PER_KWH_ASKED)


def test_the_pages_households_have_enough_for_a_day_ahead() -> None:
    beside = 10 * PER_KWH_ASKED + 20 * PER_KWH_OFFERED
    assert beside == Decimal("12.697")
    assert Decimal(TABLE[-1][-1]) + beside < 200
