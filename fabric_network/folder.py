"""Where everything of a network stands on disk, and how the network was described when it was made.

A node's folder holds all that the node may see and nothing else, so that in containers each can be a volume of its own;
the authorities' keys stay in a folder that only the set-up reads.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fabric_network.errors import NetworkDiffers, NetworkMissing, UnusableTopology, VersionUsed
from fabric_network.topology import ORDERING, Node, Organisation, Topology
from market_files import write_file


@dataclass(frozen=True)
class NodeFolder:
    """One node's configuration, identity, certificates and data."""

    root: Path

    @property
    def config(self) -> Path:
        """Hold core.yaml or orderer.yaml: what FABRIC_CFG_PATH names."""
        return self.root / "config"

    @property
    def environment(self) -> Path:
        """Set a container's environment variables, read by its shell; holds a key."""
        return self.config / "environment"

    @property
    def msp(self) -> Path:
        """Hold the identity that the node signs with."""
        return self.root / "msp"

    @property
    def tls_certificate(self) -> Path:
        """Hold the certificate it shows, as a server and as a client."""
        return self.root / "tls" / "server.crt"

    @property
    def tls_key(self) -> Path:
        """Hold the private key of its TLS certificate."""
        return self.root / "tls" / "server.key"

    @property
    def tls_authority(self) -> Path:
        """Hold the certificate of the organisation's TLS authority."""
        return self.root / "tls" / "ca.crt"

    @property
    def data(self) -> Path:
        """Hold what it must not lose: the ledger."""
        return self.root / "data"


@dataclass(frozen=True)
class UserFolder:
    """One user's identity and TLS certificate, as cryptogen lays them out."""

    root: Path
    name: str

    @property
    def msp(self) -> Path:
        """Hold the identity that the user signs with."""
        return self.root / "msp"

    @property
    def certificate(self) -> Path:
        """Hold the certificate of that identity."""
        return self.msp / "signcerts" / f"{self.name}-cert.pem"

    @property
    def key(self) -> Path:
        """Hold its private key."""
        return self.msp / "keystore" / "priv_sk"

    @property
    def tls_certificate(self) -> Path:
        """Hold the certificate it shows to servers that want one."""
        return self.root / "tls" / "client.crt"

    @property
    def tls_key(self) -> Path:
        """Hold the private key of its TLS certificate."""
        return self.root / "tls" / "client.key"


@dataclass(frozen=True)
class NetworkFolder:
    """A network's folder; ``root`` is absolute."""

    root: Path

    @property
    def topology(self) -> Path:
        """Hold the description that the network was made from."""
        return self.root / "topology.json"

    @property
    def wanted(self) -> Path:
        """Hold the description as it is to be once a new version of the contract is committed; containers only."""
        return self.root / "wanted.json"

    @property
    def authorities(self) -> Path:
        """Hold what cryptogen made: every key of the network, the authorities' own included."""
        return self.root / "authorities"

    @property
    def artifacts(self) -> Path:
        """Hold the channel's first block and the chaincode's packages."""
        return self.root / "artifacts"

    @property
    def first_block(self) -> Path:
        """Hold the block that orderers and peers join the channel with."""
        return self.artifacts / "channel.block"

    def package(self, version: str) -> Path:
        """Return where the chaincode package of a version stands."""
        return self.artifacts / f"chaincode-{version}.tar.gz"

    @property
    def builder(self) -> Path:
        """Hold bin/detect, bin/build and bin/release: the external builder of peers on this machine."""
        return self.root / "builder"

    def node(self, name: str) -> NodeFolder:
        """Return a node's folder."""
        return NodeFolder(self.root / "nodes" / name)

    def log(self, name: str) -> Path:
        """Return the file that a node on this machine logs to."""
        return self.root / "logs" / f"{name}.log"

    def process(self, name: str) -> Path:
        """Return where the process of a node is noted."""
        return self.root / "processes" / f"{name}.json"

    def noted_processes(self) -> list[str]:
        """Name the nodes whose processes are noted."""
        return sorted(note.stem for note in (self.root / "processes").glob("*.json"))

    def client(self, organisation: Organisation) -> Path:
        """Return the folder with the connection profile, key and certificates of an organisation's client."""
        return self.root / "clients" / organisation.name

    def volumes(self) -> Iterator[Path]:
        """List the folders of nodes and clients that there are: what are volumes of their own in containers."""
        for group in (self.root / "nodes", self.root / "clients"):
            yield from group.iterdir() if group.is_dir() else ()

    def organisation(self, organisation: Organisation) -> Path:
        """Return an organisation's folder among the authorities."""
        kind = "ordererOrganizations" if organisation == ORDERING else "peerOrganizations"
        return self.authorities / kind / organisation.name

    def user(self, organisation: Organisation, name: str) -> UserFolder:
        """Return the folder of ``Admin``, or of ``User1``, the client."""
        full = f"{name}@{organisation.name}"
        return UserFolder(self.organisation(organisation) / "users" / full, full)

    def tls_authority(self, organisation: Organisation) -> Path:
        """Return the certificate of an organisation's TLS authority."""
        return self.organisation(organisation) / "tlsca" / f"tlsca.{organisation.name}-cert.pem"

    def issued(self, node: Node) -> Path:
        """Return the folder with what the authorities issued to a node."""
        kind = "orderers" if node.organisation == ORDERING else "peers"
        return self.organisation(node.organisation) / kind / node.name


