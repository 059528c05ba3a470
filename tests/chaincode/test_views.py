"""The contract's answers and events have the shapes that docs/reference/protocol.md gives: these keys, no others."""

from decimal import Decimal
from typing import Any

import pytest

from energy_market_chaincode import iso_time
from energy_market_chaincode.errors import MalformedArguments, UnknownGame, UnknownProsumer
from tests.chaincode.conftest import Market

TIMES = {"registrationEndsAt", "clearingEndsAt", "deliveryStartsAt", "deliveryEndsAt", "meteringEndsAt", "finalAt"}
SUMMARY = TIMES | {
    "game", "phase", "deliverySlot", "mechanism", "nrSellers", "nrBuyers", "round", "buyerInTurn", "publishedAt",
    "left",
}  # fmt: skip
WHOLE = SUMMARY | {
    "parameters", "sellers", "buyers", "hops", "deadline", "readingsAwaited",
    "layout", "clearing", "stop", "settlement",
}  # fmt: skip
PARAMETERS = {
    "registrationDurationMs", "expectedParticipants", "turnDeadlineMs", "roundLimit", "tolerance", "deliveryDurationMs",
    "retailTariff", "feedInTariff", "feePerHop", "imbalancePenalty", "priceFloor", "priceCap",
    "slotDurationMs", "clearingDurationMs", "meteringWindowMs", "correctionWindowMs", "metering",
}  # fmt: skip
STOP = {"reason", "rounds", "maxRegret", "maxRegretShare", "maxRegretBuyer", "totalCost", "handedBack", "regrets"}
SETTLEMENT = {
    "closedAt", "energyDelivered", "energyFromGrid", "energyToGrid", "paidToSellers", "transmissionFees", "paidToGrid",
    "paidByGrid", "compensations", "penalties", "guaranteed", "presumed", "corrections",
}  # fmt: skip
EVENTS = {
    "GameInitEvent": {
        "gameID", "deliverySlot", "mechanism", *TIMES, *PARAMETERS,
    },
    "BuyBidEvent": {
        "buyerInTurn", "buyerInTurnIndex", "round", "deadline", "demand", "retailTariff", "feePerHop", "tolerance",
        "sellers", "standingBid",
    },
    "ClearingOpenEvent": {"arena", "endsAt"},
    "GameStopEvent": {
        "totalNrRounds", "reason", "maxRegret", "maxRegretShare", "maxRegretBuyer", "totalCost", "handedBack",
    },
    "TransferFulfilledEvent": {"seller", "buyer", "energy", "energyCost", "transmissionFee"},
    "AccountTopUpRequired": {"prosumer", "required", "available", "shortfall"},
    "MarketClosedEvent": SETTLEMENT,
    "SettlementCorrectedEvent": SETTLEMENT,
    "MarketResetEvent": {"cancelledGames"},
}  # fmt: skip


@pytest.fixture
async def town(market: Market) -> Market:
    await market.enter("S1", "S2", "B1", "B2", funds="100", histories={"B1": ("1", "3")})
    await market.open_game({"S1": ("10", "0.1"), "S2": ("10", "0.1")}, {"B1": "6", "B2": "8"}, game="g")
    return market


async def at_every_phase(town: Market) -> dict[str, Any]:
    """The game as it is shown in each of its phases."""
    shown = {"registration": await town.invoke("game", "g")}
    await town.do("operator", "stopGameRegistration", game="g")
    await town.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "6"})
    shown["playing"] = await town.invoke("game", "g")
    await town.play_out("g")
    shown["delivery"] = await town.invoke("game", "g")
    for name in ("B1", "B2"):
        await town.read_meter("g", name, taken="6")
    await town.read_meter("g", "S2", fed_in="10")
    town.now_ms += 60_000
    await town.do("operator", "closeMarket", game="g")
    shown["closed"] = await town.invoke("game", "g")
    await town.do("operator", "publishGame", game="h", deliverySlot="h")
    town.now_ms += 60_000
    await town.do("operator", "stopGameRegistration", game="h")
    shown["no-trade"] = await town.invoke("game", "h")
    return shown


