"""The market client: commands count once over every trouble, and every trouble has its type."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from prosumer_client import (
    CommandRejected,
    Identity,
    MarketClient,
    MarketUnavailable,
    OutcomePending,
    Patience,
    RequestRefused,
    UnexpectedAnswer,
)
from prosumer_client.connection import is_local

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.prosumer_client.conftest import FakeMarket, Operator

OFFER = {"game": "G1", "amount": "30", "price": "0.08376051515357819"}


async def transactions_with(fake: FakeMarket, topic: str) -> int:
    blocks = [await fake.ledger.block(number) for number in range(await fake.ledger.height())]
    commands = [command for block in blocks for t in block.transactions for command in t.commands]
    return sum(command["topic"] == topic for command in commands)


async def test_a_command_s_result_is_what_the_contract_answered(operator: Operator) -> None:
    assert await operator.publish("G1") == "G1"
    assert await operator.speaker("S1").submit("publishOffer", OFFER) == {"game": "G1"}


async def test_reads_are_exact(operator: Operator) -> None:
    await operator.publish("G1", tolerance="0.000000001")
    await operator.speaker("S1").submit("publishOffer", OFFER)
    game = await operator.market.game("G1")
    assert game.sellers[0].price == Decimal("0.08376051515357819")
    assert game.parameters.tolerance == Decimal("0.000000001")
    assert [summary.game for summary in await operator.market.games()] == ["G1"]
    assert await operator.market.bids("G1") == []
    assert await operator.market.transfers("G1") == []
    assert (await operator.market.market()).money == 4000
    assert (await operator.market.prosumer("B1")).account_balance == 1000
    assert len(await operator.market.prosumers()) == 5


@pytest.mark.parametrize("after", [False, True], ids=["before it arrived", "after it took effect"])
async def test_a_command_counts_once_though_the_connection_breaks(operator: Operator, after: bool) -> None:
    operator.fake.drop("POST", "/queue", after=after)
    assert await operator.publish("G1") == "G1"
    assert await transactions_with(operator.fake, "publishGame") == 1


@pytest.mark.parametrize(("status", "code"), [(429, "QUEUE_FULL"), (503, "LEDGER_UNAVAILABLE"), (503, "SHUTTING_DOWN")])
async def test_what_is_only_busy_is_asked_again(operator: Operator, status: int, code: str) -> None:
    for _ in range(3):
        operator.fake.refuse("POST", "/queue", status, code, Retry_After="0")
    operator.fake.refuse("GET", "/queue/", status, code, Retry_After="0")
    operator.fake.drop("GET", "/queue/")
    before = operator.fake.asked("POST", "/queue")
    assert await operator.publish("G1") == "G1"
    assert operator.fake.asked("POST", "/queue") == before + 4


async def test_a_service_that_restarts_is_not_noticed(operator: Operator) -> None:
    await operator.fake.restart()
    assert await operator.publish("G1") == "G1"


async def test_patience_has_an_end(fake: FakeMarket, impatient: Patience, identity: Callable[[str], Identity]) -> None:
    async with MarketClient(fake.url, identity("operator"), patience=impatient) as market:
        await fake.stop()
        with pytest.raises(MarketUnavailable, match=fake.url) as caught:
            await market.submit("closeMarket", {"game": "G1"})
    assert caught.value.code == "MARKET_UNAVAILABLE"
    await fake.start()


async def test_an_outcome_that_does_not_come_is_pending_and_may_be_asked_for_later(
    fake: FakeMarket, impatient: Patience, identity: Callable[[str], Identity]
) -> None:
    fake.holds = True
    async with MarketClient(fake.url, identity("operator"), patience=impatient) as market:
        receipt = await market.post("setTopology", {"edges": [["A", "B"]]})
        with pytest.raises(OutcomePending, match=receipt.id) as caught:
            await market.outcome(receipt)
        assert caught.value.code == "OUTCOME_PENDING"
        fake.holds = False
        again = await market.submit("setTopology", {"edges": [["A", "B"]]}, command_id=caught.value.command)
    assert again == {"nodes": 2}


async def test_a_rejection_has_the_contract_s_code_and_sentence(operator: Operator) -> None:
    with pytest.raises(CommandRejected, match="There is no game G9") as caught:
        await operator.speaker("S1").submit("publishOffer", {**OFFER, "game": "G9"})
    assert caught.value.code == "UNKNOWN_GAME"


async def test_a_malformed_command_is_refused_field_by_field_and_not_sent_again(operator: Operator) -> None:
    before = operator.fake.asked("POST", "/queue")
    with pytest.raises(RequestRefused) as caught:
        await operator.speaker("S1").submit("publishOffer", {"game": "G1", "amount": "-1"})
    assert (caught.value.status, caught.value.code) == (422, "MALFORMED_COMMAND")
    assert {error.field for error in caught.value.errors} == {"payload.data.amount", "payload.data.price"}
    assert operator.fake.asked("POST", "/queue") == before + 1


@pytest.mark.parametrize(("status", "code"), [(401, "BAD_SIGNATURE"), (413, "BODY_TOO_LARGE"), (500, "INTERNAL")])
async def test_what_would_be_refused_again_is_asked_once(operator: Operator, status: int, code: str) -> None:
    operator.fake.refuse("POST", "/queue", status, code)
    before = operator.fake.asked("POST", "/queue")
    with pytest.raises(RequestRefused) as caught:
        await operator.publish("G1")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert operator.fake.asked("POST", "/queue") == before + 1


async def test_another_command_under_a_used_id_is_refused(operator: Operator) -> None:
    name = "7b5f6f9e-37a3-4d0e-9a8f-0a3f5d3b3c11"
    await operator.market.submit("topUpAccount", {"prosumer": "B1", "amount": "1"}, command_id=name)
    with pytest.raises(RequestRefused) as caught:
        await operator.market.submit("topUpAccount", {"prosumer": "B1", "amount": "2"}, command_id=name)
    assert caught.value.code == "COMMAND_ID_REUSED"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"games": 3}', b'"games"'])
async def test_what_answers_but_is_no_market_is_told_apart(operator: Operator, body: bytes) -> None:
    operator.fake.answer("GET", "/games", body)
    with pytest.raises(UnexpectedAnswer, match="check that it is the address"):
        await operator.market.games()


@pytest.mark.parametrize("body", [b"{}", b'{"status": "committed"}', b'{"status": "rejected", "error": null}'])
async def test_a_status_that_says_nothing_is_told_apart(operator: Operator, body: bytes) -> None:
    operator.fake.answer("GET", "/queue/", body)
    with pytest.raises(UnexpectedAnswer):
        await operator.publish("G1")


@pytest.mark.parametrize("errors", [None, "text", [3], [{"field": "a"}]])
async def test_a_problem_of_any_form_is_a_refusal(operator: Operator, errors: Any) -> None:
    operator.fake.refuse("GET", "/games", 422, "INVALID_PARAMETER", errors=errors)
    with pytest.raises(RequestRefused) as caught:
        await operator.market.games()
    assert caught.value.code == "INVALID_PARAMETER"


async def test_commands_given_together_have_outcomes_of_their_own_in_their_order(operator: Operator) -> None:
    await operator.publish("G1")
    outcomes = await operator.market.submit_all(
        [
            ("topUpAccount", {"prosumer": "B1", "amount": "1"}),
            ("topUpAccount", {"prosumer": "nobody", "amount": "1"}),
            ("topUpAccount", {"prosumer": "B1"}),
            ("topUpAccount", {"prosumer": "B1", "amount": "2"}),
        ]
    )
    assert outcomes[0] == {"prosumer": "B1", "accountBalance": 1001, "debt": 0}
    assert isinstance(outcomes[1], CommandRejected)
    assert outcomes[1].code == "UNKNOWN_PROSUMER"
    assert isinstance(outcomes[2], RequestRefused)
    assert outcomes[2].code == "MALFORMED_COMMAND"
    assert outcomes[3] == {"prosumer": "B1", "accountBalance": 1003, "debt": 0}


async def test_of_commands_given_together_those_without_room_are_sent_again(operator: Operator) -> None:
    full = {"title": "full", "status": 429, "detail": "the queue is full", "code": "QUEUE_FULL"}
    operator.fake.answer("POST", "/queue", json.dumps([full, full]).encode())
    outcomes = await operator.market.submit_all(
        [("topUpAccount", {"prosumer": b, "amount": "1"}) for b in ("B1", "B2")]
    )
    assert outcomes == [{"prosumer": b, "accountBalance": 1001, "debt": 0} for b in ("B1", "B2")]


async def test_many_commands_take_several_requests(operator: Operator) -> None:
    before = operator.fake.asked("POST", "/queue")
    outcomes = await operator.market.submit_all([("closeMarket", {"game": "G1"})] * 1001)
    assert {type(outcome) for outcome in outcomes} == {CommandRejected}
    assert len(outcomes) == 1001
    assert operator.fake.asked("POST", "/queue") == before + 2


async def test_large_commands_given_together_take_several_requests(operator: Operator) -> None:
    before = operator.fake.asked("POST", "/queue")
    edges = [["node", f"{'n' * 50}{number}"] for number in range(10_000)]
    outcomes = await operator.market.submit_all([("setTopology", {"edges": edges})] * 2)
    assert outcomes == [{"nodes": 10_001}] * 2
    assert operator.fake.asked("POST", "/queue") == before + 2


async def test_a_client_without_identity_reads_and_cannot_speak(operator: Operator) -> None:
    async with MarketClient(operator.fake.url) as reader:
        assert await reader.games() == []
        with pytest.raises(ValueError, match="no identity"):
            await reader.submit("closeMarket", {"game": "G1"})


async def test_a_market_on_this_machine_is_not_sought_behind_a_proxy(
    fake: FakeMarket, impatient: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with MarketClient(fake.url, patience=impatient) as market:
        assert await market.prosumers()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:8080", "https://[::1]", "http://127.1.2.3"])
def test_an_address_is_of_this_machine(url: str) -> None:
    assert is_local(url)


@pytest.mark.parametrize(
    "url", ["http://queue:8080", "https://market.example", "http://192.168.1.2", "http://[2001::1]"]
)
def test_an_address_is_of_another_machine(url: str) -> None:
    assert not is_local(url)


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="must begin with http"):
        MarketClient("127.0.0.1:8080")


async def test_a_game_s_name_cannot_change_what_is_asked(operator: Operator) -> None:
    with pytest.raises(RequestRefused):
        await operator.market.game("../prosumers/B1?x=")
    assert operator.fake.requests[-1].path == "/games/..%2Fprosumers%2FB1%3Fx%3D"
