"""What many say at the same moment goes out in one request, and each hears what became of its own."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from prosumer_client import MarketClient, RequestRefused
from prosumer_client.connection import Postbag
from prosumer_client.errors import CommandRejected
from prosumer_client.identity import SignedCommand
from tests.prosumer_client.conftest import BUYERS, SELLERS, Operator


def command(name: str) -> SignedCommand:
    return SignedCommand(name, name.encode())


async def test_what_is_said_at_the_same_moment_is_sent_together() -> None:
    sent: list[list[str]] = []

    async def send(commands: Sequence[SignedCommand]) -> list[Any]:
        sent.append([each.id for each in commands])
        return [each.id.upper() for each in commands]

    bag = Postbag(send)
    assert await asyncio.gather(*(bag.post(command(name)) for name in "abc")) == ["A", "B", "C"]
    assert await bag.post(command("d")) == "D"
    assert sent == [["a", "b", "c"], ["d"]]


async def test_a_request_that_is_on_its_way_keeps_nobody_back() -> None:
    first, is_sent = asyncio.Event(), asyncio.Event()

    async def send(commands: Sequence[SignedCommand]) -> list[Any]:
        if commands[0].id == "slow":
            is_sent.set()
            await first.wait()
        return [each.id for each in commands]

    bag = Postbag(send)
    slow = asyncio.create_task(bag.post(command("slow")))
    await is_sent.wait()
    assert await bag.post(command("fast")) == "fast"
    assert not slow.done()
    first.set()
    assert await slow == "slow"


async def test_a_refusal_is_for_its_command_and_a_failure_for_all() -> None:
    async def send(commands: Sequence[SignedCommand]) -> list[Any]:
        if len(commands) == 3:
            raise OSError("no way")
        return [each.id if each.id == "good" else RequestRefused(422, "BAD", "this is bad") for each in commands]

    bag = Postbag(send)
    good, bad = await asyncio.gather(*(bag.post(command(n)) for n in ("good", "bad")), return_exceptions=True)
    assert (good, bad.code) == ("good", "BAD")  # type: ignore[union-attr]  # it is the refusal
    failed = await asyncio.gather(*(bag.post(command(n)) for n in "abc"), return_exceptions=True)
    assert [str(each) for each in failed] == ["no way"] * 3


async def test_whoever_is_cancelled_leaves_the_others_their_answers() -> None:
    goes, is_sent = asyncio.Event(), asyncio.Event()

    async def send(commands: Sequence[SignedCommand]) -> list[Any]:
        is_sent.set()
        await goes.wait()
        return [each.id for each in commands]

    bag = Postbag(send)
    one, other = (asyncio.create_task(bag.post(command(name))) for name in ("one", "other"))
    await is_sent.wait()
    one.cancel()
    goes.set()
    assert await other == "other"
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_a_closed_bag_lets_nobody_wait() -> None:
    is_sent = asyncio.Event()

    async def send(_: Sequence[SignedCommand]) -> list[Any]:
        is_sent.set()
        await asyncio.Event().wait()
        return []

    bag = Postbag(send)
    waiting = asyncio.create_task(bag.post(command("late")))
    await is_sent.wait()
    await bag.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_crowd_registers_in_one_request_and_each_learns_its_own_outcome(operator: Operator) -> None:
    await operator.publish()

    def register(name: str, market: MarketClient) -> Any:
        if name in SELLERS:
            amount, price = SELLERS[name]
            return market.submit("publishOffer", {"game": "G1", "amount": amount, "price": price})
        return market.submit("publishDemand", {"game": "G1", "amount": "1e9" if name == "B2" else BUYERS[name]})

    before = operator.fake.asked("POST", "/queue")
    names = [*SELLERS, *BUYERS]
    outcomes = await asyncio.gather(*(register(n, operator.speaker(n)) for n in names), return_exceptions=True)
    assert operator.fake.asked("POST", "/queue") == before + 1
    assert outcomes[:3] == [{"game": "G1"}] * 3
    assert isinstance(outcomes[3], CommandRejected | RequestRefused)
