"""How a network is, for people and programs."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from fabric_network.health import height_of
from fabric_network.topology import ContractHost, Node, Topology


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

    @classmethod
    def of(cls, node: Node, topology: Topology, *, pid: int | None, state: State, obstacle: str | None) -> Self:
        """Put together what is known of a node, and ask it for its height if it is healthy."""
        height = None
        if state is State.HEALTHY and not isinstance(node, ContractHost):
            height = height_of(node, topology)
        return cls(
            name=node.name,
            organisation=node.organisation.msp_id,
            address=node.address,
            pid=pid,
            state=state,
            obstacle=obstacle,
            height=height,
        )


class NetworkStatus(BaseModel):
    """The network and all its nodes."""

    model_config = ConfigDict(frozen=True)

    topology: Topology
    nodes: tuple[NodeStatus, ...]

    @property
    def is_healthy(self) -> bool:
        """Tell whether every node is."""
        return all(node.state is State.HEALTHY for node in self.nodes)
