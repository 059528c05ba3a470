"""Silence is presumed against whoever is silent: no buyer pays less for keeping its meter quiet."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.units import currency_per_kwh, kwh
from tests.chaincode.conftest import Market

SELLERS = {"S1": ("10", "0.1"), "S2": ("10", "0.1")}
BUYERS = {"B1": "6", "B2": "8", "grid": "5"}
ROUNDING = 8
"""Each payment is rounded by half a unit of money at most; a buyer makes and gets no more than eight on either side."""


async def closed_with(market: Market, meters: dict[str, tuple[str, str]], **parameters: Any) -> dict[str, Any]:
    """Contract as in test_imbalance, with one buyer more that has no bid; deliver; close after the end of delivery."""
    await market.enter(*SELLERS, *BUYERS, funds="100")
    await market.start_game(SELLERS, BUYERS, game="g", roundLimit=1, **parameters)
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "6"})
    await market.do("B2", "publishBuyBid", game="g", bidAmounts={"S1": "4", "S2": "4"})
    await market.do("grid", "publishBuyBid", game="g", keepPlaying=False)
    for name, (taken, fed_in) in meters.items():
        await market.read_meter("g", name, taken=taken, fed_in=fed_in)
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    return market.named("MarketClosedEvent")[-1]


ALL_DELIVERED = {"S1": ("0", "10"), "S2": ("0", "4")}


async def test_a_silent_buyer_pays_its_contracts_and_one_without_a_bid_the_grid(market: Market) -> None:
    closed = await closed_with(market, ALL_DELIVERED)
    assert closed["presumed"] == ["B1", "B2", "grid"]
    assert (closed["energyDelivered"], closed["energyFromGrid"]) == (14, 5)
    assert [market.free(buyer) for buyer in BUYERS] == [98_680_000, 98_480_000, 100_000_000 - 5 * 286_900]
    assert len(market.named("TransferFulfilledEvent")) == 3


async def test_who_reports_is_believed_also_when_it_took_nothing(market: Market) -> None:
    closed = await closed_with(market, {**ALL_DELIVERED, "grid": ("0", "0"), "B1": ("0", "0")})
    assert closed["presumed"] == ["B2"]
    assert market.free("grid") == 100_000_000


async def test_a_silent_seller_delivered_nothing(market: Market) -> None:
    await closed_with(market, {"B1": ("6", "0"), "B2": ("8", "0"), "grid": ("5", "0")})
    assert market.free("S1") < 100_000_000
    assert market.free("B1") == 98_680_000, "the seller bears what the grid costs more"


async def test_who_was_presumed_stands_in_the_settlement(market: Market) -> None:
    await closed_with(market, {**ALL_DELIVERED, "B2": ("8", "0")})
    assert (await market.invoke("game", "g"))["settlement"]["presumed"] == ["B1", "grid"]


async def test_before_delivery_is_over_nothing_is_presumed(market: Market) -> None:
    await market.enter("S1", "B1", funds="100")
    await market.start_game({"S1": ("10", "0.1")}, {"B1": "5"}, game="g", roundLimit=1)
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "5"})
    await market.read_meter("g", "S1", fed_in="5")
    assert await market.rejection("operator", "closeMarket", game="g") == "DELIVERY_NOT_OVER"


@pytest.mark.parametrize("buyer", BUYERS)
@given(data=st.data())
async def test_silence_never_pays(new_market: Callable[[], Market], buyer: str, data: st.DataObject) -> None:
    """Whatever it took, up to its demand, whatever the others did, by whatever tariffs."""
    demand = int(BUYERS[buyer]) * 10_000
    energies, prices = st.integers(0, 120_000), st.integers(0, 10**18)
    meters = {
        name: (kwh_text(data.draw(energies)), "0") if name in BUYERS else ("0", kwh_text(data.draw(energies)))
        for name in (*SELLERS, *BUYERS)
        if name != buyer and data.draw(st.booleans())
    }
    drawn = [data.draw(st.one_of(st.just(0), prices)) for _ in range(3)]
    names = ("feedInTariff", "retailTariff", "imbalancePenalty")
    parameters = {
        name: str(currency_per_kwh(price)) for name, price in zip(names, (*sorted(drawn[:2]), drawn[2]), strict=True)
    }
    taken = kwh_text(data.draw(st.integers(0, demand)))
    paid = []
    for told in ({buyer: (taken, "0")}, {}):
        market = new_market()
        await market.invoke("init", "operator", market.public_key("operator"))
        await closed_with(market, meters | told, **parameters)
        paid.append(-market.free(buyer) + market.accounts()[buyer].debt)
    honest, silent = paid
    assert silent >= honest - ROUNDING


def kwh_text(energy: int) -> str:
    shown: Decimal = kwh(energy)
    return str(shown)
