"""The close: what was not delivered or not taken settles at the grid's tariffs, and who caused it bears the cost."""

from decimal import Decimal
from typing import Any

from energy_market_chaincode.units import money_from_currency
from tests.chaincode.conftest import Market

SELLERS = {"S1": ("10", "0.1"), "S2": ("10", "0.1")}
BUYERS = {"B1": "6", "B2": "8"}


async def settled(
    market: Market, meters: dict[str, str], funds: str = "100", **parameters: Any
) -> tuple[dict[str, Decimal], dict[str, Any]]:
    """Contract, deliver, close; return what each account gained and the MarketClosedEvent.

    B1 takes 6 of S1 (0.2 a kWh), B2 takes 4 of S1 and 4 of S2 (0.14 a kWh); the fee is 0.02 a kWh, the grid sells at
    0.2869 and buys at 0.1231.
    """
    await market.enter(*SELLERS, *BUYERS, funds=funds)
    await market.start_game(SELLERS, BUYERS, game="g", roundLimit=1, **parameters)
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "6"})
    await market.do("B2", "publishBuyBid", game="g", bidAmounts={"S1": "4", "S2": "4"})
    for name, energy in meters.items():
        await market.read_meter("g", name, **({"taken": energy} if name in BUYERS else {"fed_in": energy}))
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    start = dict.fromkeys((*SELLERS, *BUYERS), money_from_currency(funds))
    gains = {owner: Decimal(account.free - start.get(owner, 0)) / 10**6 for owner, account in market.accounts().items()}
    del gains["operator"]
    (closed,) = market.named("MarketClosedEvent")
    return gains, closed


def gained(s1: str, s2: str, b1: str, b2: str, grid: str, network: str) -> dict[str, Decimal]:
    owners = ("S1", "S2", "B1", "B2", "grid-operator", "network-operator")
    return dict(zip(owners, map(Decimal, (s1, s2, b1, b2, grid, network)), strict=True))


async def test_what_is_delivered_exactly_is_paid_exactly(market: Market) -> None:
    gains, closed = await settled(market, {"S1": "10", "S2": "4", "B1": "6", "B2": "8"})
    assert gains == gained("2", "0.56", "-1.32", "-1.52", "0", "0.28")
    assert (closed["energyDelivered"], closed["energyFromGrid"], closed["energyToGrid"]) == (14, 0, 0)


async def test_a_seller_that_delivers_too_little_bears_what_the_grid_costs_more(market: Market) -> None:
    gains, closed = await settled(market, {"S1": "7", "S2": "4", "B1": "6", "B2": "8"}, imbalancePenalty="0.1")
    # B2 gets 1 of the 4 kWh of S1 and 3 from the grid: 0.8607, contracted at 0.66; S1 bears 0.2007 and the penalty.
    assert gains == gained("0.8993", "0.56", "-1.32", "-1.52", "1.1607", "0.22")
    assert (closed["compensations"], closed["penalties"]) == (Decimal("0.2007"), Decimal("0.3"))
    assert (closed["energyDelivered"], closed["energyFromGrid"], closed["paidToGrid"]) == (11, 3, Decimal("0.8607"))
    partial = (await market.transfers("g"))[1]
    assert (partial["energy"], partial["delivered"], partial["isFulfilled"]) == (4, 1, False)


async def test_a_buyer_that_takes_too_little_bears_what_the_grid_pays_less(market: Market) -> None:
    gains, closed = await settled(market, {"S1": "10", "S2": "4", "B1": "2", "B2": "8"}, imbalancePenalty="0.1")
    # S1 feeds 4 kWh into the grid for 0.4924, contracted at 0.8; B1 bears 0.3076 and the penalty.
    assert gains == gained("2", "0.56", "-1.1476", "-1.52", "-0.0924", "0.2")
    assert (closed["energyToGrid"], closed["paidByGrid"]) == (4, Decimal("0.4924"))


async def test_scarce_supply_goes_to_the_buyers_in_their_order(market: Market) -> None:
    await settled(market, {"B2": "8", "S1": "5", "B1": "6"})
    assert [t["delivered"] for t in await market.transfers("g")] == [5, 0, 0]


