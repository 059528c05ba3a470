"""Which ledger commands are for: named in each, learnt once or pinned, and what happens when it is another one."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from energy_market_chaincode import iso
from ledger.embedded import EmbeddedLedger
from prosumer_client import AnotherLedger, Buyer, MarketClient, UnexpectedAnswer
from prosumer_client.identity import VALID_FOR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from prosumer_client import Identity, Patience
    from tests.prosumer_client.conftest import FakeMarket, Operator

LATER = datetime.now(UTC) + timedelta(days=400)
TOP_UP = ("topUpAccount", {"prosumer": "operator", "amount": "1"})


@pytest.fixture
async def begin_anew(
    fake: FakeMarket, identity: Callable[[str], Identity], tmp_path: Path
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Put a new chain with the same operator behind the queue, and a new store, as ``reset --wipe`` does."""
    operator = identity("operator")
    new = await EmbeddedLedger.open(tmp_path / "new.sqlite", operator.prosumer, operator.public_key)

    async def begin() -> None:
        fake.ledger = new
        fake._bodies.clear()
        fake._statuses.clear()
        await fake.restart()

    yield begin
    await new.close()


def payloads(fake: FakeMarket) -> list[Any]:
    """The payload of each posted command."""
    bodies = [json.loads(request.body) for request in fake.requests if request.method == "POST"]
    return [command["payload"] for body in bodies for command in (body if isinstance(body, list) else [body])]


def ledgers_named(fake: FakeMarket) -> list[Any]:
    """The ledger that each posted command names."""
    return [payload.get("ledger") for payload in payloads(fake)]


async def test_every_command_of_a_connection_names_the_ledger_which_is_asked_for_once(
    fake: FakeMarket, operator: Operator
) -> None:
    await asyncio.gather(*(operator.speaker(name).post("closeMarket", {"game": "G1"}) for name in ("S1", "S2")))
    await operator.market.submit_all([TOP_UP] * 3)
    ledger = (await fake.view("market"))["ledger"]
    assert set(ledgers_named(fake)) == {ledger}
    assert fake.asked("GET", "/market") == 1
    assert await operator.market.ledger_id() == ledger


async def test_every_command_says_that_it_ends_a_day_ahead(fake: FakeMarket, operator: Operator) -> None:
    await operator.speaker("S1").post("closeMarket", {"game": "G1"})
    await operator.market.submit_all([TOP_UP] * 2)
    ends = [datetime.fromisoformat(payload["validUntil"]) for payload in payloads(fake)]
    assert len(ends) >= 3
    now = datetime.now(UTC)
    assert all(now + timedelta(hours=23) < end <= now + VALID_FOR for end in ends)


async def test_a_pinned_ledger_is_named_whatever_the_queue_says(
    fake: FakeMarket, identity: Callable[[str], Identity]
) -> None:
    fake.answer("GET", "/market", b'{"ledger": "where the queue wants our commands to count"}')
    async with MarketClient(fake.url, identity("operator"), ledger="ours") as market:
        with pytest.raises(AnotherLedger, match=r"another ledger than ours.*give this program the new ledger's id"):
            await market.submit(*TOP_UP)
    assert ledgers_named(fake) == ["ours"]
    assert (await fake.view("market"))["money"] == 0


async def test_a_queue_that_does_not_say_its_ledger_gets_nothing_signed(operator: Operator, fake: FakeMarket) -> None:
    posted = fake.asked("POST", "/queue")
    fake.answer("GET", "/market", b'{"money": 0}')
    async with MarketClient(fake.url, operator.market.identity) as market:
        with pytest.raises(UnexpectedAnswer, match="which ledger"):
            await market.submit(*TOP_UP)
    assert fake.asked("POST", "/queue") == posted


async def test_on_a_ledger_begun_anew_nothing_counts_and_the_error_says_what_to_do(
    operator: Operator, fake: FakeMarket, begin_anew: Callable[[], Awaitable[None]]
) -> None:
    ours = await operator.market.ledger_id()
    await begin_anew()
    with pytest.raises(AnotherLedger, match="start this program again") as caught:
        await operator.market.submit(*TOP_UP)
    assert (caught.value.code, caught.value.ours) == ("LEDGER_DIFFERS", ours)
    with pytest.raises(AnotherLedger):
        await operator.market.submit_all([TOP_UP] * 2)
    assert (await fake.view("market"))["money"] == 0


