"""A whole game over HTTP: every answer of every route, every result and event has exactly the fields of its type."""

import re
import typing
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from energy_market_chaincode import (
    COMMANDS,
    block_views,
    events,
    exact_json,
    iso,
    market_views,
    read_exact_json,
    views,
)
from energy_market_chaincode.context import RULES
from energy_market_chaincode.queries import QUERIES
from tests.tx_queue import protocol_tables

ANSWERS: dict[str, Any] = {
    "/market": market_views.MarketView,
    "/prosumers": market_views.Prosumers,
    "/prosumers/{prosumer}": market_views.ProsumerView,
    "/prosumers/{prosumer}/statement": market_views.Statement,
    "/topology": market_views.TopologyView,
    "/games": views.Games,
    "/games/{game}": views.GameView,
    "/games/{game}/bids": views.Bids,
    "/games/{game}/transfers": views.Transfers,
    "/games/{game}/lines": market_views.SlotLines,
    "/games/{game}/topology": market_views.TopologyView,
    "/games/{game}/balance": market_views.SlotBalance,
    "/meters": market_views.Meters,
    "/tariffs": market_views.TariffTableView,
    "/blocks": block_views.Blocks,
    "/blocks/{number}": block_views.BlockView,
    "/blocks/{number}/evidence": block_views.BlockEvidence,
    "/queue": views.QueueState,
    "/queue/{id}": views.CommandStatus,
}
UNTOLD = {
    "TimeSimulatedEvent",
    "ClearingProposedEvent",
    "ClearingRefusedEvent",
    "GameStoppingEvent",
    "SlotSettlingEvent",
}
"""Of which a market with games is not told, and one with small games."""
OTHERS = {"/events", "/health", "/ready", "/metrics"}
"""Paths that answer with no view of the market."""


def check(kind: Any, answer: Any) -> None:
    """Compare an answer with what its type makes of it: no field more, none less, no digit another."""
    assert exact_json(TypeAdapter(kind).validate_python(answer)) == exact_json(answer)


def check_transaction(transaction: Any) -> None:
    for command, result in zip(transaction["commands"], transaction["results"], strict=True):
        if result["status"] == "committed":
            rule = RULES[COMMANDS[command["topic"]]]
            check(typing.get_type_hints(rule)["return"], result["result"])
    for event in transaction["events"]:
        check(events.EVENTS[event["name"]], event)


async def look(queue: Any, last: str) -> set[str]:
    """Ask everything there is to ask; return the paths that had an answer."""
    answered = set()
    height = (await queue.http.get("/blocks")).json()["height"]
    names = {"prosumer": "B1", "game": "G", "number": height - 1, "id": last}
    for path, kind in ANSWERS.items():
        response = await queue.http.get(path.format(**names))
        answer = read_exact_json(response.content)
        if response.status_code == 404:
            assert exact_json(views.ProblemDocument.model_validate(answer)) == exact_json(answer | {"errors": []})
            continue
        check(kind, answer)
        answered.add(path)
        if path == "/blocks/{number}":
            for transaction in answer["transactions"]:
                check_transaction(transaction)
    return answered


