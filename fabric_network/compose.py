"""A Fabric network as containers of docker compose, seen from the operator's container among them.

Compose alone starts, stops and replaces containers; what only it can do is refused there, with the command to type.
"""

import socket
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from fabric_network.description import read_description
from fabric_network.errors import NetworkBusy, RunsInContainers
from fabric_network.files import empty, remove
from fabric_network.folder import NetworkFolder
from fabric_network.health import obstacle_of
from fabric_network.status import NetworkStatus, NodeStatus, State
from fabric_network.topology import Node, Site, Topology
from fabric_network.waiting import for_each

START = "docker compose up -d --wait"
_TIMEOUT_SECONDS = 2.0


class SiteSettings(BaseSettings):
    """From the environment: ENERGY_MARKET_SITE is ``containers`` in the operator's container."""

    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    site: Site = Site.MACHINE


def in_containers() -> bool:
    """Tell whether the market here is one of containers, and we run in one."""
    return SiteSettings().site is Site.CONTAINERS


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
        return NetworkStatus(topology=topology, nodes=tuple(for_each(self._status_of, topology.nodes)))

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
        for path in (self.folder.authorities, self.folder.artifacts, self.folder.topology):
            remove(path)

    def _status_of(self, node: Node) -> NodeStatus:
        state, obstacle = State.STOPPED, None
        if _listens(node):
            obstacle = obstacle_of(node, self.folder)
            state = State.HEALTHY if obstacle is None else State.UNHEALTHY
        return NodeStatus.of(node, self.topology, pid=None, state=state, obstacle=obstacle)


def _listens(node: Node) -> bool:
    """Tell whether a node's container runs; a stopped one's name leads nowhere."""
    try:
        socket.create_connection((node.host, node.port), timeout=_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
