"""Client, optimizer and contract agree to the unit on what is best and what it costs, the grid in the game."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_market_chaincode import Price, units
from energy_market_chaincode import game as rules
from energy_market_chaincode.events import BuyBidEvent
from optimization_api.answers import BestResponseAnswer
from optimization_api.questions import BestResponseQuestion
from prosumer_client import Bid, Turn
from prosumer_client.identity import wire_value
from prosumer_client.optimizer import _question
from tests.chaincode.conftest import Market

patient = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENERGIES = st.integers(1, 300_000).map(units.kwh)
PRICES = st.integers(1, 400_000).map(lambda millionths: Decimal(millionths).scaleb(-6))


def negated(price: Decimal) -> Decimal:
    """A tariff by which whoever takes energy is paid for it."""
    return -price


@st.composite
def games(draw: st.DrawFn) -> dict[str, Any]:
    """Sellers, buyers and terms of a game, scarce or not."""
    sellers = draw(st.lists(st.tuples(ENERGIES, PRICES), min_size=1, max_size=4))
    buyers = draw(st.lists(ENERGIES, min_size=1, max_size=3))
    return {
        "sellers": {f"S{j}": (str(capacity), f"{price:f}") for j, (capacity, price) in enumerate(sellers)},
        "buyers": {f"B{i}": str(demand) for i, demand in enumerate(buyers)},
        "hops": draw(st.integers(0, 4)),
        "retailTariff": f"{draw(st.one_of(PRICES, st.sampled_from([Decimal(0), Decimal(-1)]), PRICES.map(negated))):f}",
        "feedInTariff": "-1",
        "roundLimit": draw(st.integers(1, 60)),
    }


def asked(turn: Turn) -> BestResponseAnswer:
    """What the optimizer answers to the client's question."""
    question = BestResponseQuestion.model_validate(json.loads(json.dumps(wire_value(_question(turn)))))
    question.check()
    return BestResponseAnswer.to(question)


@patient
@given(games())
async def test_who_plays_by_client_or_optimizer_pays_what_the_contract_reckons_and_never_more_than_the_grid(
    drawn: dict[str, Any],
) -> None:
    market = Market()
    await market.invoke("init", "operator", market.public_key("operator"))
    await market.enter(*drawn["sellers"], *drawn["buyers"], funds="1000000")
    await market.start_game(**drawn, game="g")
    while told := market.turn("g"):
        turn = Turn.from_event(BuyBidEvent.model_validate(told))
        best, answer = turn.best_response(), asked(turn)
        assert Bid(answer.amounts) == best
        assert answer.cost == turn.cost(best)
        if answer.standing_cost is not None:
            assert turn.standing_bid is not None
            assert answer.standing_cost == turn.cost(turn.standing_bid)
        said = {"bidAmounts": {seller: str(kwh) for seller, kwh in best.amounts.items()}}
        result = await market.do(turn.buyer, "publishBuyBid", game="g", **said)
        assert turn.standing_bid is None or result["passed"] == (not turn.is_worthwhile(best))
    await ends_no_worse_than_without_the_market(market, Decimal(drawn["retailTariff"]))


async def ends_no_worse_than_without_the_market(market: Market, tariff: Decimal) -> None:
    (stop,) = market.named("GameStopEvent")
    bids = (await market.invoke("bids", "g"))["bids"]
    transfers = await market.transfers("g")
    assert stop["totalCost"] == sum(bid["cost"] for bid in bids)
    for bid in bids:
        bought = [t for t in transfers if t["buyer"] == bid["buyer"]]
        from_grid = bid["demand"] - sum(t["energy"] for t in bought)
        local = sum(t["energyCost"] + t["transmissionFee"] for t in bought)
        tariff_price: Price = units.price_from_currency_per_kwh(f"{tariff:f}")
        rest = units.currency(rules.grid_cost(units.energy_from_kwh(from_grid), tariff_price))
        assert bid["cost"] == local + rest
        rounding = units.currency(len(bought) + 1)
        tolerance = Decimal("0.000001") * abs(tariff * bid["demand"])
        assert bid["cost"] <= tariff * bid["demand"] + tolerance + rounding
        assert tariff > 0 or not bought
        assert market.frozen(bid["buyer"]) >= units.money_from_currency(bid["cost"])
