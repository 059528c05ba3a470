"""What every service answers beside its own business."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from http_service import create_app


async def test_a_service_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert (await client.get("/ready")).json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_monitoring_may_ask_with_head(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.head(path)).status_code == 200
    assert (await client.post(path)).headers["allow"] == "GET"


async def test_a_service_that_is_not_ready_says_why_and_is_still_alive() -> None:
    async def ready() -> str | None:
        return "the ledger does not answer"

    app = create_app(title="T", version="1", description="D", ready=ready, max_body_bytes=1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.get("/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
        assert answer.json()["detail"] == "the ledger does not answer"
        assert answer.headers["retry-after"] == "1"
        assert (await client.get("/health")).status_code == 200


async def test_metrics_count_requests_by_their_route_and_strangers_paths_as_one(client: httpx.AsyncClient) -> None:
    await client.get("/wait", params={"seconds": 3})
    for path in ("/nowhere/1", "/nowhere/2"):
        await client.get(path)
    text = (await client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/wait",status="200"} 1.0' in text
    assert 'http_requests_total{method="ANY",route="unmatched",status="404"} 2.0' in text
    assert "process_cpu_seconds_total" in text


async def test_two_applications_do_not_share_metrics(client: httpx.AsyncClient, app: FastAPI) -> None:
    async def ready() -> str | None:
        return None

    other = create_app(title="T", version="1", description="D", ready=ready, max_body_bytes=1)
    await client.get("/health")
    assert app.state.registry.get_sample_value("http_request_duration_seconds_count", _HEALTH) == 1
    assert other.state.registry.get_sample_value("http_request_duration_seconds_count", _HEALTH) is None


_HEALTH = {"method": "GET", "route": "/health"}


async def test_decimals_keep_their_digits(client: httpx.AsyncClient) -> None:
    assert (await client.get("/exact")).content == b'{"amount":0.12345678901234567890}'


async def test_a_request_keeps_the_id_it_came_with_and_its_log_line_has_it(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await client.get("/exact", headers={"X-Request-Id": "abc-1"})
        await asyncio.sleep(0)  # the line comes after the answer
    assert answer.headers["x-request-id"] == "abc-1"
    assert [(entry["method"], entry["path"], entry["status"]) for entry in logs] == [("GET", "/exact", 200)]


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, 'a"b'])
async def test_an_id_that_would_spoil_the_log_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_the_answer_to_a_body_over_the_limit_has_an_id_and_is_counted(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    answer = await client.post("/raw", content=b" " * 1001)
    assert answer.headers["x-request-id"]
    labels = {"method": "ANY", "route": "unmatched", "status": "413"}
    assert app.state.registry.get_sample_value("http_requests_total", labels) == 1


def test_every_operation_declares_problems_and_nothing_else_for_errors(app: FastAPI) -> None:
    for operations in app.openapi()["paths"].values():
        for operation in operations.values():
            errors = {
                status: set(answer["content"]) for status, answer in operation["responses"].items() if status != "200"
            }
            assert errors == {"4XX": {"application/problem+json"}, "5XX": {"application/problem+json"}}