async def test_more_than_contracted_is_the_grids(market: Market) -> None:
    gains, closed = await settled(market, {"S1": "10", "S2": "9", "B1": "7", "B2": "8"}, imbalancePenalty="1")
    assert gains["S2"] == Decimal("0.56") + 5 * Decimal("0.1231")
    assert gains["B1"] == Decimal("-1.32") - Decimal("0.2869")
    assert closed["penalties"] == closed["compensations"] == 0


async def test_what_is_fed_in_beyond_the_offer_is_the_grids_too_in_both_directions_and_for_everybody(
    market: Market,
) -> None:
    gains, closed = await settled(market, {"S1": "14", "S2": "4", "B1": "6", "B2": "8"})
    assert gains["S1"] == 2 + 4 * Decimal("0.1231")
    assert closed["energyToGrid"] == 4


async def test_a_seller_that_sold_nothing_is_paid_for_what_it_fed_in(market: Market) -> None:
    await market.enter("dear", "cheap", "B", funds="100")
    await market.start_game({"dear": ("5", "0.9"), "cheap": ("50", "0.01")}, {"B": "6"}, game="g", hops=0)
    await market.play_out("g")
    await market.read_meter("g", "dear", fed_in="5")
    await market.read_meter("g", "cheap", fed_in="5")
    await market.read_meter("g", "B", taken="6")
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    assert market.free("dear") == 100_615_500


async def test_where_the_grid_pays_more_nobody_profits_from_a_shortage_it_caused(market: Market) -> None:
    gains, closed = await settled(
        market, {"S1": "7", "S2": "4", "B1": "2", "B2": "8"}, retailTariff="0.4", feedInTariff="0.4"
    )
    # S1 feeds in 7: B1 takes 2, B2 takes 4, one is left for the grid. B1 lacks 4 and owes nothing: the grid paid more.
    assert closed["compensations"] == 0
    assert gains["B1"] == Decimal("-0.44")
    assert gains["S1"] == 6 * Decimal("0.2") + Decimal("0.4")


async def test_without_feed_in_tariff_fees_and_penalties_only_energy_is_paid(market: Market) -> None:
    gains, closed = await settled(
        market, {"S1": "7", "S2": "9", "B1": "6", "B2": "8"}, retailTariff="0.2", feedInTariff=0, feePerHop=0
    )
    assert gains == gained("1.4", "0.56", "-1.2", "-1.36", "0.6", "0")
    assert closed["guaranteed"] == 0


async def test_what_an_account_cannot_pay_the_grid_operator_pays_and_the_world_is_told(market: Market) -> None:
    gains, closed = await settled(market, {"S1": "10", "S2": "4", "B1": "6", "B2": "18"}, funds="4")
    # B2 takes 10 kWh more than it asked for: it owes 1.52 and 2.869, and has 4.
    assert gains["B2"] == -4
    (event,) = market.named("AccountTopUpRequired")
    assert (event["prosumer"], event["required"], event["available"]) == ("B2", Decimal("2.869"), Decimal("2.48"))
    assert closed["guaranteed"] == event["shortfall"] == Decimal("0.389")
    assert gains["S1"] == 2, "nobody else loses by it"
    assert (gains["S2"], gains["B1"]) == (Decimal("0.56"), Decimal("-1.32"))
    assert sum(gains.values()) == 0


async def test_what_a_seller_takes_in_its_game_it_pays_the_grid(market: Market) -> None:
    await market.enter("S1", "B1", funds="100")
    await market.start_game({"S1": ("10", "0.1")}, {"B1": "5"}, game="g", roundLimit=1)
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "5"})
    await market.read_meter("g", "S1", taken="3", fed_in="5")
    await market.read_meter("g", "B1", taken="5")
    await market.do("operator", "closeMarket", game="g")
    assert market.free("S1") == 100_000_000 + 5 * 150_000 - 3 * 286_900
    assert market.named("MarketClosedEvent")[0]["energyFromGrid"] == 3


async def test_buyers_alone_settle_with_the_grid(market: Market) -> None:
    gains, closed = await settled(market, {"B1": "6", "B2": "8"})
    assert closed["energyDelivered"] == 0
    assert gains == gained("-0.669", "-0.5076", "-1.32", "-1.52", "4.0166", "0")
