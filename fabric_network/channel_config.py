"""The channel's configuration: who belongs to it, who orders its blocks and how; what configtxgen reads."""

from typing import Any

from fabric_network.compatibility import channel_capability
from fabric_network.folder import NetworkFolder
from fabric_network.topology import ORDERING, Consensus, Orderer, Organisation, Topology

PROFILE = "Market"

_MAX_BLOCK_TRANSACTIONS = 500
_MAX_BLOCK_SIZE = "10 MB"
_PREFERRED_BLOCK_SIZE = "2 MB"
_RAFT_OPTIONS = {
    "TickInterval": "100ms",  # a new leader after 1.1 to 1.4 s
    "ElectionTick": 10,
    "HeartbeatTick": 1,
    "MaxInflightBlocks": 5,
    "SnapshotIntervalSize": "16 MB",
}
_BFT_OPTIONS = {  # all have to be stated; those without a remark are Fabric's sample
    "RequestForwardTimeout": "2s",  # an orderer that is not the leader passes a transaction on after this at the latest
    "RequestComplainTimeout": "10s",
    "RequestAutoRemoveTimeout": "3m0s",
    "ViewChangeResendInterval": "5s",
    "ViewChangeTimeout": "20s",
    "LeaderHeartbeatTimeout": "5s",  # the sample's minute makes a change of leader last 25 s and more
    "LeaderHeartbeatCount": 10,
    "CollectTimeout": "1s",
    "IncomingMessageBufferSize": 200,
    "RequestPoolSize": 100_000,
}


def channel_config(topology: Topology, folder: NetworkFolder) -> dict[str, Any]:
    """Return configtx.yaml with one profile, :data:`PROFILE`."""
    return {
        "Profiles": {
            PROFILE: {
                "Policies": _rules("ANY Readers", "ANY Writers", "MAJORITY Admins"),
                "Capabilities": {channel_capability(topology.release): True},
                "Orderer": {
                    **_consensus(topology, folder),
                    "Organizations": [_ordering_organisation(topology, folder)],
                    "Policies": {
                        **_rules("ANY Readers", "ANY Writers", "MAJORITY Admins"),
                        "BlockValidation": _implied("ANY Writers"),
                    },
                    "Capabilities": {"V2_0": True},
                },
                "Application": {
                    "Organizations": [
                        _endorsing_organisation(organisation, topology, folder)
                        for organisation in topology.organisations
                    ],
                    "Policies": {
                        **_rules("ANY Readers", "ANY Writers", "MAJORITY Admins"),
                        "LifecycleEndorsement": _implied("MAJORITY Endorsement"),
                        "Endorsement": _implied("MAJORITY Endorsement"),
                    },
                    "Capabilities": {"V2_5": True},
                },
            }
        }
    }


def endorsement_policy(topology: Topology) -> str:
    """Return who has to endorse a transaction of the contract: a peer of every organisation."""
    return f"AND({','.join(_principal(organisation, 'peer') for organisation in topology.organisations)})"


def _consensus(topology: Topology, folder: NetworkFolder) -> dict[str, Any]:
    batches = {
        "BatchTimeout": f"{topology.batch_timeout_ms}ms",
        "BatchSize": {
            "MaxMessageCount": _MAX_BLOCK_TRANSACTIONS,
            "AbsoluteMaxBytes": _MAX_BLOCK_SIZE,
            "PreferredMaxBytes": _PREFERRED_BLOCK_SIZE,
        },
    }
    members = [_consenter(orderer, folder) for orderer in topology.orderers]
    if topology.consensus is Consensus.RAFT:
        return batches | {
            "OrdererType": "etcdraft",
            "EtcdRaft": {"Consenters": members, "Options": _RAFT_OPTIONS},
        }
    identities = [
        {
            "ID": number,
            "MSPID": orderer.organisation.msp_id,
            "Identity": str(folder.issued(orderer) / "msp" / "signcerts" / f"{orderer.name}-cert.pem"),
        }
        for number, orderer in enumerate(topology.orderers, start=1)
    ]
    return batches | {
        "OrdererType": "BFT",
        "ConsenterMapping": [identity | member for identity, member in zip(identities, members, strict=True)],
        "SmartBFT": _BFT_OPTIONS | {"RequestBatchMaxInterval": f"{topology.batch_timeout_ms}ms"},
    }


def _consenter(orderer: Orderer, folder: NetworkFolder) -> dict[str, Any]:
    certificate = str(folder.issued(orderer) / "tls" / "server.crt")
    return {
        "Host": orderer.host,
        "Port": orderer.port,
        "ClientTLSCert": certificate,
        "ServerTLSCert": certificate,
    }


def _ordering_organisation(topology: Topology, folder: NetworkFolder) -> dict[str, Any]:
    return {
        **_organisation(ORDERING, folder),
        "Policies": _signed_by(ORDERING, readers=("member",), writers=("member",)),
        "OrdererEndpoints": [orderer.address for orderer in topology.orderers],
    }


def _endorsing_organisation(organisation: Organisation, topology: Topology, folder: NetworkFolder) -> dict[str, Any]:
    policies = _signed_by(organisation, readers=("admin", "peer", "client"), writers=("admin", "client"))
    return {
        **_organisation(organisation, folder),
        "Policies": policies | {"Endorsement": _signature((_principal(organisation, "peer"),))},
        "AnchorPeers": [{"Host": peer.host, "Port": peer.port} for peer in topology.peers_of(organisation)],
    }


def _organisation(organisation: Organisation, folder: NetworkFolder) -> dict[str, Any]:
    return {
        "Name": organisation.msp_id,
        "ID": organisation.msp_id,
        "MSPDir": str(folder.organisation(organisation) / "msp"),
    }


def _signed_by(organisation: Organisation, *, readers: tuple[str, ...], writers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "Readers": _signature(tuple(_principal(organisation, role) for role in readers)),
        "Writers": _signature(tuple(_principal(organisation, role) for role in writers)),
        "Admins": _signature((_principal(organisation, "admin"),)),
    }


def _rules(readers: str, writers: str, admins: str) -> dict[str, Any]:
    return {"Readers": _implied(readers), "Writers": _implied(writers), "Admins": _implied(admins)}


def _implied(rule: str) -> dict[str, str]:
    return {"Type": "ImplicitMeta", "Rule": rule}


def _signature(principals: tuple[str, ...]) -> dict[str, str]:
    return {"Type": "Signature", "Rule": f"OR({','.join(principals)})"}


def _principal(organisation: Organisation, role: str) -> str:
    return f"'{organisation.msp_id}.{role}'"
