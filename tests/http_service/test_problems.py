"""Every error is a problem document with a stable code."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from energy_market_chaincode import read_exact_json
from http_service import FieldError, Problem, create_app, problem_document
from tests.http_service.conftest import always_ready, router


def document(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert found["status"] == status
    assert found["code"] == code
    assert found["detail"]
    assert found["title"]
    return found


async def post(
    client: httpx.AsyncClient, path: str, body: bytes, media_type: str = "application/json"
) -> httpx.Response:
    return await client.post(path, content=body, headers={"Content-Type": media_type} if media_type else {})


async def test_each_wrong_field_is_named_by_its_path(client: httpx.AsyncClient) -> None:
    found = document(await client.post("/offers", json={"amount": 0}), 422, "INVALID_PARAMETER")
    assert {error["field"] for error in found["errors"]} == {"amount", "price"}


async def test_a_wrong_parameter_of_the_query_is_named(client: httpx.AsyncClient) -> None:
    found = document(await client.get("/wait", params={"seconds": "61"}), 422, "INVALID_PARAMETER")
    assert found["errors"] == [{"field": "seconds", "message": "Input should be less than or equal to 60"}]


async def test_a_missing_body_is_a_wrong_field(client: httpx.AsyncClient) -> None:
    found = document(await post(client, "/offers", b""), 422, "INVALID_PARAMETER")
    assert found["errors"] == [{"field": "body", "message": "Field required"}]


async def test_of_very_many_mistakes_the_first_are_listed_and_all_are_counted(client: httpx.AsyncClient) -> None:
    found = document(await client.post("/many", json=["x"] * 150), 422, "INVALID_PARAMETER")
    assert len(found["errors"]) == 100
    assert "150" in found["detail"]


@pytest.mark.parametrize("path", ["/offers", "/raw"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b'{"amount": NaN, "price": 1}',
        b'{"amount": Infinity, "price": 1}',
        b'{"amount": 1, "amount": 2, "price": 1}',
        b"[" * 900,
        b"1" * 900 + b"{",
    ],
)
async def test_a_body_that_is_no_json_is_malformed(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    document(await post(client, path, body), 400, "MALFORMED_JSON")


async def test_what_is_no_object_is_told_so_without_the_names_of_our_classes(client: httpx.AsyncClient) -> None:
    found = document(await client.post("/offers", json=[1]), 422, "INVALID_PARAMETER")
    assert found["errors"] == [{"field": "body", "message": "Input should be an object"}]


@pytest.mark.parametrize("path", ["/offers", "/raw"])
async def test_too_long_a_number_is_refused_without_advice_for_programmers(path: str) -> None:
    app = create_app(title="T", version="1", description="D", ready=always_ready, max_body_bytes=10_000)
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        found = document(await post(client, path, b"1" * 5000), 400, "MALFORMED_JSON")
    assert "4300 digits" in found["detail"]
    assert "sys." not in found["detail"]


@pytest.mark.parametrize("path", ["/offers", "/raw"])
@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
async def test_a_body_that_does_not_say_it_is_json_is_refused(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    document(await post(client, path, b"{}", media_type), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/vnd.market+json"])
async def test_any_kind_of_json_is_taken(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await post(client, "/offers", b'{"amount": 2, "price": 1}', media_type)
    assert (answer.status_code, answer.json()) == (200, {"amount": 2.0})


@pytest.mark.parametrize("path", ["/offers", "/many", "/raw"])
async def test_a_body_over_the_limit_is_refused_by_its_length(client: httpx.AsyncClient, path: str) -> None:
    document(await post(client, path, b" " * 1001), 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("path", ["/offers", "/many", "/raw"])
async def test_a_chunked_body_over_the_limit_is_refused(client: httpx.AsyncClient, path: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 100

    answer = await client.post(path, content=chunks(), headers={"Content-Type": "application/json"})
    assert "content-length" not in answer.request.headers
    document(answer, 413, "BODY_TOO_LARGE")


async def test_a_body_of_just_the_limit_is_taken(client: httpx.AsyncClient) -> None:
    assert (await post(client, "/raw", b"1" + b" " * 999)).json() == 1


@pytest.mark.parametrize("path", ["/nowhere", "/exact/", "/" + "x" * 10_000])
async def test_what_does_not_exist_is_not_found_and_the_answer_says_where_to_look(
    client: httpx.AsyncClient, path: str
) -> None:
    found = document(await client.get(path), 404, "NOT_FOUND")
    assert found["detail"].startswith(f"Small has no resource {path[:200]}; its /docs lists what it has.")
    assert path.endswith("/") == ("slash" in found["detail"])


@pytest.mark.parametrize(
    ("method", "url", "field", "message"),
    [
        ("GET", "/wait?seconds=0&secnods=7", "secnods", "is no parameter; this resource takes seconds"),
        ("GET", "/wait?seconds=0&seconds=7", "seconds", "is given more than once"),
        ("GET", "/wait?seconds=0&=", "", "is no parameter; this resource takes seconds"),
        ("POST", "/raw?seconds=1", "seconds", "is no parameter; this resource takes none"),
        ("GET", "/health?" + "x" * 1000, "x" * 100, "is no parameter; this resource takes none"),
    ],
)
async def test_a_parameter_that_the_resource_does_not_have_or_has_twice_is_named(
    client: httpx.AsyncClient, method: str, url: str, field: str, message: str
) -> None:
    answer = await client.request(method, url, headers={"Content-Type": "application/json"})
    found = document(answer, 422, "INVALID_PARAMETER")
    assert found["errors"] == [{"field": field, "message": message}]


async def test_a_wrong_method_says_which_are_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/offers")
    found = document(answer, 405, "METHOD_NOT_ALLOWED")
    assert found["detail"] == "/offers takes POST; /docs of Small says for what."
    assert answer.headers["allow"] == "POST"


async def test_a_problem_carries_its_headers_and_exact_members(client: httpx.AsyncClient) -> None:
    answer = await client.get("/shortfall")
    document(answer, 422, "INFEASIBLE")
    assert answer.headers["retry-after"] == "7"
    assert read_exact_json(answer.content)["shortfall"] == Decimal("0.1000")


async def test_a_defect_answers_500_and_its_traceback_stands_in_the_log_under_the_requests_id(
    client: httpx.AsyncClient,
) -> None:
    with capture_logs() as logs:
        answer = await client.get("/defect", headers={"X-Request-Id": "my-request"})
    found = document(answer, 500, "INTERNAL")
    assert "my-request" in found["detail"]
    assert "nobody foresaw this" not in answer.text
    assert [entry["path"] for entry in logs if entry["event"] == "unexpected error" and entry["exc_info"]] == [
        "/defect"
    ]


def test_a_problem_can_be_an_element_of_a_larger_answer() -> None:
    problem = Problem(409, "COMMAND_ID_REUSED", "Another command has this id.", errors=[FieldError("id", "is taken")])
    assert problem_document(problem) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Another command has this id.",
        "code": "COMMAND_ID_REUSED",
        "errors": [{"field": "id", "message": "is taken"}],
    }
