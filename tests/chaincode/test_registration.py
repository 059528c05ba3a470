"""Registration: a window, expected participants, several games, slots, topology, funds, and games without trade."""

from decimal import Decimal
from typing import Any

import pytest

from tests.chaincode.conftest import START_MS, Market

EDGES = [["grid", "S1"], ["S1", "B1"], ["grid", "B2"], ["B2", "S2"]]


@pytest.fixture
async def town(market: Market) -> Market:
    """Two sellers and two buyers on one graph."""
    await market.enter("S1", "S2", "B1", "B2", funds="100")
    await market.do("operator", "setTopology", edges=EDGES)
    return market


async def phase(market: Market, game: str) -> str:
    return str((await market.invoke("game", game))["phase"])


async def test_a_game_is_named_after_its_slot_and_its_slot_after_its_time(town: Market) -> None:
    assert await town.do("operator", "publishGame") == {"game": "Game-2026-09-21T14:13:20.000Z"}
    assert await town.do("operator", "publishGame", deliverySlot="noon") == {"game": "Game-noon"}
    assert await town.do("operator", "publishGame", game="evening", deliverySlot="evening") == {"game": "evening"}
    events = town.named("GameInitEvent")
    assert [e["game"] for e in events] == [e["gameID"] for e in events]
    assert events[0]["registrationEndsAt"] == "2026-09-21T14:14:20.000Z"


