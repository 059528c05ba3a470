"""A transaction's time may be lower than an earlier one's; the times of a game never are."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from tests.chaincode.conftest import Market


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


@given(steps=st.lists(st.integers(-5_000, 5_000), min_size=8, max_size=8))
async def test_a_games_deadlines_do_not_run_backwards(new_market: type[Market], steps: list[int]) -> None:
    market = new_market()
    await market.invoke("init", "operator", market.public_key("operator"))
    await market.enter("S", "B1", "B2")
    game = await market.open_game({"S": ("20", "0.1")}, {"B1": "5", "B2": "5"}, game="g", roundLimit=2)
    market.now_ms += steps[0]
    await market.do("operator", "stopGameRegistration", game=game)
    for step in steps[1:5]:
        market.now_ms += step
        turn = market.turn(game)
        assert turn is not None
        await market.do(turn["buyerInTurn"], "publishBuyBid", game=game, bidAmounts={"S": "5"})
    deadlines = [moment_of(event["deadline"]) for event in market.named("BuyBidEvent")]
    assert deadlines == sorted(deadlines)
    shown = await market.invoke("game", game)
    assert moment_of(shown["deliveryEndsAt"]) >= deadlines[-1]
    market.now_ms += steps[5]
    for name in ("B1", "B2"):
        await market.read_meter(game, name, taken="5")
    await market.read_meter(game, "S", fed_in="10")
    await market.do("operator", "closeMarket", game=game)
    settlement = (await market.invoke("game", game))["settlement"]
    assert moment_of(settlement["closedAt"]) >= max(deadlines) - (deadlines[0] - moment_of(shown["publishedAt"]))
