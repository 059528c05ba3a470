"""What the compose file promises, read without an engine."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fabric_network.programs import DEFAULT_RELEASE
from fabric_network.topology import ContractHost, Site, Topology

PROJECT = Path(__file__).resolve().parents[2]
FILE = YAML(typ="safe").load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ONE_SHOT = {"material", "material-bft", "set-up", "operator-key", "cli"}
WITHOUT_DOOR = {"prosumers"}
"""They listen nowhere, so nothing can be asked of them; the game shows how they are."""


def topology(profile: str) -> Topology:
    fields = {"consensus": "bft", "nr_orderers": 4} if profile == "bft" else {}
    return Topology.model_validate({"site": Site.CONTAINERS, **fields})


@pytest.mark.parametrize("profile", ["raft", "bft"])
def test_every_node_of_the_topology_is_a_service_of_that_name(profile: str) -> None:
    nodes = {
        name for name, service in SERVICES.items() if service.get("hostname") == name and profile in service["profiles"]
    }
    assert nodes == {node.name for node in topology(profile).nodes}


@pytest.mark.parametrize("node", topology("bft").nodes, ids=lambda node: node.name)
def test_a_node_sees_its_own_volume_alone(node: Any) -> None:
    (volume,) = SERVICES[node.name]["volumes"]
    assert volume.removesuffix(":ro") == f"{node.name}:/market/network/nodes/{node.name}"
    assert f"{node.name}:/market/network/nodes/{node.name}" in SERVICES["set-up"]["volumes"]


@pytest.mark.parametrize("node", topology("bft").nodes, ids=lambda node: node.name)
def test_a_node_is_asked_for_its_health_where_it_listens(node: Any) -> None:
    port = node.port if isinstance(node, ContractHost) else node.operations_port
    assert str(port) in SERVICES[node.name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("node", topology("bft").chaincode_servers, ids=lambda node: node.name)
def test_an_operator_may_set_the_limit_of_clocks(node: ContractHost) -> None:
    limit = SERVICES[node.name]["environment"]["CHAINCODE_MAX_CLOCK_DIFFERENCE_S"]
    assert limit == "${CHAINCODE_MAX_CLOCK_DIFFERENCE_S:-5}"


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_has_more_rights_or_memory_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"].endswith(("m", "g"))


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT))
def test_what_runs_on_is_started_again_when_it_ends(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT - WITHOUT_DOOR))
def test_what_listens_is_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_to_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_an_environment(name: str) -> None:
    assert not [key for key in SERVICES[name].get("environment", {}) if "KEY" in key or "PASSWORD" in key]


def test_the_services_wait_for_the_health_of_what_they_need() -> None:
    conditions = {waited["condition"] for name in SERVICES for waited in SERVICES[name].get("depends_on", {}).values()}
    assert conditions == {"service_healthy", "service_completed_successfully"}


def test_fabrics_images_are_of_the_release_whose_programs_the_set_up_uses() -> None:
    images = {service["image"] for service in SERVICES.values() if service["image"].startswith("hyperledger/")}
    version = DEFAULT_RELEASE.version.removeprefix("v")
    assert images == {f"hyperledger/fabric-peer:{version}", f"hyperledger/fabric-orderer:{version}"}


def test_the_authorities_keys_are_seen_by_whoever_sets_up_and_operates_alone() -> None:
    seen_by = {name for name, s in SERVICES.items() if any(v.startswith("network:") for v in s.get("volumes", ()))}
    assert seen_by == {"material", "material-bft", "set-up", "cli"}


def test_every_volume_is_named() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert used == set(FILE["volumes"])
