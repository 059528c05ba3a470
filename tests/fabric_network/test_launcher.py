"""What the launcher decides before any of Fabric's programs runs. Needs no Fabric."""

import base64
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fabric_network import launcher
from fabric_network.command_line import CommandLine, clean_environment
from fabric_network.errors import (
    NetworkBusy,
    NetworkDiffers,
    NetworkMissing,
    PortTaken,
    ProgramFailed,
    UnknownNode,
    UnusableKey,
    UnusableTopology,
    VersionUsed,
)
from fabric_network.folder import NetworkFolder
from fabric_network.launcher import Network, free_base_port, is_free, still_taken
from fabric_network.lifecycle import Definition
from fabric_network.programs import ProgramsMissing
from fabric_network.setup import Operator, operator_of_key
from fabric_network.topology import Topology
from market_files import FileLock, write_file
from operator_cli.network_commands import app, milliseconds

OPERATOR = Operator("operator", base64.b64encode(bytes(32)).decode())


@pytest.fixture
def described(tmp_path: Path) -> Network:
    """A network that was described and never started."""
    network = Network(tmp_path)
    write_file(network.folder.topology, Topology(base_port=free_base_port(30)).model_dump_json().encode())
    return network


def test_without_a_network_every_command_says_how_to_make_one(tmp_path: Path) -> None:
    network = Network(tmp_path)
    for question in (network.status, network.down, lambda: network.restart("orderer1"), lambda: network.topology):
        with pytest.raises(NetworkMissing, match="network up"):
            question()


def test_wiping_where_there_is_no_network_does_nothing(tmp_path: Path) -> None:
    Network(tmp_path).wipe()
    assert not (tmp_path / "network").exists()


def test_a_wipe_stops_nodes_also_where_the_description_is_gone(described: Network) -> None:
    node = described.process("orderer1")
    node.start(["/bin/sleep", "600"], {})
    described.folder.topology.unlink()
    described.wipe()
    assert node.pid is None
    assert not described.folder.root.exists()


def test_whoever_comes_second_is_told_who_is_at_work(described: Network, tmp_path: Path) -> None:
    with FileLock.acquire(tmp_path / "network.lock"):
        for change in (described.down, described.wipe, lambda: described.up({}, OPERATOR)):
            with pytest.raises(NetworkBusy, match=f"process {os.getpid()}"):
                change()


def test_whoever_changes_a_network_closes_its_home_to_others(described: Network, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    described.down()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"nr_orderers": 5}, "nr orderers 3"),
        ({"consensus": "bft", "batch_timeout_ms": 10}, "consensus raft"),
        ({"release_name": "2.5"}, "release name 3.1"),
    ],
)
def test_an_existing_network_is_not_changed_by_other_options(
    described: Network, wishes: dict[str, Any], said: str
) -> None:
    before = described.topology
    with pytest.raises(NetworkDiffers, match=said):
        described.up(wishes, OPERATOR)
    assert described.topology == before


def test_a_network_that_cannot_work_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UnusableTopology, match="at least 4 orderers"):
        Network(tmp_path).up({"consensus": "bft", "nr_orderers": 3, "base_port": 0}, OPERATOR)
    assert not (tmp_path / "network").exists()


def test_a_taken_port_is_named_with_the_node_that_needs_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}, which orderer1 needs"):
            Network(tmp_path).up({"base_port": port}, OPERATOR)
    assert not (tmp_path / "network").exists()


def test_a_port_that_a_killed_process_frees_a_moment_later_is_not_taken() -> None:
    other = socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]
    threading.Timer(0.2, other.close).start()
    assert still_taken([port]) == []


def test_missing_programs_are_named_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_MARKET_FABRIC_BIN", str(tmp_path))
    with pytest.raises(ProgramsMissing, match="lacks configtxgen, cryptogen"):
        Network(tmp_path).up({"base_port": 0}, OPERATOR)
    assert not (tmp_path / "network").exists()


def test_a_description_that_is_damaged_is_named(described: Network) -> None:
    described.folder.topology.write_text('{"nr_orderers": "many"}')
    with pytest.raises(UnusableTopology, match=r"topology\.json is not usable: nr_orderers"):
        _ = described.topology


