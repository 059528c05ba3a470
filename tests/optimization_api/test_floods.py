"""No question takes the optimizer's memory, whatever is wrong with it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.http_service.memory import ROOM_BYTES, largest_size

MANY = {str(n): 1 for n in range(40_000)}
PEOPLE: dict[str, Any] = {str(n): {} for n in range(10_000)}
TOO_MANY_VALUES = {
    "lists": b'{"buyers":[' + b"[]," * 1_299_000 + b"[]]}",
    "objects": b"[" + b"{}," * 1_299_000 + b"{}]",
    "members": json.dumps({"sellers": {str(n): [] for n in range(300_000)}}).encode(),
    "named members": json.dumps({str(n): 1 for n in range(199_000)}).encode(),
}
WRONG_QUESTIONS = {
    "no sellers": {"sellers": {str(n): [] for n in range(90_000)}},
    "no fields": {"buyers": PEOPLE, "sellers": PEOPLE},
    "unknown fields": {"buyers": {"P": MANY}, **MANY},
    "no hops": {"hops": {str(n): MANY for n in range(2)}},
    "no hops in many rows": {"hops": {str(n): {f"{m:70}": -1 for m in range(110)} for n in range(400)}},
    "no edges": {"edges": [[1, 1]] * 50_000},
    "turn": {"sellers": [{name: [] for name in "abcdefghij"}] * 5_000},
    "no sellers of the original's": {"sellers_price": [-1] * 190_000},
}


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[tuple[psutil.Process, httpx.AsyncClient]]:
    announcement = tmp_path / "announcement"
    optimizer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "optimization_api", "--port", "0", "--announce", str(announcement)),
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert optimizer.stderr is not None
    while b"listening" not in (line := await optimizer.stderr.readline()):
        assert line, "the optimizer ended"
    reading = asyncio.create_task(optimizer.stderr.read())
    try:
        async with httpx.AsyncClient(base_url=json.loads(announcement.read_text())["url"], timeout=60) as client:
            yield psutil.Process(optimizer.pid), client
    finally:
        optimizer.kill()
        await optimizer.wait()
        await reading


async def test_no_question_takes_the_memory(process: tuple[psutil.Process, httpx.AsyncClient]) -> None:
    optimizer, client = process

    async def refusal(path: str, body: bytes) -> tuple[int, str]:
        answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
        return answer.status_code, answer.json()["code"]

    assert await refusal("/clearing", b"{}") == (422, "INVALID_PARAMETER")
    wrong = [json.dumps(question, separators=(",", ":")).encode() for question in WRONG_QUESTIONS.values()]
    idle_bytes = optimizer.memory_info().rss
    watching = asyncio.create_task(largest_size(optimizer))
    for body in TOO_MANY_VALUES.values():
        assert await refusal("/equilibrium", body) == (413, "BODY_TOO_LARGE")
    for path in ("/best-response", "/clearing"):
        for body in wrong:
            assert await refusal(path, body) == (422, "INVALID_PARAMETER")
    assert await refusal("/optimalEnergyDecomposition", wrong[-1]) == (422, "INVALID_PARAMETER")
    await asyncio.gather(*(refusal("/equilibrium", wrong[0]) for _ in range(8)))
    watching.cancel()
    assert await watching - idle_bytes < ROOM_BYTES


SELLER = {"capacity": 1, "price": 1, "others_load": 0, "hops": 0}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sellers": [{"seller": str(n), **SELLER, "hops": -(n == 150)} for n in range(200)]}, "sellers.150.hops"),
        ({"standing_bid": {str(n): -(n == 150) for n in range(200)}}, "standing_bid.150"),
        ({"standing_bid": {str(n): 0 for n in range(5_001)}}, "standing_bid"),
    ],
)
async def test_what_is_wrong_among_many_is_named_where_it_stands(
    client: httpx.AsyncClient, change: dict[str, Any], named: str
) -> None:
    turn = {"demand": 1, "sellers": [{"seller": "S", **SELLER}], **change}
    answer = await client.post("/best-response", json=turn)
    assert [error["field"] for error in answer.json()["errors"]] == [named]


async def test_the_largest_questions_are_taken(client: httpx.AsyncClient) -> None:
    turn = {"demand": 1, "sellers": [{"seller": str(n), **SELLER} for n in range(5_000)]}
    turn["standing_bid"] = {str(n): int(n == 4_999) for n in range(5_000)}
    assert (await client.post("/best-response", json=turn)).status_code == 200
    people = [f"P{n}" for n in range(10_000)]
    slot = {
        "buyers": {name: {"demand": 1} for name in people[:5_000]},
        "sellers": {name: {"capacity": 1, "price": 1} for name in people[5_000:]},
        "places": {name: name for name in people},
        "retail_tariff": 1,
    }
    edges = [["P0", f"node {n}"] for n in range(50_000)]
    answer = await client.post("/clearing", json={**slot, "edges": edges})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "edges")  # no way to the others
    hops = {str(row): {str(place): 1 for place in range(200)} for row in range(200)}
    answer = await client.post("/clearing", json={**slot, "hops": hops})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "hops")
