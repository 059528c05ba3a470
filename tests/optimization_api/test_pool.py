"""Hard questions: how many at once, for how long, and what ends them."""

import asyncio
import json
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from optimization_api import OptimizerSettings, pool

HARD: dict[str, Any] = {
    "buyers": {f"P{number}": {"demand": 10 + number % 7} for number in range(100)},
    "sellers": {f"S{number}": {"capacity": 30 + number, "price": "0.1"} for number in range(60)},
    "hops": {f"P{buyer}": {f"S{seller}": (buyer * seller) % 7 for seller in range(60)} for buyer in range(100)},
    "tolerance": 0,
    "round_limit": 10_000,
}
"""It would take minutes."""

Service = Callable[[OptimizerSettings], FastAPI]
Answer = Awaitable[httpx.Response]


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


def ask(client: httpx.AsyncClient, name: str, **changes: Any) -> asyncio.Task[httpx.Response]:
    """Ask a hard question under a name."""
    return asyncio.create_task(
        client.post("/equilibrium", json={**HARD, **changes}, headers={"X-Request-Id": name}, timeout=None)
    )


async def until(client: httpx.AsyncClient, name: str, ready: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until a question is as far as that."""
    while True:
        answer = await client.get(f"/solves/{name}")
        if answer.status_code == 200 and ready(answer.json()):
            return
        await asyncio.sleep(0.02)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_hard_questions_do_not_shut_out_easy_ones(service: Service, original_question: dict[str, Any]) -> None:
    async with client_of(service(OptimizerSettings(solves_at_once=2, solve_seconds=600))) as client:
        hard = [ask(client, name) for name in ("one", "two")]
        for name in ("one", "two"):
            await until(client, name, lambda solve: solve["seconds"] > pool.LONG_S and solve["steps"] > 0)
        assert (await client.post("/equilibrium", json=original_question)).status_code == 200
        assert code(await ask(client, "three")) == (503, "TOO_BUSY")
        for name in ("one", "two"):
            assert (await client.post(f"/solves/{name}/cancel")).status_code == 204
        assert [code(await answer) for answer in hard] == [(409, "CANCELLED")] * 2
        assert (await client.get("/solves/one")).status_code == 404


@pytest.mark.parametrize("path", ["/equilibrium", "/social-optimum"])
async def test_when_too_many_wait_the_next_one_is_told_to_come_back(
    service: Service, original_question: dict[str, Any], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAITING", 0)
    async with client_of(service(OptimizerSettings())) as client:
        answer = await client.post(path, json=original_question)
        assert code(answer) == (503, "TOO_BUSY")
        assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("method", ["best-response", "variational"])
async def test_a_game_that_takes_too_long_is_given_up(service: Service, method: str) -> None:
    async with client_of(service(OptimizerSettings(solve_seconds=1e-3))) as client:
        assert code(await ask(client, "game", method=method)) == (422, "SOLVE_TOO_LONG")


async def test_a_stopping_service_gives_up_its_games(service: Service) -> None:
    app = service(OptimizerSettings(solve_seconds=600))
    async with client_of(app) as client:
        answer = ask(client, "game")
        await until(client, "game", lambda solve: solve["steps"] > 0)
        app.state.stopping.set()
        assert code(await answer) == (503, "SHUTTING_DOWN")


async def test_two_requests_of_one_id_are_told_apart(service: Service) -> None:
    async with client_of(service(OptimizerSettings(solve_seconds=600))) as client:
        first = ask(client, "same")
        await until(client, "same", lambda _: True)
        assert code(await ask(client, "same")) == (409, "REQUEST_ID_IN_USE")
        await client.post("/solves/same/cancel")
        assert code(await first) == (409, "CANCELLED")


async def test_a_client_that_hangs_up_frees_its_place(service: Service) -> None:
    app = service(OptimizerSettings(solves_at_once=1, solve_seconds=600))
    gone = asyncio.Event()
    messages = [{"type": "http.request", "body": json.dumps(HARD).encode(), "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody is there for {message}")

    headers = [(b"content-type", b"application/json"), (b"x-request-id", b"gone"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/equilibrium", "query_string": b"", "headers": headers}
    request = asyncio.ensure_future(app({**scope, "http_version": "1.1", "scheme": "http"}, receive, send))
    async with client_of(app) as client:
        await until(client, "gone", lambda solve: solve["seconds"] > pool.LONG_S)
        gone.set()
        await request
        assert (await client.get("/solves/gone")).status_code == 404
        another = ask(client, "another")
        await until(client, "another", lambda solve: solve["seconds"] > pool.LONG_S and solve["steps"] > 0)
        await client.post("/solves/another/cancel")
        assert code(await another) == (409, "CANCELLED")


async def test_a_process_that_is_killed_is_replaced(service: Service, original_question: dict[str, Any]) -> None:
    app = service(OptimizerSettings())
    async with client_of(app) as client:
        assert (await client.post("/equilibrium", json=original_question)).status_code == 200
        for process in multiprocessing.active_children():
            process.kill()
        assert code(await client.post("/equilibrium", json=original_question)) == (503, "SOLVER_ENDED")
        assert (await client.post("/equilibrium", json=original_question)).status_code == 200
