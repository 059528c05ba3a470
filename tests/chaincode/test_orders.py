"""Orders for many slots: a day in one command, replaceable until each gate; only the difference in cover moves."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.times import iso_time
from tests.chaincode.conftest import START_MS, Market

QUARTER_MS = 15 * 60_000
MORNING_MS = START_MS // QUARTER_MS * QUARTER_MS + 4 * QUARTER_MS
WAYS = [["P1", "P2"], ["P2", "P3"]]
PENALTY = "0.3"
DEMAND_COVER = 586_900
"""Of a kWh: the retail tariff 0.2869 as escrow, the penalty as deposit."""
OFFER_COVER = 486_900
"""Of a kWh at 0.1: what the grid costs more, and the penalty."""


async def opened(market: Market, count: int, **terms: Any) -> list[str]:
    """Publish the games of quarter-hours from the morning on, in one transaction."""
    slots = [iso_time(MORNING_MS + n * QUARTER_MS) for n in range(count)]
    commands = [
        market.command("operator", "publishGame", deliverySlot=slot, game=f"g{n}", imbalancePenalty=PENALTY, **terms)
        for n, slot in enumerate(slots)
    ]
    assert {result["status"] for result in await market.submit(*commands)} == {"committed"}
    return slots


@pytest.fixture
async def town(market: Market) -> Market:
    await market.enter("P1", "P2", "P3", funds="100")
    await market.do("operator", "setTopology", edges=WAYS)
    return market


def offer(game: str, amount: str = "1", price: str = "0.1") -> dict[str, Any]:
    return {"game": game, "offer": {"amount": amount, "price": price}}


def demand(game: str, amount: str = "1") -> dict[str, Any]:
    return {"game": game, "demand": {"amount": amount}}


async def order(market: Market, prosumer: str, *orders: Mapping[str, Any]) -> list[dict[str, Any]]:
    placed = await market.do(prosumer, "publishOrders", orders=list(orders))
    assert placed["prosumer"] == prosumer
    return list(placed["orders"])


async def refused(market: Market, prosumer: str, *orders: Mapping[str, Any]) -> tuple[str, str]:
    """Code and sentence."""
    (result,) = await market.submit(market.command(prosumer, "publishOrders", orders=list(orders)))
    assert result["status"] == "rejected"
    return result["code"], result["message"]


async def test_a_day_is_registered_by_one_command_that_names_slots(town: Market) -> None:
    slots = await opened(town, 96)
    day = [
        {"deliverySlot": slot, "offer": {"amount": "0.5", "price": "0.1231"}}
        if 32 <= n < 72
        else {"deliverySlot": slot.replace("Z", "+00:00"), "demand": {"amount": "0.2"}}
        for n, slot in enumerate(slots)
    ]
    placed = await order(town, "P1", *day)
    roles = ["seller" if 32 <= n < 72 else "buyer" for n in range(96)]
    assert placed == [{"game": f"g{n}", "role": role} for n, role in enumerate(roles)]
    counts = {game["game"]: (game["nrSellers"], game["nrBuyers"]) for game in (await town.invoke("games"))["games"]}
    assert counts == {f"g{n}": (1, 0) if role == "seller" else (0, 1) for n, role in enumerate(roles)}
    frozen = [(await town.invoke("game", f"g{n}", "brief")) for n in (0, 40)]
    assert frozen[0]["buyers"][0]["frozen"] == Decimal(DEMAND_COVER) * 2 / 10 / 10**6
    assert frozen[1]["sellers"][0]["frozen"] == Decimal("0.2319")  # 0.5 kWh: the tariff less 0.1231, and the penalty


async def test_an_order_replaces_the_earlier_one_and_only_the_difference_moves(town: Market) -> None:
    await opened(town, 2)
    await order(town, "P1", demand("g0", "2"), demand("g1", "1"))
    assert town.frozen("P1") == 3 * DEMAND_COVER
    await order(town, "P1", demand("g0", "5"))
    assert town.frozen("P1") == 6 * DEMAND_COVER
    await order(town, "P1", offer("g0", "4"))
    assert town.frozen("P1") == DEMAND_COVER + 4 * OFFER_COVER
    shown = await town.invoke("game", "g0")
    assert [seller["seller"] for seller in shown["sellers"]] == ["P1"]
    assert shown["buyers"] == []
    assert await order(town, "P1", {"game": "g0"}, {"game": "g1"}) == [
        {"game": "g0", "role": None},
        {"game": "g1", "role": None},
    ]
    assert (town.free("P1"), town.frozen("P1")) == (100_000_000, 0)


async def test_an_order_can_be_withdrawn_that_was_never_made(town: Market) -> None:
    await opened(town, 1)
    before = dict(town.state)
    assert await order(town, "P1", {"game": "g0"}) == [{"game": "g0", "role": None}]
    assert {key.partition("/")[0] for key in town.changed_since(before)} == {"command"}


async def test_what_orders_of_a_day_release_covers_what_they_freeze(market: Market) -> None:
    await market.enter("P1", funds="6")
    await market.do("operator", "setTopology", edges=WAYS)
    await opened(market, 2)
    await order(market, "P1", demand("g0", "10"))
    await order(market, "P1", demand("g1", "10"), {"game": "g0"})
    code, said = await refused(market, "P1", demand("g0", "1"), demand("g1", "10"))
    assert code == "INSUFFICIENT_FUNDS"
    assert said == "P1 has 0.131 free and needs 0.5869; top up the account by 0.4559."
    (told,) = market.named("AccountTopUpRequired")
    assert (told["game"], told["shortfall"]) == ("g0", Decimal("0.4559"))
    assert [b["buyer"] for b in (await market.invoke("game", "g1"))["buyers"]] == ["P1"]


async def test_a_replaced_order_arrives_when_its_replacement_does(town: Market) -> None:
    await opened(town, 1)
    await order(town, "P1", offer("g0"))
    town.now_ms += 1
    await order(town, "P2", offer("g0"))
    town.now_ms += 1
    await order(town, "P1", offer("g0", "2"))
    await town.do("P3", "publishDemand", game="g0", amount=1)
    town.now_ms = MORNING_MS - 5 * 60_000
    await town.do("operator", "stopGameRegistration", game="g0")
    assert [each["seller"] for each in (await town.invoke("game", "g0"))["sellers"]] == ["P2", "P1"]


async def test_one_order_that_is_refused_refuses_all_and_is_named(town: Market) -> None:
    await opened(town, 2, priceCap="0.2")
    before = dict(town.state)
    code, said = await refused(town, "P1", demand("g0"), offer("g1", price="0.3"))
    assert code == "PRICE_OUT_OF_BOUNDS"
    assert said.startswith("orders.1: An offer in game g1 asks ")
    code, said = await refused(town, "P1", demand("g0"), demand("g9"))
    assert (code, said) == ("UNKNOWN_GAME", "orders.1: There is no game g9 on this ledger.")
    code, _ = await refused(town, "P1", demand("g0"), {"deliverySlot": "2031-01-01T00:00Z"})
    assert code == "UNKNOWN_GAME"
    assert {key.partition("/")[0] for key in town.changed_since(before)} == {"command"}


async def test_a_game_is_named_once_in_a_command_however_it_is_spelled(town: Market) -> None:
    (slot,) = await opened(town, 1)
    code, said = await refused(town, "P1", demand("g0"), {"deliverySlot": slot})
    assert (code, said.partition(":")[0]) == ("ORDER_REPEATED", "orders.1")


async def test_an_order_stands_from_its_gate_on_and_others_can_still_change(town: Market) -> None:
    await opened(town, 2)
    await order(town, "P1", demand("g0"), demand("g1"))
    town.now_ms = MORNING_MS - 5 * 60_000
    code, said = await refused(town, "P1", demand("g1", "2"), {"game": "g0"})
    assert (code, said.partition(":")[0]) == ("REGISTRATION_OVER", "orders.1")
    await order(town, "P1", demand("g1", "2"))
    await town.do("operator", "stopGameRegistration", game="g0")
    code, _ = await refused(town, "P1", demand("g0"))
    assert code == "WRONG_PHASE"
    assert town.frozen("P1") == DEMAND_COVER + 2 * DEMAND_COVER


async def test_a_single_offer_or_demand_still_enters_a_game_once(town: Market) -> None:
    await opened(town, 1)
    await order(town, "P1", offer("g0"))
    assert await town.rejection("P1", "publishOffer", game="g0", amount=1, price="0.1") == "ALREADY_REGISTERED"
    assert await town.rejection("P1", "publishDemand", game="g0", amount=1) == "ALREADY_REGISTERED"
    await order(town, "P1", {"game": "g0"})
    await town.do("P1", "publishDemand", game="g0", amount=1)


async def test_orders_need_a_meter_in_its_power_and_a_place_in_the_network(town: Market) -> None:
    await town.enter("P4", "Q")
    key = town.public_key("m-Q")
    await town.do("operator", "registerMeter", id="m-Q", publicKey=key, prosumer="Q", powerKw=4)
    await opened(town, 1)
    assert (await refused(town, "P1", demand("g0")))[0] == "NO_METER"
    assert (await refused(town, "Q", demand("g0")))[0] == "NOT_IN_TOPOLOGY"
    await town.do("operator", "setTopology", edges=[*WAYS, ["P3", "Q"]])
    code, said = await refused(town, "Q", demand("g0", "1.1"))
    assert (code, said.partition(":")[0]) == ("ORDER_BEYOND_CONNECTION", "orders.0")
    await order(town, "Q", demand("g0", "1"))


async def test_a_debtor_can_only_withdraw_and_what_that_releases_pays_the_debt(market: Market) -> None:
    await market.enter("P1", funds="2")
    await market.do("operator", "setTopology", edges=WAYS)
    await opened(market, 1)
    tomorrow = iso_time(MORNING_MS + 96 * QUARTER_MS)
    await market.do("operator", "publishGame", deliverySlot=tomorrow, game="later", imbalancePenalty=PENALTY)
    await order(market, "P1", demand("g0"), demand("later", "2"))
    market.now_ms = MORNING_MS
    await market.do("operator", "stopGameRegistration", game="g0")
    await market.read_meter("g0", "P1", taken="9")
    market.now_ms += QUARTER_MS
    await market.do("operator", "closeMarket", game="g0")
    owed, held = market.accounts()["P1"].debt, market.frozen("P1")
    assert owed > held == 2 * DEMAND_COVER
    assert (await refused(market, "P1", demand("later", "1")))[0] == "DEBT_UNPAID"
    await order(market, "P1", {"game": "later"})
    assert (market.accounts()["P1"].debt, market.free("P1"), market.frozen("P1")) == (owed - held, 0, 0)


@pytest.mark.parametrize(
    ("orders", "field"),
    [
        ([], "payload.data.orders"),
        ([{"game": f"g{n}"} for n in range(201)], "payload.data.orders"),
        ([{"offer": {"amount": 1, "price": 1}}], "payload.data.orders.0"),
        ([{"game": "g", "deliverySlot": "s"}], "payload.data.orders.0"),
        ([{"game": "g", "offer": {"amount": 1, "price": 1}, "demand": {"amount": 1}}], "payload.data.orders.0"),
        ([{"game": "g", "offer": {"amount": 1, "price": 0}}], "payload.data.orders.0.offer.price"),
        ([{"game": "g", "demand": {"amount": "0"}}], "payload.data.orders.0.demand.amount"),
        ([{"deliverySlot": "2026-11-01T05:15:00"}], "payload.data.orders.0.deliverySlot"),
    ],
)
async def test_orders_that_say_nothing_clear_are_malformed(market: Market, orders: Sequence[Any], field: str) -> None:
    (result,) = await market.submit(market.command("operator", "publishOrders", orders=list(orders)))
    assert result["code"] == "MALFORMED_COMMAND"
    assert field in {problem["field"] for problem in result["errors"]}


# -- whatever was ordered before, the last orders are what counts

AMOUNT = st.integers(1, 400_000).map(lambda units: str(Decimal(units).scaleb(-4)))
SAID: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {"offer": st.fixed_dictionaries({"amount": AMOUNT, "price": st.sampled_from(["0.1", "0.3"])})}
    ),
    st.fixed_dictionaries({"demand": st.fixed_dictionaries({"amount": AMOUNT})}),
    st.just({}),
)
ORDERS = st.dictionaries(st.sampled_from(["g0", "g1", "g2", "g3"]), SAID, min_size=1)
COURSE = st.lists(st.tuples(st.sampled_from(["P1", "P2", "P3"]), ORDERS), max_size=8)


async def street(market: Market, *, is_metered: bool) -> None:
    await market.invoke("init", "operator", market.public_key("operator"))
    await market.enter("P1", "P2", "P3", funds="40", histories={"P2": ("3", "4")})
    await market.do("operator", "setTopology", edges=WAYS)
    if is_metered:
        for name in ("P1", "P2", "P3"):
            meter = {"id": f"m-{name}", "publicKey": market.public_key(f"m-{name}"), "prosumer": name}
            await market.do("operator", "registerMeter", **meter, powerKw="120")
    await opened(market, 4)


async def ordered(market: Market, prosumer: str, orders: Mapping[str, Any]) -> bool:
    listed = [{"game": game, **said} for game, said in orders.items()]
    (result,) = await market.submit(market.command(prosumer, "publishOrders", orders=listed))
    if result["status"] == "rejected":
        assert result["code"] in ("INSUFFICIENT_FUNDS", "ORDER_BEYOND_CONNECTION"), result
    return bool(result["status"] == "committed")


@given(course=COURSE, is_metered=st.booleans())
async def test_the_end_is_as_if_only_the_last_orders_had_been_made(
    new_market: Callable[[], Market], course: list[tuple[str, dict[str, Any]]], is_metered: bool
) -> None:
    market, reference = new_market(), new_market()
    await street(market, is_metered=is_metered)
    await street(reference, is_metered=is_metered)
    last: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for prosumer, orders in course:
        market.now_ms += 1
        if await ordered(market, prosumer, orders):
            last |= {(prosumer, game): (market.now_ms, said) for game, said in orders.items()}
    for (prosumer, game), (at_ms, said) in sorted(last.items(), key=lambda entry: entry[1][0]):
        reference.now_ms = at_ms
        for topic, role in (("publishOffer", "offer"), ("publishDemand", "demand")):
            if role in said:
                await reference.do(prosumer, topic, game=game, **said[role])
    ends = [{k: v for k, v in each.state.items() if not k.startswith("command/")} for each in (market, reference)]
    assert ends[0] == ends[1]
