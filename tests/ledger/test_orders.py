"""A day's orders on every ledger: replaced, withdrawn and covered alike."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import SystemRandom
from typing import Any

from energy_market_chaincode import Topic, iso, read_exact_json
from prosumer_client.identity import Identity
from tests.ledger.conftest import OPERATOR, Hosted

QUARTER = timedelta(minutes=15)
SOME_DAY = timedelta(days=SystemRandom().randrange(400, 300_000))
"""Others may have been at the ledger, and have their slots."""


async def say(hosted: Hosted, who: str, topic: str, **data: Any) -> dict[str, Any]:
    """Give a command in a transaction of its own; everybody has the operator's key."""
    command = Identity(who, hosted.key).command(topic, data).body.decode()
    (result,) = (await hosted.ledger.submit([command])).results
    return dict(result)


async def test_a_days_orders_are_replaced_and_withdrawn_on_every_ledger(hosted: Hosted) -> None:
    house = f"House-{uuid.uuid4()}"
    key = Identity(house, hosted.key).public_key
    await say(hosted, OPERATOR, Topic.REGISTER_PROSUMER, id=house, publicKey=key)
    await say(hosted, OPERATOR, Topic.TOP_UP_ACCOUNT, prosumer=house, amount="100")
    await say(hosted, OPERATOR, Topic.SET_TOPOLOGY, edges=[["grid", house]])
    first = datetime.now(UTC) + SOME_DAY
    slots = [iso(first + n * QUARTER) for n in range(4)]
    terms = {"imbalancePenalty": "0.3", "metering": "self"}
    for slot in slots:
        assert (await say(hosted, OPERATOR, Topic.PUBLISH_GAME, deliverySlot=slot, **terms))["status"] == "committed"
    orders: list[dict[str, Any]] = [{"deliverySlot": slot, "demand": {"amount": "1"}} for slot in slots]
    assert (await say(hosted, house, Topic.PUBLISH_ORDERS, orders=orders))["status"] == "committed"
    anew = [{"deliverySlot": slots[0], "offer": {"amount": "2", "price": "0.1"}}, {"game": f"Game-{slots[1]}"}]
    placed = (await say(hosted, house, Topic.PUBLISH_ORDERS, orders=anew))["result"]
    roles = [{"game": f"Game-{slots[0]}", "role": "seller"}, {"game": f"Game-{slots[1]}", "role": None}]
    assert placed == {"prosumer": house, "orders": roles}
    frozen = [[each["frozen"] for each in await traders(hosted, slot)] for slot in slots]
    assert frozen == [[Decimal("0.9738")], [], [Decimal("0.5869")], [Decimal("0.5869")]]
    shown = read_exact_json(await hosted.ledger.query("prosumer", house))
    assert (shown["frozenFunds"], shown["accountBalance"]) == (Decimal("2.1476"), Decimal("97.8524"))


async def traders(hosted: Hosted, slot: str) -> list[dict[str, Any]]:
    game = read_exact_json(await hosted.ledger.query("game", f"Game-{slot}", "brief"))
    return [*game["sellers"], *game["buyers"]]
