"""What is one command however often it comes, also after the ledger's time was set right."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from energy_market_chaincode import iso
from prosumer_client import MarketClient, store_key
from tests.operator_cli.conftest import Ended
from tests.prosumer_client.conftest import FakeMarket, fake, identity_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.operator_cli.conftest import Command

    Typed = Callable[..., Awaitable[Ended]]

__all__ = ["fake"]  # a fixture


@pytest.fixture
def typed(fake: FakeMarket, energy_market: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Run ``energy-market`` beside the market, which lives in this test's loop."""
    monkeypatch.setenv("ENERGY_MARKET_QUEUE_URL", fake.url)
    store_key(identity_of("operator").key, home / "keys" / "operator.pem")

    async def run(*words: str) -> Ended:
        return await asyncio.to_thread(energy_market, *words)

    return run


@pytest.fixture(params=[False, True], ids=["the queue knows", "only the ledger knows"])
async def begin_epoch(fake: FakeMarket, request: pytest.FixtureRequest) -> Callable[[], Awaitable[None]]:
    """Set the ledger's time right; the queue remembers a while what it took before."""

    async def begin() -> None:
        now = datetime.now(UTC)
        async with MarketClient(fake.url, identity_of("operator")) as market:
            times = {"oldTime": iso(now + timedelta(days=400)), "newTime": iso(now)}
            assert (await market.submit("setLedgerTime", times))["number"] == 1
        if request.param:
            fake.forget()

    return begin


async def account(fake: FakeMarket, prosumer: str = "S001") -> Any:
    return (await fake.view("prosumer", prosumer))["accountBalance"]


async def test_a_registration_that_was_interrupted_before_the_ledgers_time_was_set_right_is_completed(
    fake: FakeMarket, typed: Typed, begin_epoch: Callable[[], Awaitable[None]]
) -> None:
    assert (await typed("prosumers", "add", "S001", "--production", "36")).code == 0
    await begin_epoch()
    for _ in range(2):
        ended = await typed("prosumers", "add", "S001", "--production", "36", "--balance", "5", "--json")
        assert (ended.code, ended.err) == (0, "S001 is registered\n")
        assert json.loads(ended.out) == {"prosumer": "S001", "keyReplaced": False, "accountBalance": 5, "debt": 0}


async def test_a_balance_is_paid_once_whatever_the_epoch_and_what_nobody_can_tell_is_said(
    fake: FakeMarket, typed: Typed, begin_epoch: Callable[[], Awaitable[None]]
) -> None:
    assert (await typed("prosumers", "add", "S001", "--balance", "5")).code == 0
    await begin_epoch()
    for balance in ("5", "6"):
        ended = await typed("prosumers", "add", "S001", "--balance", balance)
        assert ended.code == 0
        assert f"not paid again; whether it was {balance} cannot be told" in ended.said
    assert await account(fake) == 5


async def test_whoever_is_registered_otherwise_in_another_epoch_is_told_how(
    fake: FakeMarket, typed: Typed, begin_epoch: Callable[[], Awaitable[None]]
) -> None:
    assert (await typed("prosumers", "add", "S001", "--production", "7")).code == 0
    await begin_epoch()
    for otherwise, told in (
        (("--role", "operator"), "S001 is registered as prosumer with the key"),
        (("--consumption", "3"), "S001 has a production of 7 kWh and a consumption of 0 kWh, less than"),
    ):
        ended = await typed("prosumers", "add", "S001", *otherwise, "--balance", "5")
        assert (ended.code, told in ended.said) == (1, True), ended.said
    assert await account(fake) == 0
    ended = await typed("prosumers", "add", "S001", "--production", "6")
    assert (ended.code, "with how much it was registered cannot be told" in ended.said) == (0, True)


async def test_a_registration_that_was_refused_before_the_ledgers_time_was_set_right_is_none(
    fake: FakeMarket, typed: Typed, begin_epoch: Callable[[], Awaitable[None]]
) -> None:
    key = identity_of("S001").public_key
    assert "RESERVED_NAME" in (await typed("prosumers", "add", "grid-operator", "--public-key", key)).said
    await begin_epoch()
    ended = await typed("prosumers", "add", "grid-operator", "--public-key", key)
    assert (ended.code, "is not registered: an earlier registration" in ended.said) == (1, True)


async def test_readings_that_were_refused_by_a_wrong_time_are_heard_again_when_it_is_right(
    fake: FakeMarket, typed: Typed, begin_epoch: Callable[[], Awaitable[None]], home: Path, tmp_path: Path
) -> None:
    store_key(identity_of("m-H").key, home / "keys" / "m-H.pem")
    meter = {"id": "m-H", "publicKey": identity_of("m-H").public_key, "prosumer": "H", "powerKw": "10"}
    async with MarketClient(fake.url, identity_of("operator")) as market:
        await market.submit("registerProsumer", {"id": "H", "publicKey": identity_of("H").public_key})
        await market.submit("setTopology", {"edges": [["H", "N"]]})
        await market.submit("registerMeter", meter)
        await market.submit("publishGame", {"deliverySlot": "2031-06-23T06:00:00Z"})
    file = tmp_path / "meter.csv"
    file.write_text("start,prosumer,in\n2031-06-23T06:00:00Z,H,1\n")
    words = ("meters", "import", str(file), "--columns", "time=start,in=in,prosumer=prosumer")
    assert "SLOT_NOT_OVER" in (await typed(*words)).said
    await begin_epoch()
    assert "SLOT_NOT_OVER" in (await typed(*words)).said
