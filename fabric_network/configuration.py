"""What Fabric's programs read: cryptogen, configtxgen, orderers, peers, and chaincode servers in their environment.

Fabric reads JSON as well as YAML, so all of it is written as JSON.
"""

import json
import os
from pathlib import Path
from typing import Any

from fabric_network.chaincode_package import chaincode_package, founders, package_id
from fabric_network.folder import NetworkFolder, NodeFolder
from fabric_network.topology import ORDERING, Consensus, ContractHost, Node, Orderer, Organisation, Peer, Site, Topology
from ledger.fabric import FOUNDERS_VARIABLE

ADMIN = "Admin"
CLIENT = "User1"
"""cryptogen's name for the first user; the queue signs transactions as it."""

PROFILE = "Market"

CLOCK_DIFFERENCE_VARIABLE = "CHAINCODE_MAX_CLOCK_DIFFERENCE_S"
"""What an operator may tell chaincode servers; whatever else is in our environment is not for them."""

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

BUILDER_VARIABLE = "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"
_BUILDER_OF_THE_IMAGE = Path("/opt/hyperledger/ccaas_builder")
_READABLE_LOGS = "info:grpc=error:gossip=warning"


def crypto_config(topology: Topology) -> dict[str, Any]:
    """Return the configuration of ``cryptogen generate``."""
    by_organisation = {
        organisation: [node for node in topology.nodes if node.organisation == organisation]
        for organisation in (ORDERING, *topology.organisations)
    }
    organisations = {owner: _certified(owner, nodes) for owner, nodes in by_organisation.items()}
    return {
        "OrdererOrgs": [organisations.pop(ORDERING)],
        "PeerOrgs": list(organisations.values()),
    }


def _certified(owner: Organisation, nodes: list[Node]) -> dict[str, Any]:
    return {
        "Name": owner.name,
        "Domain": owner.name,
        "EnableNodeOUs": True,  # roles stand in the certificates
        "Specs": [
            {"Hostname": node.name, "CommonName": node.name, "SANS": list(node.names_in_certificate)} for node in nodes
        ],
        "Users": {"Count": 1},
    }


