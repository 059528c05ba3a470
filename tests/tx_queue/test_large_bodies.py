"""No body takes the queue's memory, whatever is wrong with it, and the largest that are right are taken."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from tests.http_service.memory import ROOM_BYTES, largest_size
from tests.tx_queue.process import Starter

MEMBERS = 111_900
TABLE = {f"B{row:03}": {f"S{place:03}": 1 for place in range(332)} for row in range(332)}

MIDNIGHT = datetime(2026, 6, 23, tzinfo=UTC)
TARIFFS = [
    {"from": (MIDNIGHT + n * timedelta(minutes=15)).isoformat(), "retail": "0.3", "feedIn": "0.1"}
    for n in range(10_000)
]


def unsigned(topic: str, **data: Any) -> dict[str, Any]:
    return {"topic": topic, "payload": {"prosumer": "stranger", "data": data}, "signature": ""}


def members(most: int, value: Any = 1) -> dict[str, Any]:
    return {str(number): value for number in range(most)}


def dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


TOO_MANY = {
    "members": dumped(members(300_000)),
    "members with blanks": dumped(members(112_100)).replace(b":", b" :"),
    "members of lists": dumped([{"a": 1}] * 112_100),
    "members of data": dumped(unsigned("topUpAccount", **members(112_100))),
}
NO_COMMANDS = {
    "members": members(MEMBERS),
    "texts": {name: name for name in members(MEMBERS)},
    "lists": members(MEMBERS, []),
    "single members": [{"a": 1}] * MEMBERS,
    "strange members": unsigned("topUpAccount", **members(MEMBERS - 9)),
    "wrong readings": unsigned("publishReadings", readings=[{"a": 1}] * (MEMBERS - 9)),
    "wrong hops": unsigned("setTopology", hops={f" {n}": {f" {m}": -1 for m in range(333)} for n in range(333)}),
    "wrong prices": unsigned("publishClearing", game="g", arena="0" * 64, prices=members(MEMBERS - 9, -1)),
    "wrong edges": unsigned("setTopology", edges=[[1, 1]] * 100_000),
}
ORDERS = [{"game": f"g{number}", "demand": {"amount": "0.1"}} for number in range(34)]
ARRAYS = {
    "wrong bids": unsigned("publishBuyBid", game="g", bidAmounts={f" {number}": -1 for number in range(104)}),
    "strange members": unsigned("publishGame", **members(104)),
    "a stranger's orders": unsigned("publishOrders", orders=ORDERS),
}


async def test_no_body_takes_the_memory(queue_process: Starter) -> None:
    async with queue_process.running() as queue:
        queue.http.timeout = 240

        async def post(body: bytes) -> Any:
            answer = await queue.http.post("/queue", content=body, headers={"Content-Type": "application/json"})
            return answer.status_code, answer.json()

        async def refusal(body: bytes) -> tuple[int, str]:
            status, answer = await post(body)
            return status, answer["code"]

        wrong = [dumped(value) for value in NO_COMMANDS.values()]
        arrays = [dumped([value] * 1000) for value in ARRAYS.values()]
        assert await refusal(b"{}") == (422, "MALFORMED_COMMAND")
        process = psutil.Process(queue.process.pid)
        idle_bytes = process.memory_info().rss
        watching = asyncio.create_task(largest_size(process))
        for body in TOO_MANY.values():
            assert await refusal(body) == (413, "BODY_TOO_LARGE")
        for body in wrong:
            assert await refusal(body) == (422, "MALFORMED_COMMAND")
        for body in arrays:
            status, answers = await post(body)
            assert (status, {answer["status"] for answer in answers} <= {401, 403, 422}) == (207, True)
        await asyncio.gather(*(post(body) for body in [wrong[1], arrays[-1]] * 4))
        watching.cancel()
        assert await watching - idle_bytes < ROOM_BYTES


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        pytest.param("setTopology", {"hops": TABLE}, id="a table of hops that fills a command"),
        pytest.param("setTopology", {"edges": [["hub", f"{n:x}"] for n in range(60_000)]}, id="a graph"),
        pytest.param("publishClearing", {"game": "g", "arena": "0" * 64, "prices": members(65_000)}, id="prices"),
        pytest.param("setTariffs", {"tariffs": TARIFFS}, id="tariffs"),
    ],
)
async def test_the_largest_commands_are_taken(queue: Any, operator: Any, topic: str, data: dict[str, Any]) -> None:
    answer = await queue.post(operator.command(topic, **data))
    assert answer.status_code == 202, answer.text[:500]


async def test_a_thousand_large_bids_are_taken(queue: Any, operator: Any) -> None:
    bid = {f"S{number:03}": "0.1234" for number in range(100)}
    answer = await queue.post([operator.command("publishBuyBid", game="g", bidAmounts=bid) for _ in range(1000)])
    assert answer.status_code == 202, answer.text[:500]
