"""The original system's game, from its log, on this contract."""

from decimal import Decimal

import pytest

from energy_market_chaincode.units import currency
from tests.chaincode.conftest import Market

SELLERS = {
    "S004": ("350", "0.14"),
    "S001": ("36", "0.08376051515357819"),
    "S003": ("49", "0.06658970076544664"),
    "S002": ("29", "0.07842617079456894"),
}
HOPS = {
    "P003": [4, 1, 3, 2],
    "P007": [1, 2, 2, 4],
    "P005": [1, 3, 2, 3],
    "P002": [1, 2, 2, 2],
    "P001": [1, 3, 2, 3],
    "P006": [1, 3, 1, 1],
    "P004": [2, 1, 1, 1],
}
DEMANDS = {"P003": "28", "P007": "15", "P005": "13", "P002": "47", "P001": "34", "P006": "31", "P004": "29"}


@pytest.fixture
async def played(market: Market) -> tuple[Market, str]:
    """The game played to its stop; the turn order comes from the metered history, not from the order of arrival."""
    histories = {buyer: (str(70 - 5 * place), "50") for place, buyer in enumerate(DEMANDS)}
    await market.enter(*SELLERS, *DEMANDS, histories=histories)
    await market.do("operator", "topUpAccount", prosumer="grid-operator", amount="1000")
    game = await market.open_game(SELLERS, {buyer: DEMANDS[buyer] for buyer in sorted(DEMANDS)})
    table = {buyer: dict(zip(SELLERS, row, strict=True)) for buyer, row in HOPS.items()}
    await market.do("operator", "setTopology", hops=table)
    await market.do("operator", "stopGameRegistration", game=game)
    await market.play_out(game)
    return market, game


async def test_the_result_is_the_best_response_equilibrium(played: tuple[Market, str]) -> None:
    market, game = played
    (stop,) = market.named("GameStopEvent")
    assert stop["reason"] == "equilibrium"
    assert abs(stop["totalCost"] - Decimal("36.747")) < Decimal("0.001") * Decimal("36.747")
    assert stop["maxRegretShare"] < Decimal("0.001")
    assert stop["totalNrRounds"] > 2
    shown = await market.invoke("game", game)
    assert [buyer["buyer"] for buyer in shown["buyers"]] == list(DEMANDS)
    assert [seller["seller"] for seller in shown["sellers"]] == list(SELLERS)
    loads = {seller["seller"]: seller["load"] for seller in shown["sellers"]}
    assert (loads["S003"], loads["S002"]) == (49, 29)
    assert all(seller["load"] <= seller["capacity"] for seller in shown["sellers"])
    for bid in (await market.invoke("bids", game))["bids"]:
        assert sum(bid["amounts"].values()) == bid["demand"] == Decimal(DEMANDS[bid["buyer"]])


async def test_all_that_was_contracted_is_delivered_paid_and_released(played: tuple[Market, str]) -> None:
    market, game = played
    (stop,) = market.named("GameStopEvent")
    contracted = await market.transfers(game)
    for seller in SELLERS:
        sold = sum(transfer["energy"] for transfer in contracted if transfer["seller"] == seller)
        await market.read_meter(game, seller, fed_in=str(sold))
    for buyer, demand in DEMANDS.items():
        await market.read_meter(game, buyer, taken=demand)
    assert len(market.named("TransferFulfilledEvent")) == len(contracted)
    await market.do("operator", "closeMarket", game=game)
    (closed,) = market.named("MarketClosedEvent")
    assert closed["paidToSellers"] + closed["transmissionFees"] == stop["totalCost"]
    assert closed["energyDelivered"] == sum(map(int, DEMANDS.values()))
    shown = await market.invoke("market")
    assert shown["frozenFunds"] == 0
    assert shown["accounts"] == {"grid-operator": 1000, "network-operator": closed["transmissionFees"]}
    paid = sum(1_000_000_000 - market.free(buyer) for buyer in DEMANDS)
    assert currency(paid) == stop["totalCost"]
