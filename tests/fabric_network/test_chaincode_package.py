"""The chaincode package and the external builder that unpacks it, run as a peer runs it."""

import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fabric_network import chaincode_package as module
from fabric_network import external_builder, material
from fabric_network.chaincode_package import chaincode_package, package_id
from fabric_network.errors import ContractDiffers, VersionUsed
from fabric_network.folder import NetworkFolder, renamed
from fabric_network.topology import Site, Topology
from ledger.fabric import contract_code_hash

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
GIVEN = {"address": "127.0.0.1:7060", "root_cert": PEM, "client_cert": PEM, "client_key": PEM}


def files_of(package: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        members = {name: archive.extractfile(name) for name in archive.getnames()}
        return {name: member.read() for name, member in members.items() if member is not None}


def run(step: str, *folders: Path, config: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {} if config is None else {"CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG": json.dumps(config)}
    command = [sys.executable, str(external_builder.__file__), step, *map(str, folders)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def unpacked(tmp_path: Path) -> tuple[Path, Path]:
    """The folders with a package's code and metadata, as a peer hands them to the builder."""
    files = files_of(chaincode_package(Topology()))
    source, metadata = tmp_path / "source", tmp_path / "metadata"
    source.mkdir()
    metadata.mkdir()
    (metadata / "metadata.json").write_bytes(files["metadata.json"])
    (source / "connection.json").write_bytes(files_of(files["code.tar.gz"])["connection.json"])
    return source, metadata


def test_the_package_is_the_same_for_every_organisation_site_and_time() -> None:
    machine, containers = Topology(), Topology(site=Site.CONTAINERS, base_port=9000, nr_orderers=5)
    assert chaincode_package(machine) == chaincode_package(containers)


def test_the_package_is_the_same_bytes_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "contract_code_hash", lambda: "0" * 64)
    topology = Topology()
    digest = "69507ec7e5d5b639a90e9bec1de1f9df57971fc01d2ec3b4dafcbe72acb33ecf"
    assert package_id(topology, chaincode_package(topology)) == f"energy-market_1.0:{digest}"


def test_other_code_and_other_founders_make_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, topology = chaincode_package(Topology()), Topology()
    approved = json.loads(files_of(files_of(ours)["code.tar.gz"])["contract.json"])
    assert approved == {"code": contract_code_hash(), "founders": ["CooperativeMSP", "UtilityMSP"]}
    assert chaincode_package(Topology(organisations=topology.organisations[:1])) != ours
    monkeypatch.setattr(module, "contract_code_hash", lambda: "0" * 64)
    assert chaincode_package(topology) != ours


def test_a_version_keeps_the_code_that_it_was_approved_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = NetworkFolder(tmp_path)
    material._write_package(Topology(), folder)
    material._write_package(Topology(), folder)
    monkeypatch.setattr(module, "contract_code_hash", lambda: "0" * 64)
    with pytest.raises(ContractDiffers, match="new version"):
        material._write_package(Topology(), folder)
    material._write_package(renamed(Topology(), "1.1"), folder)


def test_a_name_that_a_version_had_is_not_used_again() -> None:
    third = renamed(renamed(Topology(), "1.1"), "1.2")
    assert (third.chaincode_version, third.earlier_versions) == ("1.2", ("1.0", "1.1"))
    for used in ("1.0", "1.1", "1.2"):
        with pytest.raises(VersionUsed, match=used):
            renamed(third, used)


def test_every_version_has_a_package_id_of_its_own() -> None:
    ids = {
        package_id(topology, chaincode_package(topology))
        for topology in (Topology(chaincode_version=version) for version in ("1.0", "1.1", "2"))
    }
    assert len(ids) == 3


def test_the_label_names_chaincode_and_version() -> None:
    metadata = json.loads(files_of(chaincode_package(Topology(chaincode_version="1.7")))["metadata.json"])
    assert metadata == {"type": "ccaas", "label": "energy-market_1.7"}


def test_the_builder_accepts_the_package(unpacked: tuple[Path, Path]) -> None:
    assert run("detect", *unpacked).returncode == 0


def test_the_builder_leaves_packages_of_another_type_alone(unpacked: tuple[Path, Path]) -> None:
    source, metadata = unpacked
    (metadata / "metadata.json").write_text('{"type": "golang", "label": "x"}')
    refused = run("detect", source, metadata)
    assert refused.returncode == 1
    assert "golang, not ccaas" in refused.stderr


def test_the_builder_fills_in_what_the_peer_knows_and_keeps_the_key_to_itself(
    unpacked: tuple[Path, Path], tmp_path: Path
) -> None:
    built, released = tmp_path / "built", tmp_path / "released"
    built.mkdir()
    assert run("build", *unpacked, built, config=GIVEN).returncode == 0
    assert run("release", built, released).returncode == 0
    file = released / "chaincode" / "server" / "connection.json"
    connection = json.loads(file.read_text())
    assert {name: connection[name] for name in GIVEN} == GIVEN
    assert connection["client_auth_required"] is True
    assert not re.search(r"\{\{", file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_builder_names_what_the_peer_does_not_say(unpacked: tuple[Path, Path], tmp_path: Path) -> None:
    refused = run("build", *unpacked, tmp_path, config={"address": "127.0.0.1:7060"})
    assert refused.returncode == 1
    assert "asks for root_cert" in refused.stderr
