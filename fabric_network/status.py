"""How a network is, for people and programs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from fabric_network.command_line import CommandLine
from fabric_network.errors import NetworkError
from fabric_network.folder import NetworkFolder
from fabric_network.health import height_of, standing_obstacle
from fabric_network.lifecycle import Lifecycle
from fabric_network.programs import ProgramsMissing, fabric_programs
from fabric_network.setup import has_operator
from fabric_network.topology import ContractHost, Node, Topology
from fabric_network.waiting import for_each


class State(StrEnum):
    """What a node's process is doing."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"


class NodeStatus(BaseModel):
    """One node; ``height`` is its number of blocks, None where it has no ledger or does not say."""

    model_config = ConfigDict(frozen=True)

    name: str
    organisation: str
    address: str
    pid: int | None
    state: State
    obstacle: str | None
    """Why it is unhealthy."""
    height: int | None


class NetworkStatus(BaseModel):
    """The network and all its nodes."""

    model_config = ConfigDict(frozen=True)

    topology: Topology
    nodes: tuple[NodeStatus, ...]
    contract_version: str | None
    """What the channel's peers go by, whatever was wanted; None if none of them says."""
    obstacle: str | None
    """Why the whole does not serve although every node is healthy."""

    @property
    def is_healthy(self) -> bool:
        """Tell whether every node is, and the market can be used."""
        return self.obstacle is None and all(node.state is State.HEALTHY for node in self.nodes)

    @classmethod
    def of(cls, topology: Topology, folder: NetworkFolder, running: Mapping[str, int | None]) -> Self:
        """Ask every node how it is, and the network what it goes by.

        Parameters
        ----------
        running
            The nodes that there is somebody to ask at, by their names, with their pids where they are processes here.
        """
        nodes = tuple(for_each(lambda node: _node_status(node, topology, folder, running), topology.nodes))
        version, obstacle = None, None
        try:
            command_line = CommandLine(fabric_programs(topology.release), topology, folder)
            committed = Lifecycle(command_line).committed()
            version = None if committed is None else committed.version
            if all(node.state is State.HEALTHY for node in nodes):
                obstacle = None if has_operator(command_line) else "the market has no operator yet"
        except (NetworkError, ProgramsMissing) as failure:
            obstacle = str(failure)
        return cls(topology=topology, nodes=nodes, contract_version=version, obstacle=obstacle)


def _node_status(
    node: Node, topology: Topology, folder: NetworkFolder, running: Mapping[str, int | None]
) -> NodeStatus:
    runs = node.name in running
    obstacle = standing_obstacle(node, topology, folder) if runs else None
    return NodeStatus(
        name=node.name,
        organisation=node.organisation.msp_id,
        address=node.address,
        pid=running.get(node.name),
        state=State.STOPPED if not runs else State.UNHEALTHY if obstacle else State.HEALTHY,
        obstacle=obstacle,
        height=height_of(node, topology) if runs and not isinstance(node, ContractHost) else None,
    )
