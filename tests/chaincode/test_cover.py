"""What an order may come to owe is set aside with it, and what lacks is said; so nobody else bears a loss."""

from decimal import Decimal

import pytest

from tests.chaincode.conftest import Market


async def test_an_offer_freezes_its_bond(market: Market) -> None:
    await market.enter("S1", "B1", funds="10")
    await market.open_game({"S1": ("20", "0.1")}, {"B1": "5"}, game="g", imbalancePenalty="0.3")
    # 20 kWh that the buyer's grid would sell 0.1869 dearer, and the penalty
    assert market.frozen("S1") == 20 * (186_900 + 300_000)
    assert market.frozen("B1") == 5 * (286_900 + 300_000)
    shown = await market.invoke("game", "g")
    assert shown["sellers"][0]["frozen"] == 20 * Decimal("0.4869")
    assert shown["buyers"][0]["frozen"] == 5 * Decimal("0.5869")


async def test_who_asks_more_than_the_tariff_only_covers_the_penalty(market: Market) -> None:
    await market.enter("S1", "B1", funds="10")
    await market.open_game({"S1": ("20", "30")}, {"B1": "5"}, game="g", imbalancePenalty="0.3")
    assert market.frozen("S1") == 20 * 300_000


@pytest.mark.parametrize(
    ("tariffs", "penalty"),
    [
        ({}, "0.3276"),
        ({"retailTariff": "0.1", "feedInTariff": "-0.2"}, "0.6"),
        ({"imbalancePenalty": "0.05"}, "0.05"),
        ({"imbalancePenalty": "0"}, "0"),
    ],
)
async def test_the_penalty_is_twice_what_the_grid_takes_more_than_it_gives_unless_one_is_stated(
    market: Market, tariffs: dict[str, str], penalty: str
) -> None:
    await market.do("operator", "setTopology", edges=[["S1", "B1"]])
    await market.do("operator", "publishGame", game="g", **tariffs)
    assert (await market.invoke("game", "g"))["parameters"]["imbalancePenalty"] == Decimal(penalty)


@pytest.mark.parametrize(("topic", "terms"), [("publishOffer", {"price": "0.1"}), ("publishDemand", {})])
async def test_an_order_without_cover_is_refused_with_the_amount_that_lacks(
    market: Market, topic: str, terms: dict[str, str]
) -> None:
    await market.enter("P", funds="1")
    await market.enter("S1", "B1", funds="10")
    await market.do("operator", "setTopology", edges=[["P", "S1"], ["S1", "B1"]])
    await market.do("operator", "publishGame", game="g", imbalancePenalty="0.1")
    assert await market.rejection("P", topic, game="g", amount="10", **terms) == "INSUFFICIENT_FUNDS"
    (event,) = market.named("AccountTopUpRequired")
    required = Decimal("2.869") if topic == "publishOffer" else Decimal("3.869")
    assert (event["prosumer"], event["required"], event["shortfall"]) == ("P", required, required - 1)
    await market.do("operator", "topUpAccount", prosumer="P", amount=str(event["shortfall"]))
    await market.do("P", topic, game="g", amount="10", **terms)
    assert market.free("P") == 0


async def test_what_stays_unsold_needs_no_bond_once_the_game_stopped(market: Market) -> None:
    await market.enter("S1", "S2", "B1", funds="100")
    await market.start_game({"S1": ("20", "0.1"), "S2": ("20", "0.1")}, {"B1": "5"}, game="g", roundLimit=1)
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "5"})
    assert (market.frozen("S1"), market.frozen("S2")) == (5 * 186_900, 0)
    await market.read_meter("g", "S1", fed_in="5")
    await market.read_meter("g", "B1", taken="5")
    await market.do("operator", "closeMarket", game="g")
    assert (market.frozen("S1"), market.frozen("B1")) == (0, 0)


async def test_a_cancelled_game_releases_bonds_too(market: Market) -> None:
    await market.enter("S1", funds="100")
    await market.do("operator", "setTopology", edges=[["S1", "B1"]])
    await market.do("operator", "publishGame", game="g")
    await market.do("S1", "publishOffer", game="g", amount="20", price="0.1")
    market.now_ms += 60_000
    await market.do("operator", "stopGameRegistration", game="g")
    assert (market.free("S1"), market.frozen("S1")) == (100_000_000, 0)


async def test_a_seller_that_delivers_nothing_pays_for_it_out_of_its_bond(market: Market) -> None:
    await market.enter("S1", funds="4.869")
    await market.enter("B1", funds="10")
    await market.start_game({"S1": ("10", "0.1")}, {"B1": "10"}, game="g", roundLimit=1, imbalancePenalty="0.3")
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "6"})
    await market.read_meter("g", "B1", taken="10")
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    (closed,) = market.named("MarketClosedEvent")
    assert closed["guaranteed"] == 0
    # 6 kWh contracted at 0.18, the rest at the tariff
    assert 10_000_000 - market.free("B1") == 6 * 180_000 + 4 * 286_900


async def test_a_buyer_that_takes_nothing_pays_for_it_out_of_escrow_and_deposit(market: Market) -> None:
    await market.enter("S1", funds="10")
    await market.enter("B1", funds="5.869")
    await market.start_game({"S1": ("10", "0.1")}, {"B1": "10"}, game="g", roundLimit=1, imbalancePenalty="0.3")
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "8"})
    await market.read_meter("g", "B1")
    await market.read_meter("g", "S1", fed_in="8")
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    (closed,) = market.named("MarketClosedEvent")
    assert closed["guaranteed"] == 0
    assert market.free("S1") - 10_000_000 == 8 * 180_000