async def test_a_game_has_the_same_keys_in_every_phase(town: Market) -> None:
    shown = await at_every_phase(town)
    assert {phase: game["phase"] for phase, game in shown.items()} == {phase: phase for phase in shown} | {
        "no-trade": "delivery"
    }
    for game in shown.values():
        assert set(game) == WHOLE
        assert set(game["parameters"]) == PARAMETERS
    filled = {
        phase: [
            key
            for key in ("buyerInTurn", "deadline", "deliveryEndsAt", "readingsAwaited", "stop", "settlement")
            if game[key] is not None
        ]
        for phase, game in shown.items()
    }
    assert filled == {
        "registration": [],
        "playing": ["buyerInTurn", "deadline"],
        "delivery": ["deliveryEndsAt", "readingsAwaited", "stop"],
        "closed": ["deliveryEndsAt", "stop", "settlement"],
        "no-trade": ["deliveryEndsAt", "readingsAwaited", "stop"],
    }
    assert set(shown["closed"]["stop"]) == set(shown["no-trade"]["stop"]) == STOP
    assert set(shown["closed"]["settlement"]) == SETTLEMENT


async def test_during_registration_a_game_shows_who_is_in(town: Market) -> None:
    shown = await town.invoke("game", "g")
    assert (shown["nrSellers"], shown["nrBuyers"], shown["round"], shown["hops"]) == (2, 2, 0, {})
    bond, escrow = 10 * Decimal("0.1869"), 6 * Decimal("0.2869")
    assert shown["sellers"][0] == {"seller": "S1", "capacity": 10, "price": Decimal("0.1"), "load": 0, "frozen": bond}
    metric = Decimal("0.333333")
    assert shown["buyers"][0] == {"buyer": "B1", "demand": 6, "contributionMetric": metric, "frozen": escrow}
    (summary,) = (await town.invoke("games"))["games"]
    assert set(summary) == SUMMARY
    assert all(shown[key] == value for key, value in summary.items())


async def test_bids_are_shown_in_turn_order_with_cost_and_after_the_stop_with_regret(town: Market) -> None:
    assert await town.invoke("bids", "g") == {"bids": []}
    await town.do("operator", "stopGameRegistration", game="g")
    await town.do("B1", "publishBuyBid", game="g", bidAmounts={"S1": "6"})
    first, second = (await town.invoke("bids", "g"))["bids"]
    assert first == {
        "buyer": "B1", "demand": 6, "amounts": {"S1": 6, "S2": 0}, "round": 1, "cost": Decimal("1.08"), "regret": None,
    }  # fmt: skip
    assert second == {
        "buyer": "B2", "demand": 8, "amounts": None, "round": None, "cost": Decimal("2.2952"), "regret": None,
    }  # fmt: skip
    await town.play_out("g")
    assert all(bid["regret"] is not None for bid in (await town.invoke("bids", "g"))["bids"])


async def test_transfers_are_shown_with_what_was_delivered(town: Market) -> None:
    assert await town.invoke("transfers", "g") == {"transfers": []}
    await at_every_phase(town)
    transfers = await town.transfers("g")
    assert transfers
    for transfer in transfers:
        assert set(transfer) == {
            "seller", "buyer", "energy", "energyCost", "transmissionFee", "delivered", "isFulfilled",
        }  # fmt: skip
        assert transfer["isFulfilled"] == (transfer["delivered"] == transfer["energy"])


async def test_prosumers_are_shown_with_account_and_meter(town: Market) -> None:
    everybody = (await town.invoke("prosumers"))["prosumers"]
    assert [prosumer["prosumer"] for prosumer in everybody] == ["B1", "B2", "S1", "S2", "operator"]
    assert everybody[0] == await town.invoke("prosumer", "B1")
    assert everybody[0] == {
        "prosumer": "B1",
        "role": "prosumer",
        "publicKey": town.public_key("B1"),
        "registeredAt": "2026-09-21T14:13:20.000Z",
        "accountBalance": Decimal("98.2786"),
        "frozenFunds": Decimal("1.7214"),
        "debt": 0,
        "totalProduction": 1,
        "totalConsumption": 3,
        "contributionMetric": Decimal("0.333333"),
    }
    assert everybody[1]["contributionMetric"] is None


