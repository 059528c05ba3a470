"""Public keys are asked for as rarely as can be, and again when there is doubt."""

import asyncio
from typing import Any

import pytest
import simplejson

from ledger import LedgerUnavailable
from tx_queue.intake import LedgerName, Signers


@pytest.fixture
async def signers(ledger: Any, operator: Any, signer: Any) -> Signers:
    commands = [operator.register(signer(name)) for name in ("P1", "P2", "P3")]
    await ledger.submit([simplejson.dumps(command) for command in commands])
    return Signers(ledger)


async def test_one_key_is_asked_for_by_name_and_several_at_once(signers: Signers, ledger: Any, signer: Any) -> None:
    assert await signers.keys_of({"P1"}) == {"P1": signer("P1").public_key}
    assert (await signers.keys_of({"P1", "P2", "P3"})).keys() == {"P1", "P2", "P3"}
    assert (await signers.keys_of({"P1", "P2", "operator"})).keys() == {"P1", "P2", "operator"}
    assert ledger.queries == [("prosumer", "P1"), ("prosumers",)]


async def test_who_asks_while_another_asks_waits_for_the_same_answer(signers: Signers, ledger: Any) -> None:
    found = await asyncio.gather(*(signers.keys_of({"P1"}) for _ in range(5)))
    assert [keys.keys() for keys in found] == [{"P1"}] * 5
    assert ledger.queries == [("prosumer", "P1")]


async def test_strangers_are_left_out_and_asked_for_again(signers: Signers, ledger: Any) -> None:
    assert await signers.keys_of({"stranger"}) == {}
    assert await signers.keys_of({"stranger"}) == {}
    assert ledger.queries == [("prosumer", "stranger")] * 2


async def test_a_doubted_key_is_asked_for_again(signers: Signers, ledger: Any) -> None:
    await signers.keys_of({"P1"})
    signers.forget({"P1"})
    assert (await signers.keys_of({"P1"})).keys() == {"P1"}
    assert ledger.queries == [("prosumer", "P1")] * 2


async def test_meters_are_asked_for_where_several_sign_and_strangers_once(
    signers: Signers, ledger: Any, operator: Any, signer: Any
) -> None:
    for prosumer in ("P1", "P2"):
        meter = signer(f"m-{prosumer}")
        data = {"id": f"m-{prosumer}", "publicKey": meter.public_key, "prosumer": prosumer, "powerKw": "5"}
        await ledger.submit([simplejson.dumps(operator.command("registerMeter", **data))])
    known = await signers.keys_of({"m-P1", "m-P2", "P1", "stranger"})
    assert known == {name: signer(name).public_key for name in ("m-P1", "m-P2", "P1")}
    assert ledger.queries == [("prosumers",), ("meters",)]


class HangingLedger:
    """One that answers nothing and is given up after ten seconds, by a clock that only it moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0

    async def query(self, function: str, *args: str) -> bytes:
        self.asked += 1
        self.now += 10
        raise LedgerUnavailable("the ledger has not answered")


@pytest.mark.parametrize("is_about_the_ledger", [False, True])
async def test_a_ledger_that_did_not_answer_is_asked_again_after_as_long_as_that_took(
    monkeypatch: pytest.MonkeyPatch, is_about_the_ledger: bool
) -> None:
    ledger: Any = HangingLedger()
    monkeypatch.setattr("tx_queue.intake.time.monotonic", lambda: ledger.now)
    signers, name = Signers(ledger), LedgerName(ledger)

    async def ask() -> None:
        with pytest.raises(LedgerUnavailable, match="has not answered"):
            await (name.read_unless({"another"}) if is_about_the_ledger else signers.keys_of({"stranger"}))

    for _ in range(50):
        await ask()
    assert ledger.asked == 1
    ledger.now += 10
    await ask()
    assert ledger.asked == 2
