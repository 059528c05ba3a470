"""How a network is, for people and programs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from fabric_protos.peer.lifecycle.lifecycle_pb2 import QueryChaincodeDefinitionArgs, QueryChaincodeDefinitionResult
from pydantic import BaseModel, ConfigDict

from fabric_network.errors import NotReady
from fabric_network.folder import NetworkFolder
from fabric_network.health import ask, gateway_obstacle, height_of, standing_obstacle
from fabric_network.topology import ContractHost, Node, Peer, Topology
from fabric_network.waiting import for_each
from ledger.fabric.gateway import Invocation


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
        healthy = {node.name for node in nodes if node.state is State.HEALTHY}
        peers = [peer for peer in topology.peers if peer.name in healthy]
        version = _contract_version(peers[0], topology, folder) if peers else None
        # What one node lacks hinders others: only where all are well the reason is the whole.
        obstacle = _market_obstacle(topology, folder) if len(healthy) == len(nodes) else None
        return cls(topology=topology, nodes=nodes, contract_version=version, obstacle=obstacle)


def _contract_version(peer: Peer, topology: Topology, folder: NetworkFolder) -> str | None:
    """Ask what the channel goes by."""
    name = QueryChaincodeDefinitionArgs(name=topology.chaincode).SerializeToString().decode()
    try:
        answer = ask(peer, topology, folder, Invocation("_lifecycle", "QueryChaincodeDefinition", (name,)))
    except NotReady:
        return None
    version: str = QueryChaincodeDefinitionResult.FromString(answer).version
    return version


def _market_obstacle(topology: Topology, folder: NetworkFolder) -> str | None:
    """Ask every gateway whether it finds endorsers, and the contract whether the market was founded."""
    found = for_each(lambda peer: gateway_obstacle(peer, topology, folder), topology.peers)
    obstacles = [obstacle for obstacle in found if obstacle is not None]
    if obstacles:
        return obstacles[0]
    try:
        ask(topology.peers[0], topology, folder, Invocation(topology.chaincode, "market"))
    except NotReady as failure:
        return f"the market cannot be asked: {failure}"
    return None


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
