"""Real networks: set up, used, broken, completed, upgraded, removed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fabric_network import launcher
from fabric_network.command_line import CommandLine
from fabric_network.configuration import ADMIN
from fabric_network.errors import ContractDiffers, NotReady, OperatorDiffers, ProgramFailed, VersionUsed
from fabric_network.health import State
from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.programs import fabric_programs
from fabric_network.setup import Operator, invoke
from fabric_network.waiting import wait_until
from ledger.fabric.gateway import ContractRefused, FabricProfile, GatewayClient, Invocation

pytestmark = pytest.mark.fabric


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network that does not exist yet, on a home of its own; it is wiped in the end."""
    network = Network(tmp_path)
    yield network
    network.wipe()


def pids(network: Network) -> dict[str, int | None]:
    return {node.name: node.pid for node in network.status().nodes}


def heights(network: Network) -> dict[str, int | None]:
    return {node.name: node.height for node in network.status().nodes}


def is_level(network: Network) -> str | None:
    """Return what is wrong unless every orderer and peer has the same number of blocks."""
    found = {height for name, height in heights(network).items() if not name.endswith("-chaincode")}
    return None if len(found) == 1 and None not in found else f"heights {found}"


def missing(path: Path) -> str | None:
    return None if path.exists() else f"{path} is not there"


def ask(network: Network, peer_name: str, function: str, *arguments: str) -> Any:
    """Ask the contract through one peer."""
    topology = network.topology
    peer = next(peer for peer in topology.peers if peer.name == peer_name)
    command_line = CommandLine(fabric_programs(topology.release), topology, network.folder)
    question = json.dumps({"Args": [function, *arguments]})
    target = ("--channelID", topology.channel, "--name", topology.chaincode)
    return json.loads(command_line.peer(peer, "chaincode", "query", *target, "--ctor", question))


def operators_on(network: Network) -> list[list[str]]:
    """Return who the operators are, as each peer knows it."""
    return [ask(network, peer.name, "market")["operators"] for peer in network.topology.peers]


def run(network: Network, *words: str) -> str:
    """Run one of our commands as a user would, and return what it prints; it must not complain."""
    started = command(network, *words)
    output, complaints = started.communicate()
    assert (started.returncode, complaints) == (0, ""), output
    return output