async def test_the_market_shows_its_money(town: Market) -> None:
    assert await town.invoke("market") == {
        "ledger": "tx0",
        "epoch": None,
        "simulatedTime": None,
        "operators": ["operator"],
        "initialisedAt": "2026-09-21T14:13:20.000Z",
        "money": 400,
        "frozenFunds": Decimal("0.2869") * 14 + Decimal("0.1869") * 20,
        "accounts": {"grid-operator": 0, "network-operator": 0},
        "topology": True,
    }


async def test_every_event_has_its_name_its_game_and_its_keys(town: Market) -> None:
    await at_every_phase(town)
    await town.rejection("S1", "publishDemand", game="h", amount=1)
    await town.start_game({"S2": ("1", "1")}, {"B2": "1"}, game="i", deliverySlot="i", mechanism="certified")
    await town.do("operator", "publishGame", game="j", deliverySlot="j", retailTariff="1000000")
    assert await town.rejection("B2", "publishDemand", game="j", amount="1000000000") == "INSUFFICIENT_FUNDS"
    key, slot = town.public_key("m"), {"deliverySlot": iso_time(town.now_ms + 1000), "slotDurationMs": 3_600_000}
    await town.do("operator", "registerMeter", id="m", publicKey=key, prosumer="B1", powerKw="5")
    await town.do("operator", "publishGame", game="k", **slot)
    town.now_ms += 7_200_000
    for topic in ("stopGameRegistration", "closeMarket"):
        await town.do("operator", topic, game="k")
    await town.do("m", "publishReadings", readings=[{"game": "k", "inEnergy": 1, "outEnergy": 0}])
    await town.do("operator", "resetMarket")
    assert {event["name"] for event in town.events} == set(EVENTS)
    for event in town.events:
        assert set(event) == {"name", "game"} | EVENTS[event["name"]]
        assert (event["game"] is None) == (event["name"] == "MarketResetEvent")


async def test_a_remembered_command_is_shown_to_whoever_asks(town: Market) -> None:
    command = town.command("operator", "topUpAccount", prosumer="nobody", amount=1)
    assert await town.invoke("command", "operator", command["id"]) is None
    (result,) = await town.submit(command)
    assert await town.invoke("command", "operator", command["id"]) == result
    assert await town.invoke("command", "B1", command["id"]) is None


async def test_the_state_is_shown_by_prefix(town: Market) -> None:
    shown = await town.invoke("state", "account/")
    assert shown == {key: value.decode() for key, value in town.state.items() if key.startswith("account/")}
    assert set(await town.invoke("state", "")) == set(town.state)


async def test_questions_about_what_is_not_there_are_refused(town: Market) -> None:
    for function in ("game", "bids", "transfers"):
        with pytest.raises(UnknownGame):
            await town.invoke(function, "none")
    with pytest.raises(UnknownProsumer):
        await town.invoke("prosumer", "grid-operator")
    with pytest.raises(MalformedArguments):
        await town.invoke("prosumer")


async def test_a_question_writes_nothing(town: Market) -> None:
    before = dict(town.state)
    for function, args in (("market", ()), ("prosumers", ()), ("games", ()), ("game", ("g",)), ("state", ("",))):
        await town.invoke(function, *args)
    assert town.state == before


@pytest.mark.parametrize("page", [("x", "1"), ("0", "-1"), ("1.5", "2"), ("0",), ("0", "1", "2")])
async def test_a_page_that_is_none_is_refused(market: Market, page: tuple[str, ...]) -> None:
    with pytest.raises(MalformedArguments):
        await market.invoke("games", *page)
