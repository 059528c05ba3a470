"""Playing: bids are feasible or rejected, turns go round, and a game stops for one of three reasons."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.times import iso_time
from energy_market_chaincode.units import kwh
from tests.chaincode.conftest import START_MS, Market

SELLERS = {"S1": ("10", "0.1"), "S2": ("10", "0.1")}
BUYERS = {"B1": "6", "B2": "8"}


@pytest.fixture
async def game(market: Market) -> Market:
    """A game called ``g`` in which B1 has the first turn."""
    await market.enter(*SELLERS, *BUYERS, "stranger", funds="100")
    await market.start_game(SELLERS, BUYERS, game="g")
    return market


async def bid(market: Market, buyer: str, **amounts: str) -> None:
    await market.do(buyer, "publishBuyBid", game="g", bidAmounts=amounts)


async def bid_rejection(market: Market, buyer: str, **amounts: str) -> str:
    return await market.rejection(buyer, "publishBuyBid", game="g", bidAmounts=amounts)


async def let_pass(market: Market, *buyers: str) -> None:
    for buyer in buyers:
        await market.do(buyer, "publishBuyBid", game="g", keepPlaying=False)


async def test_a_bid_that_comes_a_round_too_late_does_not_count(game: Market) -> None:
    late = game.command("B1", "publishBuyBid", game="g", round=1, bidAmounts={"S1": "6"})
    game.now_ms += 10_000
    await game.do("operator", "skipTurn", game="g", buyer="B1", round=1)
    await bid(game, "B2", S1="8")
    (result,) = await game.submit(late)
    assert result["code"] == "TURN_OVER"
    await game.do("B1", "publishBuyBid", game="g", round=2, bidAmounts={"S1": "2", "S2": "4"})


async def test_the_buyer_in_turn_is_told_all_it_needs(game: Market) -> None:
    assert game.turn("g") == {
        "name": "BuyBidEvent",
        "game": "g",
        "buyerInTurn": "B1",
        "buyerInTurnIndex": 0,
        "round": 1,
        "deadline": "2026-09-21T14:13:30.000Z",
        "demand": 6,
        "retailTariff": Decimal("0.2869"),
        "feePerHop": Decimal("0.02"),
        "tolerance": Decimal("0.000001"),
        "sellers": [
            {"seller": "S1", "capacity": 10, "price": Decimal("0.1"), "othersLoad": 0, "hops": 1},
            {"seller": "S2", "capacity": 10, "price": Decimal("0.1"), "othersLoad": 0, "hops": 1},
        ],
        "standingBid": None,
    }
    await bid(game, "B1", S1="6")
    await bid(game, "B2", S1="3.5", S2="4.5")
    turn = game.turn("g") or {}
    assert (turn["buyerInTurn"], turn["buyerInTurnIndex"], turn["round"]) == ("B1", 0, 2)
    assert [seller["othersLoad"] for seller in turn["sellers"]] == [Decimal("3.5"), Decimal("4.5")]
    assert turn["standingBid"] == {"S1": 6, "S2": 0}


@pytest.mark.parametrize(
    ("buyer", "amounts", "code"),
    [
        ("S1", {"S1": "6"}, "NOT_REGISTERED"),
        ("stranger", {"S1": "6"}, "NOT_REGISTERED"),
        ("B2", {"S1": "8"}, "NOT_YOUR_TURN"),
        ("B1", {"S1": "3", "S3": "3"}, "UNKNOWN_SELLER"),
        ("B1", {"S1": "6", "S3": "0"}, "UNKNOWN_SELLER"),
        ("B1", {"S1": "6", "S2": "0.0001"}, "DEMAND_EXCEEDED"),
        ("B1", {"S1": "-1", "S2": "7"}, "MALFORMED_COMMAND"),
        ("B1", {"S1": "NaN"}, "MALFORMED_COMMAND"),
    ],
)
async def test_a_bid_that_breaks_a_rule_is_rejected(
    game: Market, buyer: str, amounts: dict[str, str], code: str
) -> None:
    before, told = dict(game.state), len(game.events)
    (result,) = await game.submit(game.command(buyer, "publishBuyBid", game="g", bidAmounts=amounts))
    assert (result["status"], result["code"]) == ("rejected", code)
    assert {key.split("/")[0] for key in game.changed_since(before)} <= {"command"}
    assert len(game.events) == told


async def test_a_bid_fits_the_room_that_the_others_leave_and_its_own_bid_takes_none(game: Market) -> None:
    await bid(game, "B1", S1="6")
    assert await bid_rejection(game, "B2", S1="4.0001", S2="3.9999") == "CAPACITY_EXCEEDED"
    await bid(game, "B2", S1="4", S2="4")
    assert await bid_rejection(game, "B1", S2="6.0001") == "DEMAND_EXCEEDED"
    await bid(game, "B1", S1="5", S2="1")
    loads = [seller["load"] for seller in (await game.invoke("game", "g"))["sellers"]]
    assert loads == [9, 5]


async def test_bids_are_for_the_playing_phase(game: Market) -> None:
    await game.do("operator", "publishGame", game="h", deliverySlot="h")
    assert await game.rejection("B1", "publishBuyBid", game="h", bidAmounts={"S1": "6"}) == "WRONG_PHASE"
    assert await game.rejection("B1", "publishBuyBid", game="none", keepPlaying=False) == "UNKNOWN_GAME"
    await let_pass(game, "B1", "B2")
    assert await bid_rejection(game, "B1", S1="6") == "WRONG_PHASE"
    assert await game.rejection("operator", "skipTurn", game="g", buyer="B1", round=1) == "WRONG_PHASE"


async def test_an_earlier_bid_stands_when_its_buyer_passes(game: Market) -> None:
    await bid(game, "B1", S1="6")
    await bid(game, "B2", S2="8")
    await let_pass(game, "B1")
    amounts = {b["buyer"]: b["amounts"] for b in (await game.invoke("bids", "g"))["bids"]}
    assert amounts == {"B1": {"S1": 6, "S2": 0}, "B2": {"S1": 0, "S2": 8}}


async def test_the_game_stops_when_all_pass_in_one_round_and_not_before(game: Market) -> None:
    await bid(game, "B1", S1="3", S2="3")
    await let_pass(game, "B2")
    await let_pass(game, "B1")
    await bid(game, "B2", S1="4", S2="4")
    await let_pass(game, "B1")
    assert not game.named("GameStopEvent"), "both passed in a row, but not in one round"
    await let_pass(game, "B2")
    turn = game.turn("g")
    assert turn is None
    (stop,) = game.named("GameStopEvent")
    assert (stop["reason"], stop["totalNrRounds"]) == ("equilibrium", 3)


async def test_all_passed_though_somebody_could_save_is_no_equilibrium(game: Market) -> None:
    await bid(game, "B1", S1="6")
    await bid(game, "B2", S2="8")
    await let_pass(game, "B1", "B2")
    (stop,) = game.named("GameStopEvent")
    assert stop["reason"] == "all-passed"
    view = (await game.invoke("game", "g"))["stop"]
    bids = {b["buyer"]: b for b in (await game.invoke("bids", "g"))["bids"]}
    assert stop["maxRegretBuyer"] == "B2"
    assert stop["maxRegret"] == view["regrets"]["B2"] == bids["B2"]["regret"] > 0
    assert abs(stop["maxRegretShare"] - stop["maxRegret"] / bids["B2"]["cost"]) < Decimal("1e-8")
    assert stop["totalCost"] == sum(b["cost"] for b in bids.values())


async def test_a_wide_tolerance_makes_the_same_bids_an_equilibrium(market: Market) -> None:
    await market.enter(*SELLERS, *BUYERS)
    await market.start_game(SELLERS, BUYERS, game="g", tolerance="0.5")
    await bid(market, "B1", S1="6")
    await bid(market, "B2", S2="8")
    await let_pass(market, "B1", "B2")
    assert market.named("GameStopEvent")[0]["reason"] == "equilibrium"


async def test_the_round_limit_stops_buyers_that_never_pass(market: Market) -> None:
    await market.enter(*SELLERS, *BUYERS)
    await market.start_game(SELLERS, BUYERS, game="g", roundLimit=3)
    for round_number in (1, 2, 3):
        assert (market.turn("g") or {})["round"] == round_number
        await bid(market, "B1", S1=str(7 - round_number), S2=str(round_number - 1))
        await bid(market, "B2", S1="4", S2="4")
    (stop,) = market.named("GameStopEvent")
    assert (stop["reason"], stop["totalNrRounds"]) == ("round-limit", 3)


async def test_a_buyer_is_skipped_once_its_deadline_passed_and_its_bid_stands(game: Market) -> None:
    await bid(game, "B1", S1="6")
    assert await game.rejection("operator", "skipTurn", game="g", buyer="B2", round=1) == "DEADLINE_NOT_PASSED"
    game.now_ms += 9_999
    assert await game.rejection("operator", "skipTurn", game="g", buyer="B2", round=1) == "DEADLINE_NOT_PASSED"
    game.now_ms += 1
    await game.do("operator", "skipTurn", game="g", buyer="B2", round=1)
    assert (game.turn("g") or {})["buyerInTurn"] == "B1"
    assert (await game.invoke("bids", "g"))["bids"][0]["amounts"] == {"S1": 6, "S2": 0}


async def test_a_skip_names_its_turn_and_hits_no_other(game: Market) -> None:
    game.now_ms += 60_000
    for buyer, round_number in (("B2", 1), ("B1", 2), ("S1", 1), ("nobody", 1)):
        skip = {"game": "g", "buyer": buyer, "round": round_number}
        assert await game.rejection("operator", "skipTurn", **skip) == "TURN_OVER"
    await bid(game, "B1", S1="6")
    assert await game.rejection("operator", "skipTurn", game="g", buyer="B1", round=1) == "TURN_OVER"


async def test_a_late_bid_counts_until_its_buyer_is_skipped(game: Market) -> None:
    game.now_ms += 60_000
    await bid(game, "B1", S1="6")
    game.now_ms += 60_000
    await game.do("operator", "skipTurn", game="g", buyer="B2", round=1)
    assert await bid_rejection(game, "B2", S2="8") == "NOT_YOUR_TURN"


async def test_silent_buyers_cannot_stall_a_game(game: Market) -> None:
    for buyer in BUYERS:
        game.now_ms += 10_000
        await game.do("operator", "skipTurn", game="g", buyer=buyer, round=1)
    (stop,) = game.named("GameStopEvent")
    assert (stop["reason"], stop["totalNrRounds"]) == ("all-passed", 1)
    assert await game.transfers("g") == []
    assert stop["totalCost"] == Decimal("0.2869") * 14, "who has no bid buys from the grid"


async def test_a_demand_larger_than_the_room_takes_what_there_is_and_the_rest_from_the_grid(market: Market) -> None:
    await market.enter(*SELLERS, "B1", "big")
    await market.start_game(SELLERS, {"B1": "6", "big": "15"}, game="g", retailTariff="0.3")
    await bid(market, "B1", S1="3", S2="3")
    assert await bid_rejection(market, "big", S1="7.5", S2="7.5") == "CAPACITY_EXCEEDED"
    await bid(market, "big", S1="7", S2="7")
    await let_pass(market, "B1", "big")
    (stop,) = market.named("GameStopEvent")
    assert (stop["reason"], stop["maxRegret"]) == ("equilibrium", 0)
    assert [(t["buyer"], t["energy"]) for t in await market.transfers("g")] == [
        ("B1", 3),
        ("B1", 3),
        ("big", 7),
        ("big", 7),
    ]
    assert stop["totalCost"] == 20 * Decimal("0.22") + Decimal("0.3")


async def test_a_bid_after_the_first_that_saves_nothing_worth_the_name_counts_as_a_pass(market: Market) -> None:
    await market.enter(*SELLERS, *BUYERS)
    await market.start_game(SELLERS, BUYERS, game="g", tolerance="0.01")
    await bid(market, "B1", S1="6")
    await bid(market, "B2", S2="8")
    (result,) = await market.submit(market.command("B1", "publishBuyBid", game="g", bidAmounts={"S1": "5.99"}))
    assert (result["status"], result["result"]) == ("committed", {"game": "g", "passed": True})
    assert (await market.invoke("bids", "g"))["bids"][0]["amounts"] == {"S1": 6, "S2": 0}
    assert (await market.do("B2", "publishBuyBid", game="g", bidAmounts={"S1": "3", "S2": "5"}))["passed"] is False
    assert (await market.do("B1", "publishBuyBid", game="g", keepPlaying=False))["passed"] is True


async def test_lie_moving_0_1_kwh_in_circles_is_passing_and_ends_the_game(market: Market) -> None:
    await market.enter("S1", "S2", "H", "B")
    await market.start_game({"S1": ("20", "0.08"), "S2": ("20", "0.08")}, {"H": "10", "B": "10"}, game="g")
    moves = [{"S1": "6", "S2": "4"}, {"S1": "5.9", "S2": "4.1"}]
    while turn := market.turn("g"):
        if turn["buyerInTurn"] == "B":
            reply = market.best_reply(turn)
            said = {"keepPlaying": False} if reply is None else {"bidAmounts": reply}
            await market.do("B", "publishBuyBid", game="g", **said)
        else:
            await market.do("H", "publishBuyBid", game="g", bidAmounts=moves[turn["round"] % 2])
    (stop,) = market.named("GameStopEvent")
    assert stop["totalNrRounds"] <= 5
    assert stop["reason"] != "round-limit"


async def test_lie_a_price_of_30_sells_nothing_and_scarcity_is_bought_from_the_grid(market: Market) -> None:
    await market.enter("S1", "S2", "B1", "B2")
    await market.start_game({"S1": ("15", "0.08"), "S2": ("10", "30")}, {"B1": "10", "B2": "10"}, game="g")
    stop = await market.play_out("g")
    assert stop["reason"] == "equilibrium"
    assert {t["seller"] for t in await market.transfers("g")} == {"S1"}
    bids = (await market.invoke("bids", "g"))["bids"]
    assert all(b["cost"] <= Decimal("2.869") for b in bids)
    assert stop["totalCost"] == sum(b["cost"] for b in bids)


@pytest.mark.parametrize("demands", [{"B1": "10"}, {"B1": "6", "B2": "6"}])
async def test_where_supply_is_scarce_all_of_it_is_traded_and_the_grid_gives_the_rest(
    market: Market, demands: dict[str, str]
) -> None:
    await market.enter("S1", *demands)
    await market.start_game({"S1": ("9", "0.08")}, demands, game="g")
    assert (await market.play_out("g"))["reason"] == "equilibrium"
    transfers = await market.transfers("g")
    assert sum(t["energy"] for t in transfers) == 9
    for transfer in transfers:
        await market.read_meter("g", transfer["buyer"], taken=demands[transfer["buyer"]])
    await market.read_meter("g", "S1", fed_in="9")
    await market.do("operator", "closeMarket", game="g")
    (closed,) = market.named("MarketClosedEvent")
    rest = sum(map(Decimal, demands.values())) - 9
    assert (closed["energyDelivered"], closed["energyFromGrid"]) == (9, rest)
    assert closed["paidToGrid"] == rest * Decimal("0.2869")


async def test_what_costs_more_than_the_grid_is_handed_back_at_a_stop_that_is_no_equilibrium(market: Market) -> None:
    await market.enter("S1", "B1", "B2")
    await market.start_game({"S1": ("10", "0.15")}, {"B1": "5", "B2": "5"}, game="g", roundLimit=1)
    await bid(market, "B1", S1="5")
    await bid(market, "B2", S1="5")
    (stop,) = market.named("GameStopEvent")
    # 0.15 (1 + L / 10) + 0.02 is 0.2869 at L = 7.793: B2, last in turn, keeps no more than that.
    assert (stop["reason"], stop["handedBack"]) == ("round-limit", Decimal("2.2067"))
    bids = (await market.invoke("bids", "g"))["bids"]
    assert [b["amounts"] for b in bids] == [{"S1": 5}, {"S1": Decimal("2.7933")}]
    assert all(b["cost"] <= 5 * Decimal("0.2869") for b in bids)
    assert (await market.invoke("game", "g"))["sellers"][0]["load"] == Decimal("7.7933")
    for buyer in ("B1", "B2"):
        assert market.frozen(buyer) == next(b["cost"] for b in bids if b["buyer"] == buyer) * 10**6


async def test_at_a_slots_start_what_costs_more_than_the_grid_is_handed_back_too(market: Market) -> None:
    starts_ms = START_MS + 3_600_000
    await market.enter("S1", "B1", "B2")
    buyers = {"B1": "5", "B2": "5"}
    await market.start_game({"S1": ("10", "0.15")}, buyers, game="g", deliverySlot=iso_time(starts_ms))
    await bid(market, "B1", S1="5")
    await bid(market, "B2", S1="5")
    market.now_ms = starts_ms
    await market.do("operator", "skipTurn", game="g", buyer="B1", round=2)
    (stop,) = market.named("GameStopEvent")
    assert (stop["reason"], stop["handedBack"]) == ("deadline", Decimal("2.2067"))
    assert stop["totalCost"] <= 10 * Decimal("0.2869")


async def test_a_bid_freezes_its_worst_case_and_the_stop_trues_it_up(market: Market) -> None:
    await market.enter("S1", "B1", "B2", funds="20")
    await market.start_game({"S1": ("10", "1")}, {"B1": "4", "B2": "4"}, game="g", retailTariff="2")
    assert market.frozen("B1") == 8_000_000
    await bid(market, "B1", S1="4")
    assert 8_080_000 <= market.frozen("B1") <= 8_080_001, "4 kWh at 2 p and one hop"
    await let_pass(market, "B2", "B1", "B2")
    (transfer,) = await market.transfers("g")
    assert market.frozen("B1") == 4 * 1_400_000 + 80_000
    assert transfer["energyCost"] + transfer["transmissionFee"] == Decimal("5.68")
    assert market.frozen("B2") == 8_000_000, "what the grid will take"


async def test_a_bid_beyond_the_funds_is_rejected_and_the_world_is_told(market: Market) -> None:
    await market.enter("S1", "B1", funds="8")
    await market.start_game({"S1": ("10", "1")}, {"B1": "4"}, game="g", retailTariff="0.5")
    assert await bid_rejection(market, "B1", S1="4") == "INSUFFICIENT_FUNDS"
    (event,) = market.named("AccountTopUpRequired")
    assert (event["game"], event["prosumer"], event["available"]) == ("g", "B1", 6)
    assert (market.turn("g") or {})["buyerInTurn"] == "B1", "it is still its turn"
    await market.do("operator", "topUpAccount", prosumer="B1", amount=str(event["shortfall"]))
    await bid(market, "B1", S1="4")
    assert market.free("B1") == 0


async def test_a_buyer_in_two_games_at_once_has_an_escrow_in_each(market: Market) -> None:
    await market.enter("S1", "S2", "B1", funds="10")
    await market.start_game({"S1": ("10", "1")}, {"B1": "2"}, game="g", deliverySlot="g", retailTariff="2")
    await market.start_game({"S2": ("10", "1")}, {"B1": "2"}, game="h", deliverySlot="h", retailTariff="2")
    await market.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "2"})
    await market.do("B1", "publishBuyBid", game="h", bidAmounts={"S2": "2"})
    assert 2 * 4_040_000 <= market.frozen("B1") <= 2 * 4_040_001
    await market.do("B1", "publishBuyBid", game="g", keepPlaying=False)
    owed = 2 * 1_200_000 + 40_000
    assert owed + 4_040_000 <= market.frozen("B1") <= owed + 4_040_001
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
    assert 4_040_000 <= market.frozen("B1") <= 4_040_001, "closing one game thaws nothing of the other"


@given(data=st.data())
async def test_exactly_the_feasible_bids_are_accepted(new_market: Callable[[], Market], data: st.DataObject) -> None:
    market = new_market()
    await market.invoke("init", "operator", market.public_key("operator"))
    capacities = data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=3))
    demands = data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=3))
    sellers = {f"S{j}": (str(kwh(capacity)), "0.1") for j, capacity in enumerate(capacities)}
    buyers = {f"B{i}": str(kwh(demand)) for i, demand in enumerate(demands)}
    await market.enter(*sellers, *buyers)
    await market.start_game(sellers, buyers, game="g", roundLimit=3)
    standing: dict[str, list[int]] = {}
    while turn := market.turn("g"):
        buyer = turn["buyerInTurn"]
        demand = demands[int(buyer[1:])]
        row = data.draw(st.lists(st.integers(0, demand), min_size=len(sellers), max_size=len(sellers)))
        if data.draw(st.booleans()):
            row[-1] = max(0, demand - sum(row[:-1]))
        loads = [sum(standing[k][j] for k in standing if k != buyer) for j in range(len(sellers))]
        feasible = sum(row) <= demand and all(
            x + load <= capacity for x, load, capacity in zip(row, loads, capacities, strict=True)
        )
        said: dict[str, Any] = {"bidAmounts": {s: str(kwh(x)) for s, x in zip(sellers, row, strict=True)}}
        (result,) = await market.submit(market.command(buyer, "publishBuyBid", game="g", **said))
        assert (result["status"] == "committed") == feasible, result
        if feasible:
            standing[buyer] = standing[buyer] if result["result"]["passed"] else row
        else:
            assert result["code"] in ("DEMAND_EXCEEDED", "CAPACITY_EXCEEDED")
            await let_pass(market, buyer)
    transfers = await market.transfers("g")
    for j, (seller, capacity) in enumerate(zip(sellers, capacities, strict=True)):
        sold = sum(t["energy"] for t in transfers if t["seller"] == seller)
        assert sold == kwh(sum(row[j] for row in standing.values())) <= kwh(capacity)


@given(data=st.data())
async def test_whatever_was_bid_nobody_ends_dearer_than_from_the_grid_and_the_escrow_covers_it(
    new_market: Callable[[], Market], data: st.DataObject
) -> None:
    market = new_market()
    await market.invoke("init", "operator", market.public_key("operator"))
    offers = data.draw(st.lists(st.tuples(st.integers(1, 90_000), st.integers(1, 500)), min_size=1, max_size=3))
    demands = data.draw(st.lists(st.integers(1, 90_000), min_size=1, max_size=3))
    tariff = Decimal(data.draw(st.integers(0, 500))).scaleb(-3)
    sellers = {f"S{j}": (str(kwh(capacity)), f"{price / 1000:.3f}") for j, (capacity, price) in enumerate(offers)}
    buyers = {f"B{i}": str(kwh(demand)) for i, demand in enumerate(demands)}
    await market.enter(*sellers, *buyers)
    tariffs = {"retailTariff": f"{tariff}", "feedInTariff": "0"}
    terms: dict[str, Any] = {"hops": data.draw(st.integers(0, 3)), "roundLimit": 2} | tariffs
    await market.start_game(sellers, buyers, game="g", **terms)
    while turn := market.turn("g"):
        missing, said = turn["demand"], {}
        for seller in turn["sellers"]:
            most = min(missing, seller["capacity"] - seller["othersLoad"])
            said[seller["seller"]] = kwh(data.draw(st.integers(0, int(most * 10_000))))
            missing -= said[seller["seller"]]
        await bid(market, turn["buyerInTurn"], **{seller: str(amount) for seller, amount in said.items()})
    for each in (await market.invoke("bids", "g"))["bids"]:
        rounded = Decimal("0.000001") * (len(sellers) + 1) + tariff * each["demand"] * Decimal("0.000001")
        assert each["cost"] <= tariff * each["demand"] + rounded
        assert market.frozen(each["buyer"]) == each["cost"] * 10**6


async def test_the_largest_and_the_smallest_numbers_survive_the_ledger(market: Market) -> None:
    await market.enter("S1", "S2", "B1", funds="999999999")
    sellers = {"S1": ("1000000000", "1000000"), "S2": ("0.0001", "0.000000000000000001")}
    dear: dict[str, Any] = {"retailTariff": "1000000", "feePerHop": "1000000", "tolerance": 1}
    await market.start_game(sellers, {"B1": "0.0002"}, hops=1000, game="g", **dear)
    await bid(market, "B1", S1="0.0001", S2="0.0001")
    await let_pass(market, "B1")
    assert market.named("GameStopEvent")[0]["reason"] == "equilibrium", "whatever is saved is nothing here"
    shown = (await market.invoke("game", "g"))["sellers"]
    assert [(s["capacity"], s["price"]) for s in shown] == [(10**9, 10**6), (Decimal("0.0001"), Decimal("1e-18"))]
    transfers = await market.transfers("g")
    assert [(t["energy"], t["energyCost"]) for t in transfers] == [(Decimal("0.0001"), 100), (Decimal("0.0001"), 0)]
    assert {t["transmissionFee"] for t in transfers} == {100_000}
    market.now_ms += 60_000
    await market.do("operator", "closeMarket", game="g")
