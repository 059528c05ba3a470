"""The configuration that is made of a topology. Needs no Fabric."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fabric_network.chaincode_package import CONNECTION
from fabric_network.configuration import (
    BUILDER_VARIABLE,
    PROFILE,
    channel_config,
    core_config,
    crypto_config,
    endorsement_policy,
    node_environment,
    orderer_config,
)
from fabric_network.folder import NetworkFolder
from fabric_network.material import client_profile
from fabric_network.topology import Consensus, Organisation, Site, Topology
from ledger.fabric.chaincode_server import ChaincodeServerSettings

FOLDER = NetworkFolder(Path("/market/network"))

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(lambda name: name != "ordering")


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    consensus = draw(st.sampled_from(Consensus))
    release = "3.1" if consensus is Consensus.BFT else draw(st.sampled_from(["3.1", "2.5"]))
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    return Topology(
        site=draw(st.sampled_from(Site)),
        base_port=draw(st.integers(1024, 60000)),
        consensus=consensus,
        nr_orderers=draw(st.integers(4 if consensus is Consensus.BFT else 1, 7)),
        batch_timeout_ms=draw(st.integers(1, 60_000)),
        release_name=release,
        organisations=tuple(Organisation(name=name) for name in names),
        peers_per_organisation=draw(st.integers(1, 3)),
    )


def for_any_topology(test: Callable[[Topology], None]) -> Callable[[], None]:
    """Run a test for many topologies, without a deadline: how fast the machine is says nothing about them."""
    return settings(deadline=None)(given(topologies())(test))


def ordering(topology: Topology) -> dict[str, Any]:
    section: dict[str, Any] = channel_config(topology, FOLDER)["Profiles"][PROFILE]["Orderer"]
    return section


def application(topology: Topology) -> dict[str, Any]:
    section: dict[str, Any] = channel_config(topology, FOLDER)["Profiles"][PROFILE]["Application"]
    return section


@for_any_topology
def test_a_topology_survives_being_written_and_read(topology: Topology) -> None:
    assert Topology.model_validate_json(topology.model_dump_json()) == topology


@for_any_topology
def test_no_two_nodes_have_the_same_name_or_the_same_listening_port(topology: Topology) -> None:
    names = [node.name for node in topology.nodes]
    listening = [(node.host, port) for node in topology.nodes for port in node.ports]
    assert len(set(names)) == len(names)
    assert len(set(listening)) == len(listening)


@for_any_topology
def test_nodes_of_one_machine_listen_on_it_alone_and_from_the_base_port_on(topology: Topology) -> None:
    topology = topology.model_copy(update={"site": Site.MACHINE})
    ports = sorted(port for node in topology.nodes for port in node.ports)
    assert {(node.host, node.listen_host) for node in topology.nodes} == {("127.0.0.1", "127.0.0.1")}
    assert ports == list(range(topology.base_port, topology.base_port + len(ports)))


@for_any_topology
def test_a_container_is_reached_by_its_name(topology: Topology) -> None:
    topology = topology.model_copy(update={"site": Site.CONTAINERS})
    assert all(node.host == node.name for node in topology.nodes)


@for_any_topology
def test_every_certificate_is_good_for_this_machine_and_for_containers(topology: Topology) -> None:
    config = crypto_config(topology)
    specs = {
        spec["CommonName"]: spec["SANS"]
        for organisation in config["OrdererOrgs"] + config["PeerOrgs"]
        for spec in organisation["Specs"]
    }
    assert {node.name for node in topology.nodes} == set(specs)
    assert all(set(names) == {name, "localhost", "127.0.0.1"} for name, names in specs.items())


@for_any_topology
def test_the_channel_names_the_orderers_where_they_listen(topology: Topology) -> None:
    section = ordering(topology)
    consenters = section.get("ConsenterMapping") or section["EtcdRaft"]["Consenters"]
    named = [(consenter["Host"], consenter["Port"]) for consenter in consenters]
    endpoints = section["Organizations"][0]["OrdererEndpoints"]
    listening = [
        orderer_config(orderer, FOLDER.node(orderer.name))["General"]["ListenPort"] for orderer in topology.orderers
    ]
    assert [f"{host}:{port}" for host, port in named] == endpoints
    assert [port for _, port in named] == listening


@for_any_topology
def test_the_channel_names_the_peers_where_they_say_they_are(topology: Topology) -> None:
    anchors = [
        f"{anchor['Host']}:{anchor['Port']}"
        for organisation in application(topology)["Organizations"]
        for anchor in organisation["AnchorPeers"]
    ]
    peers = [core_config(peer, topology, FOLDER)["peer"] for peer in topology.peers]
    assert anchors == [peer["gossip"]["externalEndpoint"] for peer in peers] == [peer["address"] for peer in peers]
    assert {organisation["ID"] for organisation in application(topology)["Organizations"]} == {
        peer["localMspId"] for peer in peers
    }


@for_any_topology
def test_the_orderers_cut_blocks_after_the_batch_timeout(topology: Topology) -> None:
    timeout = f"{topology.batch_timeout_ms}ms"
    section = ordering(topology)
    assert section["BatchTimeout"] == timeout
    assert topology.consensus is Consensus.RAFT or section["SmartBFT"]["RequestBatchMaxInterval"] == timeout


@for_any_topology
def test_a_client_asks_its_own_peers_first_and_knows_all(topology: Topology) -> None:
    for organisation in topology.organisations:
        profile = client_profile(organisation, topology)
        own = [gateway.organisation == organisation.msp_id for gateway in profile.gateways]
        assert own == sorted(own, reverse=True)
        assert {gateway.address for gateway in profile.gateways} == {peer.address for peer in topology.peers}
        assert all(msp_id in endorsement_policy(topology) for msp_id in profile.endorsing_organisations)


@for_any_topology
def test_all_configuration_is_json_and_names_only_paths_in_the_networks_folder(topology: Topology) -> None:
    for config in (
        crypto_config(topology),
        channel_config(topology, FOLDER),
        *(orderer_config(orderer, FOLDER.node(orderer.name)) for orderer in topology.orderers),
        *(core_config(peer, topology, FOLDER) for peer in topology.peers),
    ):
        text = json.dumps(config, allow_nan=False)
        paths = set(re.findall(r'"(/[^"]+)"', text)) - {"/opt/hyperledger/ccaas_builder"}
        assert all(path.startswith(f"{FOLDER.root}/") for path in paths)


def test_no_node_reads_what_another_one_keeps_to_itself() -> None:
    topology = Topology()
    for peer in topology.peers:
        own = str(FOLDER.node(peer.name).root)
        paths = re.findall(r'"(/[^"]+)"', json.dumps(core_config(peer, topology, FOLDER)))
        assert all(path.startswith((f"{own}/", str(FOLDER.builder))) for path in paths)


def test_each_organisation_has_to_endorse() -> None:
    assert endorsement_policy(Topology()) == "AND('CooperativeMSP.peer','UtilityMSP.peer')"


def test_the_limit_of_clocks_reaches_chaincode_servers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topology = Topology()
    folder = NetworkFolder(tmp_path)
    server, orderer = topology.chaincode_servers[0], topology.orderers[0]
    monkeypatch.delenv("CHAINCODE_MAX_CLOCK_DIFFERENCE_S", raising=False)
    assert "CHAINCODE_MAX_CLOCK_DIFFERENCE_S" not in node_environment(server, topology, folder)
    monkeypatch.setenv("CHAINCODE_MAX_CLOCK_DIFFERENCE_S", "60")
    monkeypatch.setenv("CHAINCODE_ID", "elsewhere")
    environment = node_environment(server, topology, folder)
    assert environment["CHAINCODE_MAX_CLOCK_DIFFERENCE_S"] == "60"
    assert environment["CHAINCODE_ID"] != "elsewhere"
    assert "max_clock_difference_s" in ChaincodeServerSettings.model_fields
    assert "CHAINCODE_MAX_CLOCK_DIFFERENCE_S" not in node_environment(orderer, topology, folder)


def test_the_peers_fill_in_all_that_the_package_leaves_open(tmp_path: Path) -> None:
    topology = Topology()
    folder = NetworkFolder(tmp_path)
    peer = topology.peers[0]
    own = folder.node(peer.name)
    for file in (own.tls_authority, own.tls_certificate, own.tls_key):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.name)
    filled = json.loads(node_environment(peer, topology, folder)[BUILDER_VARIABLE])
    asked = {match for value in CONNECTION.values() for match in re.findall(r"\{\{\.(\w+)\}\}", str(value))}
    assert set(filled) == asked
    assert filled["address"] == topology.chaincode_server_of(peer.organisation).address
    assert (filled["root_cert"], filled["client_key"]) == ("ca.crt", "server.key")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"consensus": "bft", "nr_orderers": 3}, "at least 4 orderers"),
        ({"consensus": "bft", "nr_orderers": 4, "release_name": "2.5"}, "knows Raft only"),
        ({"release_name": "1.4"}, "no Fabric release"),
        ({"nr_orderers": 0}, "nr_orderers"),
        ({"batch_timeout_ms": 0}, "batch_timeout_ms"),
        ({"base_port": 80}, "base_port"),
        ({"organisations": [{"name": "a"}, {"name": "a"}]}, "same name"),
        ({"organisations": [{"name": "ordering"}]}, "same name"),
        ({"channel": "No Channel"}, "channel"),
    ],
)
def test_a_topology_that_cannot_work_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Topology.model_validate(fields)


@pytest.mark.parametrize(("release", "capability"), [("3.1", "V3_0"), ("2.5", "V2_0")])
def test_a_release_asks_of_nodes_what_it_can_do(release: str, capability: str) -> None:
    topology = Topology(release_name=release)
    assert channel_config(topology, FOLDER)["Profiles"][PROFILE]["Capabilities"] == {capability: True}