def described(fields: Mapping[str, Any]) -> Topology:
    """Make a topology of fields that a user gave; raises UnusableTopology."""
    try:
        return Topology.model_validate(fields)
    except ValidationError as error:
        raise UnusableTopology(f"no network can be made so: {_first_problem(error)}") from None


def renamed(topology: Topology, version: str) -> Topology:
    """Describe a network with another version of the contract; raises VersionUsed, UnusableTopology."""
    used = (*topology.earlier_versions, topology.chaincode_version)
    if version in used:
        raise VersionUsed(f"the contract on this network was or is called {', '.join(used)}; choose another name")
    return described(topology.model_dump() | {"chaincode_version": version, "earlier_versions": used})


def read_description(folder: NetworkFolder, *, wanted: bool = False) -> Topology:
    """Read how the network was described, or is wanted to be; raises NetworkMissing, UnusableTopology."""
    file = folder.wanted if wanted and folder.wanted.is_file() else folder.topology
    try:
        return Topology.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise NetworkMissing(f"there is no network in {folder.root}; `energy-market network up` makes one") from None
    except ValidationError as error:
        raise UnusableTopology(f"{file} is not usable: {_first_problem(error)}") from None


def write_description(topology: Topology, folder: NetworkFolder, *, wanted: bool = False) -> None:
    """Keep a description: of what there is, or of what is wanted."""
    file = folder.wanted if wanted else folder.topology
    write_file(file, topology.model_dump_json(indent=2).encode() + b"\n")


def refuse_differences(topology: Topology, wishes: Mapping[str, Any]) -> None:
    """Compare a network with what somebody wants; raises NetworkDiffers."""
    differing = [name for name, value in wishes.items() if getattr(topology, name) != value]
    if differing:
        present = ", ".join(f"{name.replace('_', ' ')} {getattr(topology, name)}" for name in differing)
        raise NetworkDiffers(
            f"the network here was made with {present}; leave the option out, or start anew with "
            "`energy-market network wipe` (containers: `docker compose down -v`)"
        )


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


def copy_tree(source: Path, target: Path) -> None:
    """Copy every file below a folder; keys, which nobody else may read, stay so."""
    for file in source.rglob("*"):
        if file.is_file():
            write_file(target / file.relative_to(source), file.read_bytes(), file.stat().st_mode & 0o777)


def empty(folder: Path) -> None:
    """Remove all that is in a folder, if it is there, but not the folder: a volume may be mounted on it."""
    for path in folder.iterdir() if folder.is_dir() else ():
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
