"""The one description of a Fabric network: who runs what, where it listens, how blocks are ordered.

Everything else, configuration files, certificates, connection profiles, is made from a :class:`Topology`, for processes
on this machine as well as for containers.
"""

import itertools
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fabric_network.programs import DEFAULT_RELEASE, Release, release_named

DEFAULT_BASE_PORT = 7050
DEFAULT_BATCH_TIMEOUT_MS = 10
"""Blocks are cut this long after their first transaction.

The queue puts all waiting commands into one transaction, so a block gains nothing by waiting for another one, and a
buyer's turn costs this time on top of some 20 ms of endorsing, ordering and committing.
"""
_SMALLEST_BFT = 4
"""3f + 1 orderers tolerate f dishonest ones."""


class Consensus(StrEnum):
    """How the orderers agree: Raft survives crashed ones, BFT dishonest ones too."""

    RAFT = "raft"
    BFT = "bft"


class Site(StrEnum):
    """Where the nodes run: as processes that share 127.0.0.1, or as containers with host names of their own."""

    MACHINE = "machine"
    CONTAINERS = "containers"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Organisation(_Part):
    """An organisation of the network; ``name`` is also its domain in certificates."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$")]

    @property
    def msp_id(self) -> str:
        """What Fabric calls it."""
        return f"{self.name.capitalize()}MSP"


class _Node(_Part):
    name: str
    """Unique in the network; in containers also the host name."""
    organisation: Organisation
    host: str
    """Where the others reach it."""
    listen_host: str
    port: int

    @property
    def address(self) -> str:
        """``host:port`` as the others dial it."""
        return f"{self.host}:{self.port}"

    @property
    def names_in_certificate(self) -> tuple[str, ...]:
        """What its TLS certificate is good for: other containers, and clients on this machine."""
        return (self.name, "localhost", "127.0.0.1")

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports it listens on."""
        return (self.port,)


class Orderer(_Node):
    """A node that puts transactions into blocks."""

    admin_port: int
    operations_port: int

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports it listens on."""
        return (self.port, self.admin_port, self.operations_port)


class Peer(_Node):
    """A node that endorses transactions and keeps a copy of the ledger."""

    chaincode_port: int
    """For chaincode that the peer starts itself; unused, but Fabric insists on listening."""
    operations_port: int

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports it listens on."""
        return (self.port, self.chaincode_port, self.operations_port)


class ContractHost(_Node):
    """The process that runs the contract for the peers of one organisation."""


Node = Orderer | Peer | ContractHost

ORDERING = Organisation(name="ordering")


class Topology(_Part):
    """A Fabric network. Raises pydantic's ValidationError if it cannot work."""

    site: Site = Site.MACHINE
    base_port: Annotated[int, Field(ge=1024, le=60000)] = DEFAULT_BASE_PORT
    """The first port on this machine; the nodes take it and those after it."""
    consensus: Consensus = Consensus.RAFT
    nr_orderers: Annotated[int, Field(ge=1, le=19)] = 3
    batch_timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = DEFAULT_BATCH_TIMEOUT_MS
    release_name: str = DEFAULT_RELEASE.name
    channel: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,60}$")] = "market"
    chaincode: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,60}$")] = "energy-market"
    chaincode_version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.]{0,30}$")] = "1.0"
    earlier_versions: tuple[str, ...] = ()
    """Those that the contract had before; their names are not used again."""
    organisations: Annotated[tuple[Organisation, ...], Field(min_length=1)] = (
        Organisation(name="cooperative"),
        Organisation(name="utility"),
    )
    """Those that endorse: the prosumers' cooperative and the utility that runs the grid."""
    peers_per_organisation: Annotated[int, Field(ge=1, le=9)] = 1

    @field_validator("release_name")
    @classmethod
    def _known_release(cls, name: str) -> str:
        return release_named(name).name

    @model_validator(mode="after")
    def _workable(self) -> Self:
        if self.consensus is Consensus.BFT and self.nr_orderers < _SMALLEST_BFT:
            raise ValueError(f"BFT needs at least {_SMALLEST_BFT} orderers")
        if self.consensus is Consensus.BFT and not self.release.knows_bft:
            raise ValueError(f"BFT needs Fabric {DEFAULT_RELEASE.name}; {self.release.name} knows Raft only")
        names = [ORDERING.name, *(organisation.name for organisation in self.organisations)]
        if len(set(names)) != len(names):
            raise ValueError("two organisations have the same name")
        return self

    @property
    def release(self) -> Release:
        """The release of Fabric whose programs run it."""
        return release_named(self.release_name)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All of them, in the order in which they are started."""
        places = _Places(self.site, self.base_port)
        orderers = [places.orderer(number) for number in range(1, self.nr_orderers + 1)]
        peers = [
            places.peer(owner, number)
            for owner in self.organisations
            for number in range(1, self.peers_per_organisation + 1)
        ]
        servers = [places.chaincode_server(owner) for owner in self.organisations]
        return (*orderers, *peers, *servers)

    @property
    def orderers(self) -> tuple[Orderer, ...]:
        """In the order of their numbers."""
        return tuple(node for node in self.nodes if isinstance(node, Orderer))

    @property
    def quorum(self) -> int:
        """How many orderers have to take part, lest nothing is ordered."""
        faulty = (self.nr_orderers - 1) // (3 if self.consensus is Consensus.BFT else 2)
        return self.nr_orderers - faulty

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Organisation after organisation."""
        return tuple(node for node in self.nodes if isinstance(node, Peer))

    @property
    def chaincode_servers(self) -> tuple[ContractHost, ...]:
        """One per endorsing organisation."""
        return tuple(node for node in self.nodes if isinstance(node, ContractHost))

    def node(self, name: str) -> Node | None:
        """Return the node of that name, None if there is none."""
        return next((node for node in self.nodes if node.name == name), None)

    def peers_of(self, organisation: Organisation) -> tuple[Peer, ...]:
        """Return one organisation's peers."""
        return tuple(peer for peer in self.peers if peer.organisation == organisation)

    def chaincode_server_of(self, organisation: Organisation) -> ContractHost:
        """Return the chaincode server that an organisation's peers ask."""
        return next(server for server in self.chaincode_servers if server.organisation == organisation)


class _Places:
    """Hands out hosts and ports: on one machine every port once, in containers the usual ones."""

    def __init__(self, site: Site, base_port: int) -> None:
        self._site = site
        self._next_port = itertools.count(base_port)

    def orderer(self, number: int) -> Orderer:
        return Orderer(
            **self._place(f"orderer{number}", ORDERING),
            port=self._port(7050),
            admin_port=self._port(7053),
            operations_port=self._port(9443),
        )

    def peer(self, owner: Organisation, number: int) -> Peer:
        return Peer(
            **self._place(f"{owner.name}-peer{number}", owner),
            port=self._port(7051),
            chaincode_port=self._port(7052),
            operations_port=self._port(9443),
        )

    def chaincode_server(self, owner: Organisation) -> ContractHost:
        return ContractHost(**self._place(f"{owner.name}-chaincode", owner), port=self._port(7060))

    def _place(self, name: str, owner: Organisation) -> dict[str, Any]:
        if self._site is Site.MACHINE:
            return {"name": name, "organisation": owner, "host": "127.0.0.1", "listen_host": "127.0.0.1"}
        own = "0.0.0.0"  # noqa: S104 - a container's own interfaces
        return {"name": name, "organisation": owner, "host": name, "listen_host": own}

    def _port(self, usual: int) -> int:
        return next(self._next_port) if self._site is Site.MACHINE else usual
