"""One game, two ledgers: the same bids, loads, transfers, accounts and world state, to the last unit."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode.canonical import exact_json, read_exact_json
from ledger.embedded.ledger import EmbeddedLedger
from ledger.interface import Ledger
from prosumer_client.identity import Identity
from tests.fabric_system.audit import blocks_of, peers_ledgers, world_state
from tests.fabric_system.conftest import OPERATOR, NewNetwork, PlayedDemo

pytestmark = pytest.mark.fabric

MOMENTS = {
    "initialised_at_ms",
    "registered_at_ms",
    "published_at_ms",
    "registration_ends_ms",
    "delivery_ends_ms",
    "deadline_ms",
    "closed_at_ms",
}
"""The fields of the world state that hold a time. ``arrived`` holds one and a place, which is compared."""


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


async def test_the_same_commands_make_the_same_world_state(
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
        for transaction in recording:
            commands = [exact_json(command).decode() for command in transaction.commands]
            for ledger in (ours, peers[0]):
                assert (await ledger.submit(commands)).results == transaction.results
        expected = timeless(await world_state(ours))
        assert expected == timeless(played)
    async with peers_ledgers(network) as peers:
        states = [await world_state(peer) for peer in peers]
    assert all(state == states[0] for state in states)
    assert timeless(states[0]) == expected


@asynccontextmanager
async def embedded(home: Path, operator: Identity | None = None) -> AsyncIterator[Ledger]:
    """The embedded ledger of a home."""
    key = None if operator is None else operator.public_key
    ledger = await EmbeddedLedger.open(home / "ledger.sqlite", OPERATOR, key)
    yield ledger
    await ledger.close()


def timeless(state: dict[str, str]) -> dict[str, Any]:
    """The world state without the times, which two ledgers cannot share."""
    return {key: without_moments(read_exact_json(value)) for key, value in state.items()}


def without_moments(value: Any) -> Any:
    if isinstance(value, list):
        return [without_moments(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {name: without_moments(item) for name, item in value.items() if name not in MOMENTS}
    return rest | {"arrived": value["arrived"][1]} if "arrived" in value else rest
