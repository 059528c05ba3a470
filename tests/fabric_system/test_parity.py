"""One game, two ledgers: the same bids, loads, transfers, accounts and world state, to the last unit."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode import exact_json, read_exact_json, sign
from ledger import Ledger
from ledger.embedded import EmbeddedLedger
from prosumer_client.identity import Identity
from tests.fabric_system.audit import blocks_of, peers_ledgers, world_state
from tests.fabric_system.conftest import OPERATOR, NewNetwork, PlayedDemo

pytestmark = pytest.mark.fabric

A_LEDGER_S_OWN = {
    "transaction",
    "digest",
    "initialised_at_ms",
    "registered_at_ms",
    "published_at_ms",
    "registration_ends_ms",
    "delivery_starts_ms",
    "delivery_ends_ms",
    "metering_ends_ms",
    "final_ms",
    "began_at_ms",
    "deadline_ms",
    "closed_at_ms",
    "passed_ms",
    "next_ms",
}
"""The fields of the world state that hold a time, the ledger's id, or a digest of a command with its ledger's name.

``arrived`` holds a time and a place, which is compared.
"""
A_TIME = re.compile(r"(?<=/)\d{4}-\d\d-\d\dT[^/]+Z(?=/|$)")


def test_the_demo_comes_to_the_same_on_both_ledgers(
    embedded_demo: PlayedDemo, run_demo: Callable[[str], PlayedDemo]
) -> None:
    ours, theirs = embedded_demo.result, run_demo("fabric").result
    assert theirs.pop("ledger") == "fabric"
    assert comparable(theirs) == comparable(ours)


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A demo's result without its ledger and its times; in the order of the sellers' names, not of their arrival."""
    settlement = {name: value for name, value in result["settlement"].items() if name != "closedAt"}
    transfers = sorted(result["transfers"], key=lambda transfer: (transfer["seller"], transfer["buyer"]))
    rest = {name: value for name, value in result.items() if name not in ("ledger", "timings")}
    return rest | {"settlement": settlement, "transfers": transfers}


async def test_the_same_commands_signed_for_each_ledger_make_the_same_world_state(
    embedded_demo: PlayedDemo, start_network: NewNetwork, tmp_path: Path
) -> None:
    operator = Identity.load(OPERATOR, embedded_demo.home / "keys")
    network = start_network(operator_key=operator.key, nr_orderers=1)
    async with embedded(embedded_demo.home) as recorded:
        blocks = await blocks_of(recorded, 0)
        recording = [transaction for block in blocks for transaction in block.transactions if transaction.commands]
        assert sum(len(transaction.commands) for transaction in recording) > 100
        played = await world_state(recorded)
    async with embedded(tmp_path, operator) as ours, peers_ledgers(network) as peers:
        for ledger in (ours, peers[0]):
            await none_counts(ledger, [command for transaction in recording for command in transaction.commands])
            signed_for = await signatory(ledger, embedded_demo.home / "keys")
            for transaction in recording:
                results = (await ledger.submit([signed_for(command) for command in transaction.commands])).results
                assert results == transaction.results
        expected = of_any_ledger(await world_state(ours))
        assert expected == of_any_ledger(played)
    async with peers_ledgers(network) as peers:
        states = [await world_state(peer) for peer in peers]
    assert all(state == states[0] for state in states)
    assert of_any_ledger(states[0]) == expected


async def none_counts(ledger: Ledger, commands: Sequence[dict[str, Any]]) -> None:
    """Make sure that commands which were recorded on another ledger change nothing on this one."""
    before = await ledger.query("market")
    results = (await ledger.submit([exact_json(command).decode() for command in commands])).results
    assert {result.get("code") for result in results} == {"LEDGER_DIFFERS"}
    assert await ledger.query("market") == before


async def signatory(ledger: Ledger, keys: Path) -> Callable[[dict[str, Any]], str]:
    """Return what lets everybody say again, for this ledger, what was said for another one."""
    name = read_exact_json(await ledger.query("market"))["ledger"]

    def signed_for(command: dict[str, Any]) -> str:
        again = {**command, "payload": {**command["payload"], "ledger": name}}
        key = Identity.load(command["payload"]["prosumer"], keys).key
        return exact_json({**again, "signature": sign(again, key)}).decode()

    return signed_for


@asynccontextmanager
async def embedded(home: Path, operator: Identity | None = None) -> AsyncIterator[Ledger]:
    """The embedded ledger of a home."""
    key = None if operator is None else operator.public_key
    ledger = await EmbeddedLedger.open(home / "ledger.sqlite", OPERATOR, key)
    yield ledger
    await ledger.close()


def of_any_ledger(state: dict[str, str]) -> dict[str, Any]:
    """The world state without what two ledgers cannot share: the times of lines and entries are in their keys."""
    shared: dict[str, list[Any]] = {}
    for key, value in sorted(state.items()):
        shown = read_exact_json(value)
        if key.startswith("arena/"):  # its orders are lists, which end with when they arrived
            for order in (*shown["sellers"], *shown["buyers"]):
                order[-1] = order[-1][1]
        shared.setdefault(A_TIME.sub("TIME", key), []).append(without_its_own(shown))
    return shared


def without_its_own(value: Any) -> Any:
    if isinstance(value, list):
        return [without_its_own(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {name: without_its_own(item) for name, item in value.items() if name not in A_LEDGER_S_OWN}
    return rest | {"arrived": value["arrived"][1]} if "arrived" in value else rest