async def test_a_slot_has_one_game_and_an_id_one_game(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", deliverySlot="noon")
    assert await town.rejection("operator", "publishGame", game="h", deliverySlot="noon") == "SLOT_TAKEN"
    assert await town.rejection("operator", "publishGame", game="g", deliverySlot="later") == "GAME_EXISTS"


async def test_a_game_keeps_its_slot_with_or_without_trade(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", deliverySlot="dawn")
    town.now_ms += 60_000
    assert await town.do("operator", "stopGameRegistration", game="g") == {"game": "g", "phase": "delivery"}
    await town.do("operator", "closeMarket", game="g")
    assert await town.rejection("operator", "publishGame", game="h", deliverySlot="dawn") == "SLOT_TAKEN"
    await town.do("operator", "publishGame", game="i", deliverySlot="noon", expectedParticipants=2)
    await town.do("S1", "publishOffer", game="i", amount=1, price=1)
    await town.do("B1", "publishDemand", game="i", amount=1)
    await town.do("operator", "stopGameRegistration", game="i")
    await town.do("B1", "publishBuyBid", game="i", keepPlaying=False)
    town.now_ms += 60_000
    await town.do("operator", "closeMarket", game="i")
    assert await town.rejection("operator", "publishGame", game="j", deliverySlot="noon") == "SLOT_TAKEN"


async def test_without_a_topology_there_is_no_game(market: Market) -> None:
    assert await market.rejection("operator", "publishGame") == "TOPOLOGY_MISSING"


async def test_registration_is_open_up_to_its_last_millisecond(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", registrationDurationMs=1000)
    town.now_ms = START_MS + 999
    await town.do("S1", "publishOffer", game="g", amount=1, price=1)
    town.now_ms = START_MS + 1000
    assert await town.rejection("S2", "publishOffer", game="g", amount=1, price=1) == "REGISTRATION_OVER"
    assert await town.rejection("B1", "publishDemand", game="g", amount=1) == "REGISTRATION_OVER"


async def test_registration_stops_at_its_time_or_once_all_expected_are_in(town: Market) -> None:
    await town.do("operator", "publishGame", game="timed", deliverySlot="1", registrationDurationMs=1000)
    await town.do("operator", "publishGame", game="counted", deliverySlot="2", expectedParticipants=3)
    for game in ("timed", "counted"):
        await town.do("S1", "publishOffer", game=game, amount=1, price=1)
        await town.do("B1", "publishDemand", game=game, amount=1)
        assert await town.rejection("operator", "stopGameRegistration", game=game) == "REGISTRATION_OPEN"
    await town.do("B2", "publishDemand", game="counted", amount=1)
    await town.do("operator", "stopGameRegistration", game="counted")
    town.now_ms += 999
    assert await town.rejection("operator", "stopGameRegistration", game="timed") == "REGISTRATION_OPEN"
    town.now_ms += 1
    await town.do("operator", "stopGameRegistration", game="timed")
    assert [await phase(town, game) for game in ("timed", "counted")] == ["playing", "playing"]


async def test_a_stopped_registration_cannot_be_stopped_again_or_entered(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", expectedParticipants=2)
    await town.do("S1", "publishOffer", game="g", amount=1, price=1)
    await town.do("B1", "publishDemand", game="g", amount=1)
    await town.do("operator", "stopGameRegistration", game="g")
    assert await town.rejection("operator", "stopGameRegistration", game="g") == "WRONG_PHASE"
    assert await town.rejection("S2", "publishOffer", game="g", amount=1, price=1) == "WRONG_PHASE"
    assert await town.rejection("B2", "publishDemand", game="g", amount=1) == "WRONG_PHASE"
    assert await town.rejection("operator", "closeMarket", game="g") == "WRONG_PHASE"


@pytest.mark.parametrize("first", ["publishOffer", "publishDemand"])
@pytest.mark.parametrize("second", ["publishOffer", "publishDemand"])
async def test_nobody_takes_part_twice_neither_as_seller_nor_as_buyer_nor_as_both(
    town: Market, first: str, second: str
) -> None:
    data: dict[str, Any] = {"game": "g", "amount": 1}
    prices: dict[str, dict[str, Any]] = {"publishOffer": {"price": 1}, "publishDemand": {}}
    await town.do("operator", "publishGame", game="g")
    await town.do("S1", first, **data, **prices[first])
    assert await town.rejection("S1", second, **data, **prices[second]) == "ALREADY_REGISTERED"


@pytest.mark.parametrize(
    ("bounds", "within", "outside"),
    [
        ({"priceFloor": "0.05", "priceCap": "0.2"}, ["0.05", "0.2"], ["0.049999999999999999", "0.200000000000000001"]),
        ({"priceFloor": "0.05"}, ["0.05", "1000000"], ["0.049999999999999999"]),
        ({"priceCap": "0.2"}, ["0.000000000000000001", "0.2"], ["0.200000000000000001", "30"]),
    ],
)
async def test_an_offer_s_price_is_within_the_game_s_bounds(
    town: Market, bounds: dict[str, str], within: list[str], outside: list[str]
) -> None:
    await town.do("operator", "publishGame", game="g", **bounds)
    shown = (await town.invoke("game", "g"))["parameters"]
    stated = {name: shown[name] for name in ("priceFloor", "priceCap") if shown[name] is not None}
    assert stated == {name: Decimal(bound) for name, bound in bounds.items()}
    for price in outside:
        assert await town.rejection("S1", "publishOffer", game="g", amount=1, price=price) == "PRICE_OUT_OF_BOUNDS"
    for seller, price in zip(("S1", "S2"), within, strict=True):
        await town.do(seller, "publishOffer", game="g", amount=1, price=price)


async def test_bounds_between_which_there_is_no_price_are_refused(town: Market) -> None:
    bounds = {"priceFloor": "0.2", "priceCap": "0.1"}
    assert await town.rejection_of_form("publishGame", **bounds) == "MALFORMED_COMMAND"


async def test_an_unknown_game_is_named(town: Market) -> None:
    assert await town.rejection("S1", "publishOffer", game="g", amount=1, price=1) == "UNKNOWN_GAME"
    assert await town.rejection("B1", "publishDemand", game="g", amount=1) == "UNKNOWN_GAME"
    assert await town.rejection("operator", "stopGameRegistration", game="g") == "UNKNOWN_GAME"


@pytest.mark.parametrize("missing", ["sellers", "buyers"])
async def test_a_game_that_nobody_can_play_has_no_trade_and_is_settled_like_any_other(
    town: Market, missing: str
) -> None:
    await town.do("operator", "publishGame", game="g", imbalancePenalty="0")
    if missing == "sellers":
        await town.do("B1", "publishDemand", game="g", amount=10)
        assert town.frozen("B1") == 2_869_000
    else:
        await town.do("S1", "publishOffer", game="g", amount=1, price=1)
    town.now_ms += 60_000
    await town.do("operator", "stopGameRegistration", game="g")
    (stop,) = town.named("GameStopEvent")
    assert (stop["reason"], stop["totalNrRounds"], stop["maxRegret"]) == ("no-trade", 0, 0)
    assert await phase(town, "g") == "delivery"
    assert not await town.transfers("g")
    if missing == "sellers":
        await town.read_meter("g", "B1", taken="10")
    else:
        await town.read_meter("g", "S1", fed_in="1")
    await town.do("operator", "closeMarket", game="g")
    assert await phase(town, "g") == "closed"
    paid = {"B1": 2_869_000, "S1": 0} if missing == "sellers" else {"B1": 0, "S1": -123_100}
    assert {name: 100_000_000 - town.free(name) for name in ("B1", "S1")} == paid
    assert not town.named("BuyBidEvent")


async def test_a_demand_freezes_what_the_grid_would_take_for_it(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", retailTariff="0.5", imbalancePenalty="0")
    await town.do("B1", "publishDemand", game="g", amount="200")
    assert (town.free("B1"), town.frozen("B1")) == (0, 100_000_000)


async def test_a_demand_beyond_the_funds_is_rejected_and_the_world_is_told(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", retailTariff="0.5")
    assert await town.rejection("B1", "publishDemand", game="g", amount="200.0001") == "INSUFFICIENT_FUNDS"
    (event,) = town.named("AccountTopUpRequired")
    shortfall = event["required"] - event["available"]
    assert (event["game"], event["prosumer"], event["shortfall"]) == ("g", "B1", shortfall)
    await town.do("operator", "topUpAccount", prosumer="B1", amount=str(shortfall))
    await town.do("B1", "publishDemand", game="g", amount="200.0001")
    assert town.free("B1") == 0


async def test_money_frozen_for_one_game_does_not_count_for_another(town: Market) -> None:
    for game in ("g", "h"):
        await town.do("operator", "publishGame", game=game, deliverySlot=game, retailTariff="1", imbalancePenalty="0")
    await town.do("B1", "publishDemand", game="g", amount=60)
    assert await town.rejection("B1", "publishDemand", game="h", amount=41) == "INSUFFICIENT_FUNDS"
    await town.do("B1", "publishDemand", game="h", amount=40)
    assert (town.free("B1"), town.frozen("B1")) == (0, 100_000_000)


async def test_a_game_with_a_retail_tariff_of_zero_can_be_played_or_have_no_trade(town: Market) -> None:
    for game in ("played", "untraded"):
        await town.do(
            "operator", "publishGame", game=game, deliverySlot=game, retailTariff=0, feedInTariff=0, feePerHop=0
        )
        await town.do("B1", "publishDemand", game=game, amount="0.0001")
    await town.do("S1", "publishOffer", game="played", amount=1, price="0.1")
    town.now_ms += 60_000
    for game in ("played", "untraded"):
        await town.do("operator", "stopGameRegistration", game=game)
    await town.do("B1", "publishBuyBid", game="played", keepPlaying=False)
    town.now_ms += 60_000
    for game in ("played", "untraded"):
        await town.do("operator", "closeMarket", game=game)
    assert [await phase(town, game) for game in ("played", "untraded")] == ["closed", "closed"]


async def test_hops_come_from_the_graph_or_from_the_table_as_it_stands_when_registration_stops(town: Market) -> None:
    for game in ("graph", "table"):
        await town.do("operator", "publishGame", game=game, deliverySlot=game, expectedParticipants=3)
        await town.do("S1", "publishOffer", game=game, amount=1, price=1)
        await town.do("S2", "publishOffer", game=game, amount=1, price=1)
        await town.do("B1", "publishDemand", game=game, amount=1)
        if game == "table":
            await town.do("operator", "setTopology", hops={"B1": {"S1": 7, "S2": 0}, "x": {"S1": 1, "S2": 1}})
        await town.do("operator", "stopGameRegistration", game=game)
    assert (await town.invoke("game", "graph"))["hops"] == {"B1": {"S1": 1, "S2": 4}}
    assert (await town.invoke("game", "table"))["hops"] == {"B1": {"S1": 7, "S2": 0}}


async def test_who_does_not_stand_in_the_topology_cannot_take_part(town: Market) -> None:
    await town.enter("far")
    await town.do("operator", "publishGame", game="g")
    assert await town.rejection("far", "publishOffer", game="g", amount=1, price=1) == "NOT_IN_TOPOLOGY"
    assert await town.rejection("far", "publishDemand", game="g", amount=1) == "NOT_IN_TOPOLOGY"
    await town.do("operator", "setTopology", hops={"far": {"S1": 1}})
    assert await town.rejection("far", "publishOffer", game="g", amount=1, price=1) == "NOT_IN_TOPOLOGY"
    assert await town.rejection("S1", "publishDemand", game="g", amount=1) == "NOT_IN_TOPOLOGY"
    await town.do("far", "publishDemand", game="g", amount=1)
    await town.do("S1", "publishOffer", game="g", amount=1, price=1)


@pytest.mark.parametrize(
    "without",
    [
        {"edges": [["S1", "x"]]},
        {"edges": [["B1", "x"]]},
        {"hops": {"B1": {"S2": 1}}},
        {"hops": {"B2": {"S1": 1}}},
        {"hops": {"S1": {"B1": 1}}},
    ],
)
async def test_a_topology_keeps_a_place_for_who_ordered_until_the_gate_closes(town: Market, without: Any) -> None:
    await town.do("operator", "publishGame", game="g", expectedParticipants=2)
    await town.do("operator", "setTopology", edges=[["S1", "B1"]])  # nobody else ordered anything
    await town.do("S1", "publishOffer", game="g", amount=1, price=1)
    await town.do("B1", "publishDemand", game="g", amount=1)
    assert await town.rejection("operator", "setTopology", **without) == "TOPOLOGY_IN_USE"
    await town.do("operator", "setTopology", hops={"B1": {"S1": 3}})
    await town.do("operator", "stopGameRegistration", game="g")
    await town.do("operator", "setTopology", **without)
    assert (await town.invoke("game", "g"))["hops"] == {"B1": {"S1": 3}}


async def test_order_of_arrival_is_by_time_and_within_a_transaction_by_place(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", expectedParticipants=4)
    offer, demand = {"game": "g", "amount": 1, "price": 1}, {"game": "g", "amount": 1}
    await town.submit(town.command("S2", "publishOffer", **offer), town.command("S1", "publishOffer", **offer))
    await town.submit(town.command("B2", "publishDemand", **demand), town.command("B1", "publishDemand", **demand))
    await town.do("operator", "stopGameRegistration", game="g")
    shown = await town.invoke("game", "g")
    assert [s["seller"] for s in shown["sellers"]] == ["S2", "S1"]
    assert [b["buyer"] for b in shown["buyers"]] == ["B2", "B1"]


async def test_a_clock_that_goes_back_changes_the_order_of_arrival_and_nothing_else(town: Market) -> None:
    await town.do("operator", "publishGame", game="g", expectedParticipants=3)
    await town.do("B1", "publishDemand", game="g", amount=1)
    town.now_ms -= 3_600_000
    await town.do("B2", "publishDemand", game="g", amount=1)
    await town.do("S1", "publishOffer", game="g", amount=2, price=1)
    await town.do("operator", "stopGameRegistration", game="g")
    assert [b["buyer"] for b in (await town.invoke("game", "g"))["buyers"]] == ["B2", "B1"]
    assert (await town.play_out("g"))["reason"] == "equilibrium"


async def test_the_turn_order_follows_what_the_meters_counted_before_registration(market: Market) -> None:
    histories = {"giver": ("1", "0"), "keen": ("30", "20"), "half": ("10", "20")}
    buyers = ["idle", "half", "keen", "idle-too", "giver"]
    await market.enter("S", *buyers, histories=histories)
    game = await market.start_game({"S": ("9", "1")}, dict.fromkeys(buyers, "1"))
    shown = (await market.invoke("game", game))["buyers"]
    assert [b["buyer"] for b in shown] == ["giver", "keen", "half", "idle", "idle-too"]
    assert [b["contributionMetric"] for b in shown] == [None, Decimal("1.5"), Decimal("0.5"), None, None]


async def test_two_buyers_registrations_write_no_common_key(town: Market) -> None:
    await town.do("operator", "publishGame", game="g")
    touched = []
    for buyer in ("B1", "B2"):
        before = dict(town.state)
        await town.do(buyer, "publishDemand", game="g", amount=1)
        touched.append(town.changed_since(before))
    assert not touched[0] & touched[1]
