"""The OpenAPI document tells the truth: whatever it lets one send, the answer is one it describes, and never a 500."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, reject, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

OPERATIONS = [
    ("POST", "/queue"),
    ("GET", "/queue"),
    ("GET", "/queue/{id}"),
    ("GET", "/market"),
    ("GET", "/topology"),
    ("GET", "/tariffs"),
    ("GET", "/games"),
    ("GET", "/games/{game}"),
    ("GET", "/games/{game}/bids"),
    ("GET", "/games/{game}/transfers"),
    ("GET", "/games/{game}/lines"),
    ("GET", "/games/{game}/topology"),
    ("GET", "/games/{game}/balance"),
    ("GET", "/meters"),
    ("GET", "/prosumers"),
    ("GET", "/prosumers/{prosumer}"),
    ("GET", "/prosumers/{prosumer}/statement"),
    ("GET", "/blocks"),
    ("GET", "/blocks/{number}"),
    ("GET", "/blocks/{number}/evidence"),
]
WITHOUT_END = ("GET", "/events")
"""Tested by hand, in test_streams."""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_every_answer_is_one_that_the_document_describes(
    running: Any, operator: Any, method: str, path: str
) -> None:
    async with running(over_tcp=True) as queue:
        await queue.do(operator.command("setTopology", edges=[["a", "b"]]))
        await queue.do(operator.publish_game("0"))  # a name that is drawn often
        await asyncio.to_thread(check, f"{queue.http.base_url}/openapi.json", method, path)


def check(url: str, method: str, path: str) -> None:
    operation: Any = schemathesis.openapi.from_url(url)[path][method]

    @given(case=operation.as_strategy())
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def answers_as_described(case: Any) -> None:
        # A signature that fits cannot be drawn at random, nor the id of something that is there.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    answers_as_described()


async def test_whatever_an_operator_signs_is_decided_or_refused_by_name(running: Any, operator: Any) -> None:
    def check_signed(url: str) -> None:
        operation: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")["/queue"]["POST"]

        @given(case=operation.as_strategy())
        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        def is_decided(case: Any) -> None:
            command = case.body[0] if isinstance(case.body, list) else case.body
            posted = client.post("/queue", json=signed(command))
            assert posted.status_code in (202, 422), posted.text
            if posted.status_code == 202:
                status = client.get(posted.json()["href"], params={"wait": 60}).json()
                assert status["status"] in ("committed", "rejected")
                assert (status["error"] or {}).get("code") != "TRANSACTION_FAILED"

        with httpx.Client(base_url=url, timeout=60) as client:
            is_decided()

    def signed(command: dict[str, Any]) -> dict[str, Any]:
        payload = {**command["payload"], "prosumer": operator.name}
        payload.pop("ledger", None)  # this one's cannot be drawn
        try:
            return dict(operator.signed({**command, "id": str(uuid.uuid4()), "payload": payload}))
        except ValueError:  # a number that canonical JSON cannot hold and nobody can sign
            reject()

    async with running(over_tcp=True) as queue:
        await asyncio.to_thread(check_signed, str(queue.http.base_url).rstrip("/"))
        assert await queue.is_ready()


async def test_every_operation_is_checked(queue: Any) -> None:
    document = (await queue.http.get("/openapi.json")).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    monitoring = {("GET", path) for path in ("/health", "/ready", "/metrics")}
    assert described == {*OPERATIONS, WITHOUT_END, *monitoring}


async def test_the_document_describes_the_commands(queue: Any) -> None:
    document = (await queue.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert schemas["PublishBuyBid"]["properties"].keys() == {"game", "round", "bidAmounts", "keepPlaying"}
    assert schemas["PublishBuyBidCommand"]["properties"].keys() == {"id", "topic", "payload", "signature"}
    assert schemas["PublishBuyBidCommand"]["properties"]["topic"]["const"] == "publishBuyBid"


async def test_answers_fit_their_schemas_where_much_is_on_the_ledger(running: Any, operator: Any, signer: Any) -> None:
    async with running(over_tcp=True) as queue:
        seller, buyer = signer("S1"), signer("B1")
        await queue.do(
            operator.command("setTopology", edges=[["S1", "B1"]]),
            operator.register(seller),
            operator.register(buyer),
            operator.command("topUpAccount", prosumer="S1", amount="100"),
            operator.command("topUpAccount", prosumer="B1", amount="100"),
            operator.command("publishGame", game="G", deliverySlot="now", expectedParticipants=2, roundLimit=1),
        )
        last = buyer.command("publishBuyBid", game="G", bidAmounts={"S1": "5"})
        await queue.do(
            seller.command("publishOffer", game="G", amount="10", price="0.1"),
            buyer.command("publishDemand", game="G", amount="5"),
            operator.command("stopGameRegistration", game="G"),
            last,
        )
        await asyncio.to_thread(
            check_each,
            f"{queue.http.base_url}/openapi.json",
            {"id": last["id"], "game": "G", "prosumer": "B1", "number": 1},
        )


def check_each(url: str, names: dict[str, Any]) -> None:
    schema: Any = schemathesis.openapi.from_url(url)
    for method, path in OPERATIONS:
        if method == "GET":
            case = schema[path][method].Case(path_parameters=names)
            assert case.call_and_validate().status_code == 200
