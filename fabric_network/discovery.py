"""Whether a peer's gateway can find endorsers: asked of the peer's discovery service, which the gateway uses itself.

A peer that was started a moment ago does not know the other organisation's peers yet, and its gateway refuses
transactions with FAILED_PRECONDITION.
"""

from pathlib import Path

import grpc
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from fabric_protos.discovery import protocol_pb2, protocol_pb2_grpc
from fabric_protos.msp import identities_pb2
from fabric_protos.peer import proposal_response_pb2

from fabric_network.certificates import CLIENT
from fabric_network.folder import NetworkFolder
from fabric_network.topology import Peer, Topology

_TIMEOUT_SECONDS = 2.0
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def gateway_obstacle(peer: Peer, topology: Topology, folder: NetworkFolder) -> str | None:
    """Return why a peer's gateway cannot have transactions endorsed, None if it can."""
    credentials = grpc.ssl_channel_credentials(folder.tls_authority(peer.organisation).read_bytes())
    request = _signed_question(peer, topology, folder)
    with grpc.secure_channel(peer.address, credentials, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = protocol_pb2_grpc.DiscoveryStub(channel).Discover(request, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return f"{peer.name} does not answer ({error.code().name})"
    result = answer.results[0]
    return f"{peer.name}: {result.error.content}" if result.HasField("error") else None


def _signed_question(peer: Peer, topology: Topology, folder: NetworkFolder) -> protocol_pb2.SignedRequest:
    """Ask who may endorse a transaction of the contract, in the name of the organisation's client."""
    user = folder.user(peer.organisation, CLIENT)
    identity = identities_pb2.SerializedIdentity(
        mspid=peer.organisation.msp_id, id_bytes=user.certificate.read_bytes()
    ).SerializeToString()
    chaincode = proposal_response_pb2.ChaincodeCall(name=topology.chaincode)
    interest = proposal_response_pb2.ChaincodeInterest(chaincodes=[chaincode])
    query = protocol_pb2.Query(channel=topology.channel, cc_query=protocol_pb2.ChaincodeQuery(interests=[interest]))
    payload = protocol_pb2.Request(
        authentication=protocol_pb2.AuthInfo(client_identity=identity), queries=[query]
    ).SerializeToString()
    return protocol_pb2.SignedRequest(payload=payload, signature=_signature(payload, user.key))


def _signature(message: bytes, key_file: Path) -> bytes:
    """Sign with ECDSA; of the two valid signatures Fabric takes only the one with the smaller s."""
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{key_file} holds no ECDSA key")
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return encode_dss_signature(r, min(s, _P256_ORDER - s))
