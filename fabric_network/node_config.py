"""What each node reads when it starts: orderer.yaml, core.yaml, and the environment of its process.

Fabric reads JSON as well as YAML, so the files are written as JSON.
"""

import json
from pathlib import Path
from typing import Any

from fabric_network.chaincode_package import chaincode_package, package_id
from fabric_network.compatibility import proposal_filters
from fabric_network.folder import NetworkFolder, NodeFolder
from fabric_network.topology import ContractHost, Node, Orderer, Peer, Site, Topology

BUILDER_VARIABLE = "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"
_BUILDER_OF_THE_IMAGE = Path("/opt/hyperledger/ccaas_builder")
_READABLE_LOGS = "info:grpc=error:gossip=warning"


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
        "authFilters": [{"name": name} for name in proposal_filters(topology.release)],
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
                "CHAINCODE_ID": package_id(topology, chaincode_package(topology)),
                "CHAINCODE_SERVER_ADDRESS": f"{node.listen_host}:{node.port}",
                "CHAINCODE_TLS_KEY": str(own.tls_key),
                "CHAINCODE_TLS_CERT": str(own.tls_certificate),
                "CHAINCODE_CLIENT_CA_CERT": str(own.tls_authority),
            }


def _filled_in(peer: Peer, topology: Topology, own: NodeFolder) -> dict[str, str]:
    """Return what the external builder fills into the package's connection.json for a peer."""
    return {
        "address": topology.chaincode_server_of(peer.organisation).address,
        "root_cert": own.tls_authority.read_text(),
        "client_cert": own.tls_certificate.read_text(),
        "client_key": own.tls_key.read_text(),
    }
