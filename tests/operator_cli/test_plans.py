"""What cannot be undone is said before it is done, also to whoever said yes; never on standard output."""

import json
from pathlib import Path
from typing import Any

import pytest

from fabric_network import Network, Topology
from market_files import write_file
from operator_cli import own_network


@pytest.fixture
def network(home: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A Fabric network that was described and never started."""
    network = Network(home)
    write_file(network.folder.topology, Topology().model_dump_json().encode())
    monkeypatch.setenv("ENERGY_MARKET_LEDGER", "fabric")
    return network


def test_a_wipe_on_fabric_says_what_it_deletes(
    energy_market: Any, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_network, "begin_anew", lambda _: None)
    ended = energy_market("reset", "--wipe", "--yes", "--json")
    assert ended.code == 0
    assert json.loads(ended.out) == {"kept": {}}
    assert f"delete the Fabric network in {network.folder.root} for good" in ended.err
    assert "cooperative-peer1, utility-peer1" in ended.err


def test_the_end_of_a_network_says_what_it_deletes(energy_market: Any, network: Network) -> None:
    ended = energy_market("network", "wipe", "--yes", "--json")
    assert json.loads(ended.out) == {"deleted": str(network.folder.root)}
    assert f"delete the ledger and all keys in {network.folder.root}" in ended.err


def test_a_plan_that_is_not_agreed_to_is_not_carried_out(energy_market: Any, network: Network) -> None:
    ended = energy_market("network", "wipe")
    assert (ended.code, network.folder.topology.exists()) == (1, True)
    assert f"delete the ledger and all keys in {network.folder.root}. Go on?" in ended.err
