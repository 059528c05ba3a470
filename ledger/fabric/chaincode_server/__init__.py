"""A chaincode server in Python: chaincode as a service on Fabric's official protos.

It hosts any async callable ``contract(transaction, function, args) -> bytes`` and knows nothing of what it does::

    await serve(settings, contract)

Each peer that connects gets a stream of its own. On it many transactions are in flight at once, each as a task on a
worker thread's event loop, so that a transaction that computes for seconds does not keep the stream from answering.
"""

from ledger.fabric.chaincode_server.errors import ContractFailure, PeerGone, PeerRefusal
from ledger.fabric.chaincode_server.execution import Contract
from ledger.fabric.chaincode_server.identity import ClientIdentity
from ledger.fabric.chaincode_server.server import ChaincodeServer, serve
from ledger.fabric.chaincode_server.settings import ChaincodeServerSettings
from ledger.fabric.chaincode_server.transaction import ChaincodeTransaction, Modification, Page

__all__ = [
    "ChaincodeServer",
    "ChaincodeServerSettings",
    "ChaincodeTransaction",
    "ClientIdentity",
    "Contract",
    "ContractFailure",
    "Modification",
    "Page",
    "PeerGone",
    "PeerRefusal",
    "serve",
]
