"""The network's commands in the operator's container. Needs neither Fabric nor containers."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_network.containers import ComposeNetwork
from fabric_network.errors import NetworkBusy
from fabric_network.health import State
from fabric_network.launcher import free_base_port
from fabric_network.topology import Topology
from market_files import write_file


@pytest.fixture
def network(tmp_path: Path) -> ComposeNetwork:
    """A network that was made, its containers stopped; they would listen on this machine."""
    network = ComposeNetwork(tmp_path)
    topology = Topology(base_port=free_base_port(30))
    write_file(network.folder.topology, topology.model_dump_json().encode())
    for file in (
        network.folder.authorities / "key",
        network.folder.first_block,
        network.folder.node("orderer1").data / "ledger" / "block",
        network.folder.client(topology.organisations[0]) / "profile.json",
    ):
        write_file(file, b"content")
    return network


@pytest.fixture
def orderer_listens(network: ComposeNetwork) -> Iterator[None]:
    """One node that runs, and is not healthy."""
    with socket.create_server(("127.0.0.1", network.topology.orderers[0].port)):
        yield


def test_stopped_containers_are_shown_as_stopped(network: ComposeNetwork) -> None:
    assert {node.state for node in network.status().nodes} == {State.STOPPED}


@pytest.mark.usefixtures("orderer_listens")
def test_a_container_that_runs_and_does_not_answer_is_unhealthy(network: ComposeNetwork) -> None:
    states = {node.name: node.state for node in network.status().nodes}
    assert states.pop("orderer1") is State.UNHEALTHY
    assert set(states.values()) == {State.STOPPED}


def test_a_wipe_leaves_the_empty_folders_that_volumes_are_mounted_on(network: ComposeNetwork) -> None:
    volumes = list(network.folder.volumes())
    network.wipe()
    assert len(volumes) == 2
    assert all(list(volume.iterdir()) == [] for volume in volumes)
    assert {path.name for path in network.folder.root.iterdir()} == {"nodes", "clients"}
    network.wipe()


@pytest.mark.usefixtures("orderer_listens")
def test_a_network_that_runs_is_not_wiped(network: ComposeNetwork) -> None:
    with pytest.raises(NetworkBusy, match="docker compose stop"):
        network.wipe()
    assert network.folder.first_block.is_file()
