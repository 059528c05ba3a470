"""Where everything of a network stands on disk, and how the network was described when it was made.

A node's folder holds all that the node may see and nothing else, so that in containers each can be a volume of its own;
the authorities' keys stay in a folder that only the set-up reads.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fabric_network.errors import NetworkDiffers, NetworkMissing, UnusableTopology, VersionUsed
from fabric_network.topology import ORDERING, Node, Organisation, Topology
from market_files import write_file


class NodeFolder:
    """One node's configuration, identity, certificates and data.

    Attributes
    ----------
    config
        Holds core.yaml or orderer.yaml: what FABRIC_CFG_PATH names.
    environment
        Sets a container's environment variables, read by its shell; holds a key.
    msp
        The identity that the node signs with.
    tls_certificate, tls_key
        What it shows, as a server and as a client, and the private key of that.
    tls_authority
        The certificate of the organisation's TLS authority.
    data
        What it must not lose: the ledger.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config"
        self.environment = self.config / "environment"
        self.msp = root / "msp"
        self.tls_certificate = root / "tls" / "server.crt"
        self.tls_key = root / "tls" / "server.key"
        self.tls_authority = root / "tls" / "ca.crt"
        self.data = root / "data"


class UserFolder:
    """One user's identity and TLS certificate, as cryptogen lays them out.

    Attributes
    ----------
    msp
        The identity that the user signs with.
    certificate, key
        The certificate of that identity, and its private key.
    tls_certificate, tls_key
        What it shows to servers that want one, and the private key of that.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.msp = root / "msp"
        self.certificate = self.msp / "signcerts" / f"{name}-cert.pem"
        self.key = self.msp / "keystore" / "priv_sk"
        self.tls_certificate = root / "tls" / "client.crt"
        self.tls_key = root / "tls" / "client.key"


class NetworkFolder:
    """A network's folder; ``root`` is absolute.

    Attributes
    ----------
    topology
        The description that the network was made from.
    wanted
        The description as it is to be once a new version of the contract is committed; containers only.
    authorities
        What cryptogen made: every key of the network, the authorities' own included.
    artifacts
        The channel's first block and the chaincode's packages.
    first_block
        What orderers and peers join the channel with.
    builder
        Holds bin/detect, bin/build and bin/release: the external builder of peers on this machine.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.topology = root / "topology.json"
        self.wanted = root / "wanted.json"
        self.authorities = root / "authorities"
        self.artifacts = root / "artifacts"
        self.first_block = self.artifacts / "channel.block"
        self.builder = root / "builder"

    def package(self, version: str) -> Path:
        """Return where the chaincode package of a version stands."""
        return self.artifacts / f"chaincode-{version}.tar.gz"

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
