"""The page of a household's bill: every row of its table is played, and comes to the figures that stand there."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode import iso_time
from tests.chaincode.conftest import START_MS, Market

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "a-households-bill.md"
TABLE = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| Case"))
]
STARTS_MS, QUARTER_MS = START_MS + 3_600_000, 900_000


async def report(market: Market, prosumer: str, taken: str, fed_in: str) -> None:
    if "-" not in (taken, fed_in):
        reading = {"game": "g", "inEnergy": taken, "outEnergy": fed_in}
        await market.do(f"m-{prosumer}", "publishReadings", readings=[reading])


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
async def test_a_case_comes_to_what_the_page_says(market: Market, row: list[str]) -> None:
    _, seller_out, buyer_in, buyer_out, tariff, buyer_pays, seller_gets = row
    await market.enter("S", "B", funds="100")
    for name in ("S", "B"):
        meter = {"id": f"m-{name}", "publicKey": market.public_key(f"m-{name}")}
        await market.do("operator", "registerMeter", **meter, prosumer=name, powerKw="11.04")
    slot: dict[str, Any] = {
        "deliverySlot": iso_time(STARTS_MS),
        "feedInTariff": tariff,
        "feePerHop": "0.02",
        "imbalancePenalty": None,
    }
    await market.start_game({"S": ("2.5", "0.1")}, {"B": "2"}, game="g", **slot)
    await market.play_out("g")
    market.now_ms = STARTS_MS + QUARTER_MS
    first, _, last = buyer_in.partition(" → ")
    await report(market, "S", "0", seller_out)
    await report(market, "B", first, buyer_out)
    market.now_ms += QUARTER_MS
    await market.do("operator", "closeMarket", game="g")
    if last:
        await report(market, "B", last, buyer_out)
    gains = {name: Decimal(market.free(name)) / 10**6 - 100 for name in ("S", "B")}
    assert (-gains["B"], gains["S"]) == (Decimal(buyer_pays), Decimal(seller_gets))