async def whole_game(operator: Any, signer: Any) -> AsyncIterator[Any]:
    """Yield the commands of a game from an empty ledger to a reset one; the poor buyer's demand is rejected."""
    seller, buyer, poor = (signer(name) for name in ("S1", "B1", "B2"))
    for person in (seller, buyer, poor):
        yield operator.register(person, totalProduction="0.5")
    yield operator.command("setTopology", hops={"B1": {"S1": 2}, "B2": {"S1": 1}})
    yield operator.command("setTopology", edges=[["S1", "B1"], ["B1", "B2"]])
    for owner in ("S1", "B1"):
        yield operator.command("topUpAccount", prosumer=owner, amount="100.5")
    yield operator.command("publishGame", game="G", deliverySlot="s", expectedParticipants=2, roundLimit=1)
    yield seller.command("publishOffer", game="G", amount="10", price="0.1")
    yield poor.command("publishDemand", game="G", amount="5.5")
    yield buyer.command("publishOrders", orders=[{"game": "G", "demand": {"amount": "5.5"}}])
    yield operator.command("publishGame", game="empty", deliverySlot="t", registrationDurationMs=1)
    yield operator.command("stopGameRegistration", game="empty")
    yield operator.command("stopGameRegistration", game="G")
    yield buyer.command("publishBuyBid", game="G", bidAmounts={"S1": "5.5"})
    yield seller.command("publishMeterReading", game="G", sequence=1, inEnergy=0, outEnergy="5.5")
    yield buyer.command("publishMeterReading", game="G", sequence=1, inEnergy="5.5", outEnergy=0)
    yield operator.command("closeMarket", game="G")
    yield operator.command("publishGame", game="H", deliverySlot="u", expectedParticipants=2, mechanism="certified")
    yield seller.command("publishOffer", game="H", amount="10", price="0.1")
    yield buyer.command("publishDemand", game="H", amount="5.5")
    yield operator.command("stopGameRegistration", game="H")
    meter = signer("M1")
    yield operator.command("registerMeter", id="M1", publicKey=meter.public_key, prosumer="B1", powerKw="1000000")
    soon = {"registrationDurationMs": 1, "deliveryDurationMs": 1, "correctionWindowMs": 3_600_000}
    yield operator.command("publishGame", game="M", deliverySlot="v", **soon)
    yield operator.command("stopGameRegistration", game="M")
    yield operator.command("closeMarket", game="M")
    yield meter.command("publishReadings", readings=[{"game": "M", "inEnergy": "0.1", "outEnergy": 0}])
    yield operator.command("resetMarket")
    now = datetime.now(UTC)
    yield operator.command("setLedgerTime", oldTime=iso(now + timedelta(days=400)), newTime=iso(now))


async def test_every_answer_has_exactly_the_fields_of_its_type(queue: Any, operator: Any, signer: Any) -> None:
    answered, told, statuses = set(), set(), []
    async for command in whole_game(operator, signer):
        receipt = await queue.post(command)
        check(views.Receipt, read_exact_json(receipt.content))
        statuses.append((await queue.result(command["id"]))["status"])
        answered |= await look(queue, command["id"])
    assert statuses.count("rejected") == 1
    for number in range((await queue.http.get("/blocks")).json()["height"]):
        for transaction in (await queue.http.get(f"/blocks/{number}")).json()["transactions"]:
            told |= {event["name"] for event in transaction["events"]}
    assert told == events.EVENTS.keys() - UNTOLD
    assert answered == ANSWERS.keys()


async def test_a_market_of_simulated_time_answers_alike(queue: Any, operator: Any) -> None:
    command = operator.command("simulateTime", start="2026-06-23T00:00:00Z", factor=600)
    await queue.post(command)
    told = (await queue.result(command["id"]))["result"]
    assert {"/market", "/blocks/{number}"} <= await look(queue, command["id"])
    assert (await queue.http.get("/market")).json()["simulatedTime"] == told


async def test_a_refused_command_is_a_problem_of_its_type(queue: Any) -> None:
    answer = read_exact_json((await queue.post([{"topic": "publishOffer"}])).content)
    check(list[views.ProblemDocument], answer)


async def test_no_route_is_forgotten(queue: Any) -> None:
    document = (await queue.http.get("/openapi.json")).json()
    assert {path for path, methods in document["paths"].items() if "get" in methods} == ANSWERS.keys() | OTHERS


@pytest.mark.parametrize("fields", [{}, {"surplus": 1}])
def test_the_check_sees_a_field_too_few_and_one_too_many(fields: Any) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check(views.GameResult, fields)
    with pytest.raises(AssertionError):
        check(views.Receipt, {"id": "a", "href": "b", **fields})


def test_the_protocols_tables_are_made_from_the_types() -> None:
    page = protocol_tables.PAGE.read_text()
    assert protocol_tables.written(page) == page, "write them anew: python -m tests.tx_queue.protocol_tables"
    named = {"{prosumer}": "{id}", "{game}": "{id}", "{number}": "{n}"}
    paths = {re.sub(r"\{\w+\}", lambda found: named.get(found[0], found[0]), path) for path in ANSWERS}
    assert paths == protocol_tables.READS.keys()


def test_the_page_names_the_read_that_answers_as_a_question_to_the_contract_does() -> None:
    for name, path in protocol_tables.ASKED_BY.items():
        answering, _ = QUERIES[name]
        assert typing.get_type_hints(answering)["return"] is protocol_tables.READS[path]
    assert QUERIES.keys() == protocol_tables.ASKED_BY.keys() | protocol_tables.OTHER_ANSWERS.keys()
