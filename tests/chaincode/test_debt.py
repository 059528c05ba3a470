"""What the grid operator pays in somebody's place is a debt; who owes it trades no more until it is paid."""

from decimal import Decimal

import pytest

from tests.chaincode.conftest import Market


@pytest.fixture
async def indebted(market: Market) -> Market:
    """S1 delivers nothing of 5 kWh sold at 0.15: it owes 5 x (0.2869 - 0.17) and a penalty, 1.0845.

    Its money is its offer's bond, 10 x (0.2869 - 0.1 + 0.1), and it takes as much from the grid as that comes to.
    """
    await market.enter("S1", funds="2.869")
    await market.enter("B1", "B2", funds="100")
    await market.start_game({"S1": ("10", "0.1")}, {"B1": "5"}, game="g", roundLimit=1, imbalancePenalty="0.1")
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "5"})
    await market.read_meter("g", "B1", taken="5")
    await market.read_meter("g", "S1", taken="10")
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    return market


OWED = Decimal("1.0845")


async def debt(market: Market, prosumer: str) -> Decimal:
    return Decimal((await market.invoke("prosumer", prosumer))["debt"])


async def test_what_was_guaranteed_is_owed(indebted: Market) -> None:
    assert await debt(indebted, "S1") == OWED == indebted.named("MarketClosedEvent")[0]["guaranteed"]
    assert await debt(indebted, "B1") == 0
    assert indebted.free("B1") == 100_000_000 - 850_000, "who kept its word pays as contracted"


async def test_who_owes_registers_for_no_game(indebted: Market) -> None:
    await indebted.do("operator", "setTopology", hops={b: {"S1": 1} for b in ("B1", "B2", "S1")})
    await indebted.do("operator", "publishGame", game="h", deliverySlot="h")
    assert await indebted.rejection("S1", "publishOffer", game="h", amount="1", price="1") == "DEBT_UNPAID"
    assert await indebted.rejection("S1", "publishDemand", game="h", amount="1") == "DEBT_UNPAID"
    await indebted.do("B2", "publishDemand", game="h", amount="1")


async def test_a_top_up_pays_the_debt_first(indebted: Market) -> None:
    grid = indebted.free("grid-operator")
    assert await indebted.do("operator", "topUpAccount", prosumer="S1", amount="1") == {
        "prosumer": "S1",
        "accountBalance": 0,
        "debt": Decimal("0.0845"),
    }
    assert indebted.free("grid-operator") == grid + 1_000_000
    assert await indebted.do("operator", "topUpAccount", prosumer="S1", amount="1") == {
        "prosumer": "S1",
        "accountBalance": Decimal("0.9155"),
        "debt": 0,
    }
    await indebted.do("operator", "setTopology", hops={"B1": {"S1": 1}})
    await indebted.do("operator", "publishGame", game="h", deliverySlot="h")
    await indebted.do("S1", "publishOffer", game="h", amount="1", price="1")


async def test_what_comes_in_from_another_game_pays_the_debt_off(market: Market) -> None:
    await market.enter("S1", funds="3.8035")
    await market.enter("B1", funds="100")
    for game in ("g", "h"):
        await market.start_game({"S1": ("10", "0.1")}, {"B1": "5"}, game=game, deliverySlot=game, roundLimit=1)
        await market.do("B1", "publishBuyBid", game=game, bidAmounts={"S1": "5"})
        await market.read_meter(game, "B1", taken="5")
    market.now_ms += 60_000
    await market.read_meter("g", "S1", taken="10")
    await market.do("operator", "closeMarket", game="g")
    owed = await debt(market, "S1")
    assert owed == Decimal("0.5845")
    await market.read_meter("h", "S1", fed_in="5")
    assert market.free("S1") == 750_000, "what is paid during delivery is not touched"
    await market.do("operator", "closeMarket", game="h")
    assert await debt(market, "S1") == 0
    assert market.free("S1") == 750_000 + 934_500 - 584_500, "with the bond of 5 x 0.1869"


async def test_a_reset_forgives_nothing(indebted: Market) -> None:
    await indebted.do("operator", "resetMarket")
    assert await debt(indebted, "S1") == OWED
