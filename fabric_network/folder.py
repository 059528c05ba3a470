"""Where everything of a network stands on disk. Only paths, no reading or writing.

A node's folder holds all that the node may see and nothing else, so that in containers each can be a volume of its own;
the authorities' keys stay in a folder that only the set-up reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fabric_network.topology import ORDERING, Node, Organisation


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
