"""How a node is: what its operations endpoint says, how many blocks it has, whether its gateway can serve."""

import re
import socket
import ssl

import httpx

from fabric_network.folder import NetworkFolder
from fabric_network.topology import ContractHost, Node, Orderer, Peer, Topology

_TIMEOUT_SECONDS = 2.0


def obstacle_of(node: Node, folder: NetworkFolder) -> str | None:
    """Return why a node is not healthy, None if it is."""
    if isinstance(node, ContractHost):
        return _handshake_obstacle(node, folder)
    try:
        answer = httpx.get(f"{_operations(node)}/healthz", timeout=_TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return f"{node.name} does not answer ({type(error).__name__})"
    return None if answer.status_code == httpx.codes.OK else f"{node.name} says {answer.text.strip()}"


def height_of(node: Orderer | Peer, topology: Topology) -> int | None:
    """Return how many blocks of the channel a node has, None if it does not say."""
    try:
        answer = httpx.get(f"{_operations(node)}/metrics", timeout=_TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None
    gauge = re.escape(f'ledger_blockchain_height{{channel="{topology.channel}"}}')
    match = re.search(rf"^{gauge} ([0-9.e+]+)$", answer.text, re.MULTILINE)
    return int(float(match[1])) if match else None


def _operations(node: Orderer | Peer) -> str:
    return f"http://{node.host}:{node.operations_port}"


def _handshake_obstacle(server: ContractHost, folder: NetworkFolder) -> str | None:
    """Shake hands with a chaincode server as its peers do."""
    own = folder.node(server.name)
    context = ssl.create_default_context(cafile=own.tls_authority)
    context.load_cert_chain(own.tls_certificate, own.tls_key)
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((server.host, server.port), timeout=_TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=server.host),
        ):
            return None
    except OSError as error:
        return f"{server.name} does not answer ({error.strerror or error})"
