"""How a network is, for people and programs.

A node's word on itself, how many blocks it has, whether its gateway can serve; and the whole of it.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import grpc
import httpx
from fabric_protos.discovery import protocol_pb2, protocol_pb2_grpc
from fabric_protos.gateway.gateway_pb2 import EvaluateRequest
from fabric_protos.gateway.gateway_pb2_grpc import GatewayStub
from fabric_protos.peer import proposal_response_pb2
from fabric_protos.peer.lifecycle.lifecycle_pb2 import QueryChaincodeDefinitionArgs, QueryChaincodeDefinitionResult
from pydantic import BaseModel, ConfigDict

from fabric_network.configuration import CLIENT
from fabric_network.errors import NotReady
from fabric_network.folder import NetworkFolder
from fabric_network.topology import ContractHost, Node, Orderer, Peer, Topology
from fabric_network.waiting import for_each
from ledger.fabric.gateway import Invocation, SigningIdentity, propose

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


def standing_obstacle(node: Node, topology: Topology, folder: NetworkFolder) -> str | None:
    """Return why a node does not do its part in the market, None if it does.

    A node may be healthy by its own word and know no channel: in a network that is half made, say.
    """
    obstacle = obstacle_of(node, folder)
    if obstacle is not None or isinstance(node, ContractHost):
        return obstacle
    if height_of(node, topology) is None:
        return f"{node.name} has not joined channel {topology.channel}"
    return None


def answering_peers(topology: Topology, folder: NetworkFolder) -> list[Peer]:
    """Return the peers that are healthy."""
    obstacles = for_each(lambda peer: obstacle_of(peer, folder), topology.peers)
    return [peer for peer, obstacle in zip(topology.peers, obstacles, strict=True) if obstacle is None]


def one_of_each(topology: Topology, folder: NetworkFolder) -> list[Peer]:
    """Return a healthy peer of every organisation; raises NotReady if there is none of one."""
    answering = answering_peers(topology, folder)
    found = []
    for organisation in topology.organisations:
        peers = [peer for peer in answering if peer.organisation == organisation]
        if not peers:
            raise NotReady(f"no peer of {organisation.name} answers, and without it nothing is endorsed")
        found.append(peers[0])
    return found


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


def gateway_obstacle(peer: Peer, topology: Topology, folder: NetworkFolder) -> str | None:
    """Return why a peer's gateway cannot have transactions endorsed, None if it can."""
    request = _signed_question(peer, topology, folder)
    with _channel_to(peer, folder) as channel:
        try:
            answer = protocol_pb2_grpc.DiscoveryStub(channel).Discover(request, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return f"{peer.name} does not answer ({error.code().name})"
    result = answer.results[0]
    return f"{peer.name}: {result.error.content}" if result.HasField("error") else None


def ask(peer: Peer, topology: Topology, folder: NetworkFolder, question: Invocation) -> bytes:
    """Ask a chaincode through a peer's gateway, as its organisation's client; raises NotReady."""
    asked = propose(_client(peer, folder), topology.channel, question, datetime.now(UTC))
    request = EvaluateRequest(
        transaction_id=asked.transaction_id, channel_id=topology.channel, proposed_transaction=asked.signed
    )
    with _channel_to(peer, folder) as channel:
        try:
            payload: bytes = GatewayStub(channel).Evaluate(request, timeout=_TIMEOUT_SECONDS).result.payload
        except grpc.RpcError as error:
            raise NotReady(f"{peer.name} does not answer for {question.chaincode}: {error.details()}") from None
    return payload


def _signed_question(peer: Peer, topology: Topology, folder: NetworkFolder) -> protocol_pb2.SignedRequest:
    """Ask who may endorse a transaction of the contract, in the name of the organisation's client."""
    identity = _client(peer, folder)
    chaincode = proposal_response_pb2.ChaincodeCall(name=topology.chaincode)
    interest = proposal_response_pb2.ChaincodeInterest(chaincodes=[chaincode])
    query = protocol_pb2.Query(channel=topology.channel, cc_query=protocol_pb2.ChaincodeQuery(interests=[interest]))
    payload = protocol_pb2.Request(
        authentication=protocol_pb2.AuthInfo(client_identity=identity.creator), queries=[query]
    ).SerializeToString()
    return protocol_pb2.SignedRequest(payload=payload, signature=identity.sign(payload))


def _client(peer: Peer, folder: NetworkFolder) -> SigningIdentity:
    user = folder.user(peer.organisation, CLIENT)
    return SigningIdentity.read(peer.organisation.msp_id, user.certificate, user.key)


def _channel_to(peer: Peer, folder: NetworkFolder) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(folder.tls_authority(peer.organisation).read_bytes())
    return grpc.secure_channel(peer.address, credentials, options=[("grpc.enable_http_proxy", 0)])


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