def test_an_unknown_node_is_answered_with_the_known_ones(described: Network) -> None:
    with pytest.raises(UnknownNode, match=r"no node orderer9; its nodes are orderer1, .*utility-chaincode"):
        described.restart("orderer9")


def test_a_version_of_an_interrupted_upgrade_stays_used(described: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = ["1.0"]

    class Channel:
        def __init__(self, _: CommandLine) -> None: ...

        def committed(self) -> Definition:
            return Definition(committed[-1], len(committed))

    def replace(_: Network, command_line: CommandLine, __: object) -> None:
        committed.append(command_line.topology.chaincode_version)

    monkeypatch.setattr(launcher, "Lifecycle", Channel)
    monkeypatch.setattr(launcher, "fabric_programs", lambda _: Path())
    monkeypatch.setattr(Network, "_replace_contract", replace)
    monkeypatch.setattr(Network, "_start_all", lambda *_: None)
    for step in ("prepare", "join_channel", "await_gateways", "introduce"):
        monkeypatch.setattr(launcher, step, lambda *_: None)
    with monkeypatch.context() as killed:
        killed.setattr(launcher, "write_description", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            described.upgrade("1.1", OPERATOR)

    assert described.upgrade("1.2", OPERATOR).earlier_versions == ("1.0", "1.1")
    with pytest.raises(VersionUsed, match=r"1\.0, 1\.1, 1\.2"):
        described.upgrade("1.1", OPERATOR)
    assert committed == ["1.0", "1.1", "1.2"]


def test_the_status_of_a_network_that_is_down_shows_every_node_stopped(described: Network, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["status", "--json", "--home", str(tmp_path)])
    nodes = json.loads(answer.stdout)["nodes"]
    assert answer.exit_code == 1
    assert [(node["name"], node["state"]) for node in nodes] == [
        (node.name, "stopped") for node in described.topology.nodes
    ]


@settings(deadline=None)
@given(st.integers(0, 999_999))
def test_durations_are_read_in_seconds_and_milliseconds(number: int) -> None:
    assert milliseconds(f"{number}ms") == number
    assert milliseconds(f"{number}s") == 1000 * number


@pytest.mark.parametrize("text", ["", "10", "ms", "-1s", "1.5s", "1 minute"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UnusableTopology, match="50ms or 2s"):
        milliseconds(text)


def test_a_failing_program_says_why(tmp_path: Path) -> None:
    program = tmp_path / "peer"
    program.write_text(
        "#!/bin/sh\necho '2026-01-01 10:00:00 WARN noise' >&2\necho 'Error: no such channel' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    command_line = CommandLine(tmp_path, Topology(), NetworkFolder(tmp_path))
    with pytest.raises(ProgramFailed, match="`peer channel list` failed: Error: no such channel"):
        command_line.run("peer", "channel", "list")


def test_variables_that_would_override_configuration_files_do_not_reach_fabric(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CORE_PEER_ADDRESS", "ORDERER_GENERAL_LISTENPORT", "FABRIC_CFG_PATH", "CHAINCODE_ID"):
        monkeypatch.setenv(name, "elsewhere")
    assert "elsewhere" not in clean_environment().values()
    assert clean_environment()["PATH"] == os.environ["PATH"]


def test_the_operators_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "operator.pem"
    first = operator_of_key("operator", file)
    assert operator_of_key("operator", file) == first
    assert len(base64.b64decode(first.public_key)) == 32
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_key_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "operator.pem"
    file.write_text("not a key")
    with pytest.raises(UnusableKey, match=r"operator\.pem"):
        operator_of_key("operator", file)
    assert file.read_text() == "not a key"


def test_an_operators_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "operator.pem"
    operator_of_key("operator", file)
    file.chmod(0o640)
    with pytest.raises(UnusableKey, match="mode 0640"):
        operator_of_key("operator", file)


def test_free_ports_are_free_and_taken_ones_are_found() -> None:
    base = free_base_port(3)
    assert all(is_free(port) for port in range(base, base + 3))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert still_taken([port]) == [port]
