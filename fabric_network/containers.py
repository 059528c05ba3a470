"""A network as containers of docker compose: what the set-up containers run, and what the operator's one may do.

``python -m fabric_network.containers material`` comes before any node: certificates, the first block, and every node's
files on the node's own volume. ``set-up`` comes once the nodes are healthy: channel, contract, first operator. Both do
nothing the second time. Compose alone starts, stops and replaces containers; what only it can do is refused with the
command to type.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fabric_network.command_line import CommandLine
from fabric_network.errors import NetworkBusy, NetworkError, RunsInContainers
from fabric_network.folder import (
    NetworkFolder,
    described,
    empty,
    read_description,
    refuse_differences,
    remove,
    renamed,
    write_description,
)
from fabric_network.health import NetworkStatus
from fabric_network.material import prepare, shell_assignments
from fabric_network.programs import ProgramsMissing, fabric_programs
from fabric_network.setup import Operator, operator_of_key, set_up
from fabric_network.topology import Consensus, Node, Site, Topology
from fabric_network.waiting import for_each
from ledger import LedgerKind
from market_files import write_file

START = "docker compose up -d --wait"
_TIMEOUT_SECONDS = 2.0


def in_containers() -> bool:
    """Tell whether the market here is one of containers, and we run in one: ENERGY_MARKET_SITE says so there."""
    return Site(os.environ.get("ENERGY_MARKET_SITE", Site.MACHINE)) is Site.CONTAINERS


def leave_to_compose(instead: str) -> None:
    """Refuse in a container what is done from outside; raises RunsInContainers, which names the command to type."""
    if in_containers():
        raise RunsInContainers(f"this network's nodes are containers; outside, type `{instead}`")


class ComposeNetwork:
    """The network whose volumes are mounted below a home, each node reachable under its name."""

    def __init__(self, home: Path) -> None:
        self.folder = NetworkFolder(home.absolute() / "network")

    @property
    def topology(self) -> Topology:
        """The description of the network; raises NetworkMissing, UnusableTopology."""
        return read_description(self.folder)

    def status(self) -> NetworkStatus:
        """Ask every node how it is; raises NetworkMissing."""
        topology = self.topology
        listening = for_each(_listens, topology.nodes)
        running = {node.name: None for node, runs in zip(topology.nodes, listening, strict=True) if runs}
        return NetworkStatus.of(topology, self.folder, running)

    def wipe(self) -> None:
        """Delete the network with its ledger and keys, its containers being stopped; the volumes stay, empty.

        Raises
        ------
        NetworkBusy
            If a node runs.
        """
        if self.folder.topology.is_file():
            for node in self.topology.nodes:
                if _listens(node):
                    raise NetworkBusy(f"{node.name} is running; outside, type `docker compose stop` first")
        for volume in self.folder.volumes():
            empty(volume)
        # The description goes last: what is left of a wipe that was killed is still known to be a network.
        for path in (self.folder.authorities, self.folder.artifacts, self.folder.wanted, self.folder.topology):
            remove(path)


def _listens(node: Node) -> bool:
    """Tell whether a node's container runs; a stopped one's name leads nowhere."""
    try:
        socket.create_connection((node.host, node.port), timeout=_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True


app = typer.Typer(
    help="What the set-up containers of docker compose run.", no_args_is_help=True, pretty_exceptions_enable=False
)

_HOME = Path("/market")
_FOLDER = NetworkFolder(_HOME / "network")
_KEYS = _HOME / "keys"
_OPERATOR = "operator"
_PUBLIC_KEY = _HOME / "public" / "operator"
"""For whoever has to know the operator but must not sign as it."""
_CLI_ENVIRONMENT = _HOME / "public" / "environment"
"""Read by the operator's container: which ledger the market was last started on, and where its stores are mounted."""
_HOMES = {LedgerKind.FABRIC: _HOME, LedgerKind.EMBEDDED: _HOME / "embedded"}


@app.command()
def material(
    consensus: Annotated[Consensus, typer.Option(help="How the orderers agree.")] = Consensus.RAFT,
    orderers: Annotated[int, typer.Option(help="How many orderers.")] = 3,
    contract_version: Annotated[
        str, typer.Option(envvar="ENERGY_MARKET_CONTRACT_VERSION", help="The contract's version; a new one upgrades.")
    ] = "1.0",
) -> None:
    """Make what nodes and services need before they start, as far as it is missing."""
    _write_public(LedgerKind.FABRIC)
    wishes = {"site": Site.CONTAINERS, "consensus": consensus, "nr_orderers": orderers}
    topology = _agreed({**wishes, "chaincode_version": contract_version})
    prepare(CommandLine(fabric_programs(topology.release), topology, _FOLDER))
    typer.echo(f"material for {len(topology.nodes)} nodes is in {_FOLDER.root}")


@app.command()
def operator_key() -> None:
    """Make the operator's key, if there is none: all that an embedded ledger needs."""
    _write_public(LedgerKind.EMBEDDED)


@app.command("set-up")
def set_up_market() -> None:
    """Complete the set-up of a network whose nodes run."""
    topology = read_description(_FOLDER, wanted=True)
    set_up(CommandLine(fabric_programs(topology.release), topology, _FOLDER), _operator(), typer.echo)
    write_description(topology, _FOLDER)
    remove(_FOLDER.wanted)


@app.command()
def folders() -> None:
    """Make the folders that volumes are mounted on, so that a new volume belongs to their owner."""
    largest = Topology(site=Site.CONTAINERS, consensus=Consensus.BFT, nr_orderers=4)
    for node in largest.nodes:
        _FOLDER.node(node.name).root.mkdir(parents=True)
    for organisation in largest.organisations:
        _FOLDER.client(organisation).mkdir(parents=True)


def _agreed(wishes: dict[str, Any]) -> Topology:
    """Describe a new network, or return how this one is to be: the contract's version alone may change."""
    if not _FOLDER.topology.is_file():
        write_description(described(wishes), _FOLDER)
    present = read_description(_FOLDER)
    refuse_differences(present, {name: value for name, value in wishes.items() if name != "chaincode_version"})
    if wishes["chaincode_version"] == present.chaincode_version:
        remove(_FOLDER.wanted)
        return present
    wanted = renamed(present, wishes["chaincode_version"])
    write_description(wanted, _FOLDER, wanted=True)
    return wanted


def _write_public(ledger: LedgerKind) -> None:
    """Write down the operator's public key, and which ledger there is."""
    write_file(_PUBLIC_KEY, _operator().public_key.encode())
    settings = {"ENERGY_MARKET_LEDGER": ledger.value, "ENERGY_MARKET_HOME": str(_HOMES[ledger])}
    write_file(_CLI_ENVIRONMENT, shell_assignments(settings).encode())


def _operator() -> Operator:
    return operator_of_key(_OPERATOR, _KEYS / f"{_OPERATOR}.pem")


if __name__ == "__main__":
    try:
        app(prog_name="python -m fabric_network.containers")
    except (NetworkError, ProgramsMissing) as error:
        sys.exit(f"{error.code}: {error}")