def channel_config(topology: Topology, folder: NetworkFolder) -> dict[str, Any]:
    """Return configtx.yaml with one profile, :data:`PROFILE`."""
    return {
        "Profiles": {
            PROFILE: {
                "Policies": _rules("ANY Readers", "ANY Writers", "MAJORITY Admins"),
                "Capabilities": {topology.release.channel_capability: True},
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


def orderer_config(orderer: Orderer, folder: NodeFolder) -> dict[str, Any]:
    """Return orderer.yaml."""
    tls = {
        "Enabled": True,
        "PrivateKey": str(folder.tls_key),
        "Certificate": str(folder.tls_certificate),
        "RootCAs": [str(folder.tls_authority)],
    }
    return {
        "General": {
            "ListenAddress": orderer.listen_host,
            "ListenPort": orderer.port,
            "TLS": tls,
            "Cluster": {"ClientCertificate": str(folder.tls_certificate), "ClientPrivateKey": str(folder.tls_key)},
            "LocalMSPID": orderer.organisation.msp_id,
            "LocalMSPDir": str(folder.msp),
            "BootstrapMethod": "none",  # 2.5 needs to be told that channels are joined, 3.1 knows no other way
            "Keepalive": {"ServerMinInterval": "10s"},
        },
        "FileLedger": {"Location": str(folder.data / "ledger")},
        "Consensus": {"WALDir": str(folder.data / "wal"), "SnapDir": str(folder.data / "snapshots")},
        "ChannelParticipation": {"Enabled": True, "MaxRequestBodySize": "1 MB"},
        "Admin": {
            "ListenAddress": f"{orderer.listen_host}:{orderer.admin_port}",
            "TLS": tls | {"ClientAuthRequired": True, "ClientRootCAs": [str(folder.tls_authority)]},
        },
        "Operations": {"ListenAddress": f"{orderer.listen_host}:{orderer.operations_port}"},
        "Metrics": {"Provider": "prometheus"},
    }


def core_config(peer: Peer, topology: Topology, folder: NetworkFolder) -> dict[str, Any]:
    """Return core.yaml, which serves the peer and the command line that speaks to it."""
    own = folder.node(peer.name)
    builder = folder.builder if topology.site is Site.MACHINE else _BUILDER_OF_THE_IMAGE
    return {
        "peer": {
            "id": peer.name,
            "networkId": topology.channel,
            "localMspId": peer.organisation.msp_id,
            "mspConfigPath": str(own.msp),
            "listenAddress": f"{peer.listen_host}:{peer.port}",
            "address": peer.address,
            "chaincodeListenAddress": f"{peer.listen_host}:{peer.chaincode_port}",
            "fileSystemPath": str(own.data),
            "tls": _peer_tls(own),
            "BCCSP": {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}},
            "keepalive": {"minInterval": "10s"},
            "gateway": {"enabled": True, "endorsementTimeout": "30s", "broadcastTimeout": "10s", "dialTimeout": "10s"},
            "gossip": _gossip(peer, topology),
            # Fabric's default lets the pauses between two attempts grow to an hour: far too long after the
            # orderers were away.
            "deliveryclient": {"reConnectBackoffThreshold": "2s", "reconnectTotalTimeThreshold": "3600s"},
            "discovery": {"enabled": True, "authCacheEnabled": True, "authCacheMaxSize": 1000},
            "handlers": _handlers(topology),
            "limits": {"concurrency": {"endorserService": 2500, "deliverService": 2500, "gatewayService": 500}},
        },
        "vm": {"endpoint": ""},  # no Docker: chaincode runs as a service
        "chaincode": _chaincode(builder),
        "ledger": {
            "state": {"stateDatabase": "goleveldb", "totalQueryLimit": 100_000},
            "history": {"enableHistoryDatabase": True},
            "snapshots": {"rootDir": str(own.data / "snapshots")},
        },
        "operations": {"listenAddress": f"{peer.listen_host}:{peer.operations_port}"},
        "metrics": {"provider": "prometheus"},
    }


def _peer_tls(own: NodeFolder) -> dict[str, Any]:
    return {
        "enabled": True,
        "cert": {"file": str(own.tls_certificate)},
        "key": {"file": str(own.tls_key)},
        "rootcert": {"file": str(own.tls_authority)},
    }


def _handlers(topology: Topology) -> dict[str, Any]:
    return {
        "authFilters": [{"name": name} for name in topology.release.proposal_filters],
        "decorators": [{"name": "DefaultDecorator"}],
        "endorsers": {"escc": {"name": "DefaultEndorsement"}},
        "validators": {"vscc": {"name": "DefaultValidation"}},
    }


def _gossip(peer: Peer, topology: Topology) -> dict[str, Any]:
    return {
        "bootstrap": [other.address for other in topology.peers_of(peer.organisation)],
        "endpoint": peer.address,
        "externalEndpoint": peer.address,
        "orgLeader": True,
        "useLeaderElection": False,
        # With Fabric's defaults (4 s, 4 s, 5 s, 25 s) the gateway knows the other organisation only after 25 s.
        "publishStateInfoInterval": "500ms",
        "requestStateInfoInterval": "500ms",
        "aliveTimeInterval": "1s",
        "reconnectInterval": "2s",
        "pvtData": {"pushAckTimeout": "3s"},
        "state": {"enabled": False},
    }


def _chaincode(builder: Path) -> dict[str, Any]:
    return {
        "externalBuilders": [
            {"name": "ccaas_builder", "path": str(builder), "propagateEnvironment": [BUILDER_VARIABLE]}
        ],
        "system": {"_lifecycle": "enable", "cscc": "enable", "lscc": "enable", "qscc": "enable"},
        "installTimeout": "60s",
        "startuptimeout": "10s",  # a chaincode server that serves another version must not hold calls up for minutes
        "executetimeout": "30s",
        "runtimeParams": {
            "useWriteBatch": True,
            "maxSizeWriteBatch": 1000,
            "useGetMultipleKeys": True,
            "maxSizeGetMultipleKeys": 1000,
        },
    }


def node_environment(node: Node, topology: Topology, folder: NetworkFolder) -> dict[str, str]:
    """Return the environment variables that a node's process needs; reads a peer's TLS files."""
    own = folder.node(node.name)
    match node:
        case Orderer():
            return {"FABRIC_CFG_PATH": str(own.config), "FABRIC_LOGGING_SPEC": _READABLE_LOGS}
        case Peer():
            return {
                "FABRIC_CFG_PATH": str(own.config),
                "FABRIC_LOGGING_SPEC": _READABLE_LOGS,
                BUILDER_VARIABLE: json.dumps(_filled_in(node, topology, own)),
            }
        case ContractHost():
            return {
                FOUNDERS_VARIABLE: ",".join(founders(topology)),
                "CHAINCODE_ID": package_id(topology, chaincode_package(topology)),
                "CHAINCODE_SERVER_ADDRESS": f"{node.listen_host}:{node.port}",
                "CHAINCODE_TLS_KEY": str(own.tls_key),
                "CHAINCODE_TLS_CERT": str(own.tls_certificate),
                "CHAINCODE_CLIENT_CA_CERT": str(own.tls_authority),
                **{name: value for name, value in os.environ.items() if name == CLOCK_DIFFERENCE_VARIABLE},
            }


def _filled_in(peer: Peer, topology: Topology, own: NodeFolder) -> dict[str, str]:
    """Return what the external builder fills into the package's connection.json for a peer."""
    return {
        "address": topology.chaincode_server_of(peer.organisation).address,
        "root_cert": own.tls_authority.read_text(),
        "client_cert": own.tls_certificate.read_text(),
        "client_key": own.tls_key.read_text(),
    }
