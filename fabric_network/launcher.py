"""A Fabric network as processes on this machine, under ``<home>/network``."""

import secrets
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fabric_network.command_line import CommandLine, clean_environment
from fabric_network.configuration import node_environment
from fabric_network.errors import NetworkBusy, NodeFailed, NotReady, PortTaken, UnknownNode
from fabric_network.folder import (
    NetworkFolder,
    described,
    read_description,
    refuse_differences,
    remove,
    renamed,
    write_description,
)
from fabric_network.health import NetworkStatus, obstacle_of
from fabric_network.lifecycle import Lifecycle
from fabric_network.material import prepare
from fabric_network.processes import DetachedProcess
from fabric_network.programs import fabric_programs
from fabric_network.setup import Operator, Report, await_gateways, introduce, join_channel, set_up
from fabric_network.topology import ContractHost, Node, Orderer, Organisation, Peer, Topology
from fabric_network.waiting import for_each, wait_until
from ledger.fabric.gateway import PROFILE_NAME
from market_files import FileInUse, FileLock, private_home

ANY_FREE_PORTS = 0
"""As ``base_port``: let the launcher look for free ones."""
_LINGER_SECONDS = 2.0


class Network:
    """The network of one home; whatever it starts outlives the object and the program.

    Parameters
    ----------
    home
        The market's folder; the network is its subfolder ``network``.
    environment_of
        Further environment variables for nodes, by their names.
    """

    def __init__(self, home: Path, environment_of: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._home = home.absolute()
        self._environment_of = environment_of or {}
        self.folder = NetworkFolder(self._home / "network")

    @property
    def topology(self) -> Topology:
        """The description of the network; raises NetworkMissing, UnusableTopology."""
        return read_description(self.folder)

    def profile(self, organisation: Organisation | None = None) -> Path:
        """Return the connection profile of an organisation's client, of the first organisation by default."""
        return self.folder.client(organisation or self.topology.organisations[0]) / PROFILE_NAME

    def process(self, name: str) -> DetachedProcess:
        """Return a node's process; raises UnknownNode."""
        return self._process(self._node(name).name)

    def up(self, wishes: Mapping[str, Any], operator: Operator, report: Report = lambda _: None) -> Topology:
        """Make what is missing, start what does not run, and return when every gateway is ready.

        Parameters
        ----------
        wishes
            Fields of :class:`Topology`; what is not named is as it was, or the default for a new network.
            ``base_port`` may be :data:`ANY_FREE_PORTS`.

        Raises
        ------
        NetworkBusy, NetworkDiffers, UnusableTopology, PortTaken, NodeFailed, NotReady, ProgramFailed,
        ProgramsMissing, OperatorDiffers
        """
        with self._changing():
            topology = self._agreed(wishes)
            command_line = self._command_line(topology)
            prepare(command_line)
            report(f"starting {len(topology.nodes)} nodes, logs in {self.folder.root / 'logs'}")
            self._start_all(topology.nodes, command_line)
            set_up(command_line, operator, report)
        return topology

    def upgrade(self, version: str, operator: Operator, report: Report = lambda _: None) -> Topology:
        """Put another version of the contract, the one installed here now, in the place of the present one.

        Raises
        ------
        NetworkMissing
            And whatever :meth:`up` raises.
        """
        with self._changing():
            wanted = renamed(self.topology, version)
            command_line = self._command_line(wanted)
            prepare(command_line)
            if not any(self._process(orderer.name).pid for orderer in wanted.orderers):
                self._start_all((*wanted.orderers, *wanted.peers), command_line)
            join_channel(command_line, report)
            wanted = self._after_what_is_committed(wanted, command_line)
            command_line = self._command_line(wanted)
            self._replace_contract(command_line, report)
            write_description(wanted, self.folder)
            self._start_all(wanted.chaincode_servers, command_line)
            await_gateways(command_line)
            introduce(operator, command_line)
            report("every gateway is ready")
        return wanted

    def down(self) -> None:
        """Stop every node and keep its data; raises NetworkMissing, NetworkBusy, NodeFailed."""
        with self._changing():
            topology = self.topology
            for nodes in (topology.chaincode_servers, topology.peers, topology.orderers):
                for_each(lambda name: self._process(name).stop(), [node.name for node in nodes])

    def wipe(self) -> None:
        """Stop every node and delete the network with its ledger and keys; raises NetworkBusy, NodeFailed."""
        with self._changing():
            # By the notes about them, not by the description, which may be damaged or gone.
            for_each(lambda name: self._process(name).stop(), self.folder.noted_processes())
            remove(self.folder.root)

    def restart(self, name: str) -> None:
        """Stop one node and start it again; raises NetworkMissing, NetworkBusy, UnknownNode, NodeFailed, NotReady."""
        with self._changing():
            node = self._node(name)
            self._process(node.name).stop()
            self._start(node, self._command_line(self.topology))
            self._await(node)

    def status(self) -> NetworkStatus:
        """Ask every node how it is; raises NetworkMissing."""
        topology = self.topology
        running = {node.name: pid for node in topology.nodes if (pid := self._process(node.name).pid) is not None}
        return NetworkStatus.of(topology, self.folder, running)

    def _start_all(self, nodes: Sequence[Node], command_line: CommandLine) -> None:
        for node in nodes:
            self._start(node, command_line)
        for node in nodes:
            self._await(node)

    def _after_what_is_committed(self, wanted: Topology, command_line: CommandLine) -> Topology:
        """Write down a version that an interrupted upgrade committed, so that its name stays used.

        Returns
        -------
        What is wanted, after that version.
        """
        committed = Lifecycle(command_line).committed()
        if committed is None or committed.version in (*wanted.earlier_versions, wanted.chaincode_version):
            return wanted
        completed = renamed(self.topology, committed.version)
        write_description(completed, self.folder)
        return renamed(completed, wanted.chaincode_version)

    def _replace_contract(self, command_line: CommandLine, report: Report) -> None:
        """Make another version the channel's while the network runs; leaves the chaincode servers stopped.

        While it is committed they hold still: a peer that then looks for the new version must not find a server of the
        old one. Should the commit fail they go on.
        """
        topology, lifecycle = command_line.topology, Lifecycle(command_line)
        lifecycle.install_and_approve()
        report(f"version {topology.chaincode_version} is installed and approved while the present one serves")
        servers = [self._process(server.name) for server in topology.chaincode_servers]
        for server in servers:
            server.send(signal.SIGSTOP)
        try:
            lifecycle.commit()
            for_each(DetachedProcess.kill, servers)
        finally:
            for server in servers:
                server.send(signal.SIGCONT)

    def _agreed(self, wishes: Mapping[str, Any]) -> Topology:
        """Return the network there is if it is as wished, or describe a new one."""
        if not self.folder.topology.is_file():
            topology = _new_topology(wishes)
            self._refuse_taken_ports(topology)
            fabric_programs(topology.release)  # a network that nothing can run is not described
            write_description(topology, self.folder)
            return topology
        topology = self.topology
        wants_other_ports = wishes.get("base_port") != ANY_FREE_PORTS
        refuse_differences(topology, wishes if wants_other_ports else _without_base_port(wishes))
        self._refuse_taken_ports(topology)
        return topology

    def _refuse_taken_ports(self, topology: Topology) -> None:
        for node in topology.nodes:
            if self._process(node.name).pid is None and (ports := still_taken(node.ports)):
                raise PortTaken(
                    f"port {ports[0]}, which {node.name} needs, is taken by another process; end that one, or wipe the "
                    "network and make it with another --base-port (0: any that are free)"
                )

    def _command_line(self, topology: Topology) -> CommandLine:
        return CommandLine(fabric_programs(topology.release), topology, self.folder)

    def _node(self, name: str) -> Node:
        topology = self.topology
        node = topology.node(name)
        if node is None:
            names = ", ".join(known.name for known in topology.nodes)
            raise UnknownNode(f"the network has no node {name}; its nodes are {names}")
        return node

    def _process(self, name: str) -> DetachedProcess:
        return DetachedProcess(name, self.folder.process(name), self.folder.log(name))

    def _start(self, node: Node, command_line: CommandLine) -> None:
        commands: dict[type[Node], list[str | Path]] = {
            Orderer: [command_line.programs / "orderer"],
            Peer: [command_line.programs / "peer", "node", "start"],
            ContractHost: [sys.executable, "-m", "ledger.fabric.hosting"],
        }
        own = node_environment(node, command_line.topology, self.folder)
        environment = clean_environment() | own | dict(self._environment_of.get(node.name, {}))
        # A chaincode server of another version of the contract has to make room for ours.
        self._process(node.name).start(commands[type(node)], environment, purpose=own.get("CHAINCODE_ID", node.name))

    def _await(self, node: Node) -> None:
        """Wait until a node is healthy, but not for one that has ended."""
        process = self._process(node.name)

        def obstacle() -> str | None:
            failure = process.failure()
            if failure is not None:
                raise NodeFailed(f"{node.name} ended ({failure}); its log is {self.folder.log(node.name)}")
            return obstacle_of(node, self.folder)

        wait_until(obstacle, f"{node.name} is healthy")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep others from changing the network at the same time; raises NetworkBusy."""
        private_home(self._home)
        try:
            lock = FileLock.acquire(self._home / "network.lock")
        except FileInUse as taken:
            raise NetworkBusy(f"another command is changing this network: {taken}; try again when it is done") from None
        with lock:
            yield


def _new_topology(wishes: Mapping[str, Any]) -> Topology:
    if wishes.get("base_port") != ANY_FREE_PORTS:
        return described(wishes)
    topology = described(_without_base_port(wishes))
    nr_ports = sum(len(node.ports) for node in topology.nodes)
    return described({**wishes, "base_port": free_base_port(nr_ports)})


def _without_base_port(wishes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wishes.items() if name != "base_port"}


_LOWEST, _HIGHEST = 20_000, 32_000
"""Below the ports that Linux and macOS give to outgoing connections, which come and go."""
_ATTEMPTS = 200


def free_base_port(nr_ports: int) -> int:
    """Return the first of so many free ports in a row, somewhere; raises PortTaken if there are none."""
    for _ in range(_ATTEMPTS):
        base = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if all(is_free(port) for port in range(base, base + nr_ports)):
            return base
    raise PortTaken(f"found no {nr_ports} free ports in a row between {_LOWEST} and {_HIGHEST}")


def still_taken(ports: Sequence[int]) -> list[int]:
    """Return those ports that somebody listens on, and not only because its process, killed just now, is not all gone.

    A process counts as ended with its first thread; its ports are free with the last one.
    """
    taken: list[int] = []

    def obstacle() -> str | None:
        taken[:] = [port for port in ports if not is_free(port)]
        return f"port {taken[0]} is taken" if taken else None

    with suppress(NotReady):
        wait_until(obstacle, "the ports are free", _LINGER_SECONDS)
    return taken


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, or closed connections would count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