async def test_a_new_epoch_of_our_ledger_is_signed_for_anew(
    operator: Operator, fake: FakeMarket, identity: Callable[[str], Identity]
) -> None:
    ours = await operator.market.ledger_id()
    async with MarketClient(fake.url, identity("operator"), ledger=ours) as other:
        await other.submit("setLedgerTime", {"oldTime": iso(LATER), "newTime": iso(datetime.now(UTC))})
    money = (await fake.view("market"))["money"]
    await operator.market.submit(*TOP_UP)
    assert all(isinstance(outcome, dict) for outcome in await operator.market.submit_all([TOP_UP] * 2))
    assert await operator.market.ledger_id() == f"{ours}.1"
    assert set(ledgers_named(fake)) == {ours, f"{ours}.1"}
    assert (await fake.view("market"))["money"] == money + 3


async def test_a_queue_that_refuses_for_ever_is_not_asked_for_ever(operator: Operator, fake: FakeMarket) -> None:
    ours = await operator.market.ledger_id()
    fake.refuse("POST", "/queue", 409, "LEDGER_DIFFERS")
    fake.refuse("POST", "/queue", 409, "LEDGER_DIFFERS")
    fake.answer("GET", "/market", json.dumps({"ledger": f"{ours}.7"}).encode())
    posted = fake.asked("POST", "/queue")
    with pytest.raises(AnotherLedger):
        await operator.market.submit(*TOP_UP)
    assert fake.asked("POST", "/queue") == posted + 2


async def test_a_refusal_at_the_queue_s_door_says_the_same(operator: Operator, fake: FakeMarket) -> None:
    fake.refuse("POST", "/queue", 409, "LEDGER_DIFFERS")
    with pytest.raises(AnotherLedger):
        await operator.market.submit(*TOP_UP)
    element = {"title": "Conflict", "status": 409, "detail": "It is another one.", "code": "LEDGER_DIFFERS"}
    fake.answer("POST", "/queue", json.dumps([element, element]).encode())
    with pytest.raises(AnotherLedger):
        await operator.market.submit_all([TOP_UP] * 2)


async def test_a_new_client_goes_on_with_the_new_ledger(
    operator: Operator, fake: FakeMarket, begin_anew: Callable[[], Awaitable[None]]
) -> None:
    await begin_anew()
    async with MarketClient(fake.url, operator.market.identity) as market:
        await market.submit(*TOP_UP)
    assert (await fake.view("market"))["money"] == 1


async def test_a_stream_whose_cursor_is_of_another_ledger_says_so(
    operator: Operator, begin_anew: Callable[[], Awaitable[None]]
) -> None:
    await operator.publish("G1")
    async with aclosing(operator.market.events()) as events:
        await anext(events)
        await begin_anew()
        with pytest.raises(AnotherLedger):
            await anext(events)


async def test_a_command_that_went_with_its_ledger_says_so(
    operator: Operator, fake: FakeMarket, begin_anew: Callable[[], Awaitable[None]]
) -> None:
    receipt = await operator.market.post(*TOP_UP)
    await begin_anew()
    fake.refuse("GET", "/queue/", 404, "UNKNOWN_COMMAND")
    with pytest.raises(AnotherLedger):
        await operator.market.outcome(receipt)


async def test_a_participant_whose_market_was_begun_anew_ends_at_its_first_word(
    operator: Operator, fake: FakeMarket, patient: Patience, begin_anew: Callable[[], Awaitable[None]]
) -> None:
    await operator.market.ledger_id()
    await begin_anew()
    async with MarketClient(fake.url, operator.market.identity, patience=patient) as market:
        successor = replace(operator, market=market)
        await successor.enter_all()
        await successor.publish("G1")
        with pytest.raises(AnotherLedger):
            await Buyer(operator.speaker("B1"), demand="20").run()
    assert (await fake.view("game", "G1"))["nrBuyers"] == 0