def command(network: Network, *words: str) -> subprocess.Popen[str]:
    """Start one of our commands as a user would."""
    home = network.folder.root.parent
    return subprocess.Popen(
        [sys.executable, "-m", "operator_cli.main", "network", *words, "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_new_network_is_healthy_and_its_market_knows_the_operator(
    shared_network: Network, operator: Operator
) -> None:
    assert {node.state for node in shared_network.status().nodes} == {State.HEALTHY}
    assert operators_on(shared_network) == [[operator.id], [operator.id]]
    assert ask(shared_network, "utility-peer1", "prosumer", operator.id)["publicKey"] == operator.public_key


def test_every_private_key_is_its_owners_alone(shared_network: Network) -> None:
    root = shared_network.folder.root
    keys = [file for file in root.rglob("*") if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]
    assert len(keys) > 20
    assert {file.stat().st_mode & 0o777 for file in keys} == {0o600}


def test_the_connection_profiles_are_usable(shared_network: Network) -> None:
    for organisation in shared_network.topology.organisations:
        profile = FabricProfile.read(shared_network.profile(organisation))
        assert profile.msp_id == organisation.msp_id


def test_a_second_up_changes_nothing(shared_network: Network, operator: Operator) -> None:
    before = pids(shared_network), heights(shared_network)
    shared_network.up({}, operator)
    assert (pids(shared_network), heights(shared_network)) == before


def test_an_operator_with_another_key_is_refused(shared_network: Network, operator: Operator) -> None:
    with pytest.raises(OperatorDiffers, match="does not know operator"):
        shared_network.up({}, Operator(operator.id, "A" * 43 + "="))


def test_the_network_outlives_the_command_and_keeps_its_ledger_while_it_is_down(
    network: Network, operator: Operator
) -> None:
    output = run(network, "up", "--base-port", "0", "--batch-timeout", "20ms")
    assert str(network.profile()) in output
    assert network.topology.batch_timeout_ms == 20
    wait_until(lambda: is_level(network), "all nodes have all blocks")
    before = heights(network)
    run(network, "down")
    assert set(pids(network).values()) == {None}
    run(network, "up")
    wait_until(lambda: is_level(network), "all nodes have all blocks")
    assert heights(network) == before
    wiping = command(network, "wipe", "--yes")
    _, said = wiping.communicate()
    assert (wiping.returncode, said) == (0, f"This will delete the ledger and all keys in {network.folder.root}.\n")
    assert not network.folder.root.exists()


def test_set_up_goes_on_where_a_killed_one_stopped(network: Network, operator: Operator) -> None:
    note = network.folder.process("orderer1")
    for progress in (network.folder.authorities, note, "are on channel", "the contract is"):
        killed = command(network, "up", "--base-port", "0")
        assert killed.stdout is not None
        if isinstance(progress, Path):
            wait_until(partial(missing, progress), f"{progress} is there")
        else:
            assert any(progress in line for line in killed.stdout), killed.communicate()
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    run(network, "up")
    assert {node.state for node in network.status().nodes} == {State.HEALTHY}
    assert operators_on(network) == [["operator"], ["operator"]]
    assert not list(network.folder.root.rglob("*partial*"))


def test_of_two_ups_at_once_one_wins_and_the_other_says_so(network: Network) -> None:
    both = [command(network, "up", "--base-port", "0") for _ in range(2)]
    complaints = [started.communicate()[1] for started in both]
    assert sorted(started.returncode for started in both) == [0, 1]
    assert "NETWORK_BUSY" in "".join(complaints)
    assert {node.state for node in network.status().nodes} == {State.HEALTHY}


def test_killed_nodes_are_started_again_and_the_others_left_alone(network: Network, operator: Operator) -> None:
    network.up({"base_port": ANY_FREE_PORTS}, operator)
    before = pids(network)
    killed = {"orderer2", "utility-peer1", "cooperative-chaincode"}
    for name in killed:
        network.process(name).kill()
    assert {node.name for node in network.status().nodes if node.state is State.STOPPED} == killed
    network.up({}, operator)
    after = pids(network)
    assert {name for name in after if after[name] != before[name]} == killed
    assert operators_on(network) == [[operator.id], [operator.id]]


def test_one_node_can_be_restarted_paused_and_resumed(network: Network, operator: Operator) -> None:
    network.up({"base_port": ANY_FREE_PORTS}, operator)
    before = pids(network)
    network.restart("utility-peer1")
    assert {name for name, pid in pids(network).items() if pid != before[name]} == {"utility-peer1"}
    assert network.process("utility-peer1").send(signal.SIGSTOP)
    states = {node.name: node.state for node in network.status().nodes}
    assert states.pop("utility-peer1") is State.UNHEALTHY
    assert set(states.values()) == {State.HEALTHY}
    assert network.process("utility-peer1").send(signal.SIGCONT)
    gives_up_at = time.monotonic() + 60
    while not network.status().is_healthy:  # the other peers have to hear of it
        assert time.monotonic() < gives_up_at
        time.sleep(0.2)


def test_the_contract_is_replaced_on_a_running_market(network: Network, operator: Operator) -> None:
    network.up({"base_port": ANY_FREE_PORTS}, operator)
    before = pids(network)
    network.upgrade("1.1", operator)
    assert {name for name, pid in pids(network).items() if pid != before[name]} == {
        "cooperative-chaincode",
        "utility-chaincode",
    }
    assert network.topology.chaincode_version == network.status().contract_version == "1.1"
    assert operators_on(network) == [[operator.id], [operator.id]]
    with pytest.raises(VersionUsed, match=r"1\.0"):
        network.upgrade("1.0", operator)


def test_the_contract_is_replaced_while_one_orderer_is_stopped(network: Network, operator: Operator) -> None:
    network.up({"base_port": ANY_FREE_PORTS}, operator)
    network.process("orderer1").kill()
    network.upgrade("1.1", operator)
    assert network.status().contract_version == "1.1"
    assert operators_on(network) == [[operator.id], [operator.id]]
    network.up({}, operator)
    assert network.status().is_healthy


def test_a_replacement_that_is_not_committed_leaves_the_version_that_is(network: Network, operator: Operator) -> None:
    network.up({"base_port": ANY_FREE_PORTS}, operator)
    before = pids(network)
    network.process("orderer1").kill()
    network.process("orderer2").kill()
    with pytest.raises((NotReady, ProgramFailed)):
        network.upgrade("1.1", operator)
    status = network.status()
    assert (status.topology.chaincode_version, status.contract_version) == ("1.0", "1.0")
    network.up({}, operator)
    assert network.status().is_healthy
    assert {name for name, pid in pids(network).items() if pid != before[name]} == {"orderer1", "orderer2"}
    assert operators_on(network) == [[operator.id], [operator.id]]


def test_an_upgrade_that_was_killed_after_its_commit_is_named_and_completed(
    network: Network, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.up({"base_port": ANY_FREE_PORTS, "nr_orderers": 1}, operator)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "write_description", die)
    with pytest.raises(KeyboardInterrupt):
        network.upgrade("1.1", operator)
    monkeypatch.undo()
    with pytest.raises(ContractDiffers, match=r"upgrade 1\.1"):
        network.up({}, operator)
    network.upgrade("1.1", operator)
    assert network.status().is_healthy


async def test_only_an_administrator_of_an_organisation_founds_a_market(
    shared_network: Network, operator: Operator
) -> None:
    profile = FabricProfile.read(shared_network.profile())
    call = Invocation(profile.chaincode, "init", (operator.id, operator.public_key))
    async with GatewayClient(profile) as client:
        with pytest.raises(ContractRefused, match="FOUNDERS_ONLY"):
            await client.transact(call)
    admin = shared_network.folder.user(shared_network.topology.organisations[0], ADMIN)
    founder = profile.model_copy(update={"client_certificate": admin.certificate, "client_key": admin.key})
    async with GatewayClient(founder) as client:
        await client.transact(call)


def test_nodes_get_the_environment_they_are_given(tmp_path: Path, operator: Operator) -> None:
    network = Network(tmp_path, environment_of={"utility-chaincode": {"PYTHONHASHSEED": "7"}})
    try:
        network.up({"base_port": ANY_FREE_PORTS}, operator)
        environment = Path(f"/proc/{network.process('utility-chaincode').pid}/environ").read_bytes().split(b"\0")
        assert b"PYTHONHASHSEED=7" in environment
    finally:
        network.wipe()


@pytest.mark.parametrize("wishes", [{"consensus": "bft", "nr_orderers": 4}, {"release_name": "2.5", "nr_orderers": 1}])
def test_other_kinds_of_networks_boot_and_commit(network: Network, operator: Operator, wishes: dict[str, Any]) -> None:
    network.up(wishes | {"base_port": ANY_FREE_PORTS}, operator)
    assert operators_on(network) == [[operator.id], [operator.id]]


def test_bft_orders_transactions_without_one_of_four_orderers(network: Network, operator: Operator) -> None:
    network.up({"consensus": "bft", "nr_orderers": 4, "base_port": ANY_FREE_PORTS}, operator)
    network.process("orderer4").kill()
    command_line = CommandLine(fabric_programs(network.topology.release), network.topology, network.folder)
    before = heights(network)["utility-peer1"]
    assert before is not None
    invoke(command_line, "init", operator.id, operator.public_key)
    assert heights(network)["utility-peer1"] == before + 1
