'''A chaincode server in Python: chaincode as a service on Hyperledger Fabric's official protos.

It hosts any async function ``chaincode(transaction, function, args) -> bytes`` and knows nothing of what that does. A
chaincode may read keys one by one, many at once, by range, by page and by history; write; set the transaction's event;
and look at the client's identity with its attributes, the time it claims, and its transient data. Where peers take
batches (Fabric 3.1) reads and writes go in batches.

Each peer that connects gets a stream of its own. On it many transactions are in flight at once, each as a task on a
worker thread's event loop, so that a transaction that computes for seconds does not keep the stream from answering.

A program says ``asyncio.run(serve(ChaincodeServerSettings(), chaincode))``, with this one, for instance::

    async def chaincode(transaction: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        """Keep values under keys."""
        match function, args:
            case "set", [key, value]:
                await transaction.put(key, value.encode())
                return b""
            case "get", [key]:
                return await transaction.get(key) or b""
        raise ContractFailure(f"there is no function {function} of {len(args)} arguments")
'''

from ledger.fabric.chaincode_server.errors import ContractFailure, PeerGone, PeerRefusal
from ledger.fabric.chaincode_server.execution import Chaincode
from ledger.fabric.chaincode_server.server import ChaincodeServer, ChaincodeServerSettings, UnusableAddress, serve
from ledger.fabric.chaincode_server.transaction import ChaincodeTransaction, ClientIdentity, Modification, Page

__all__ = [
    "Chaincode",
    "ChaincodeServer",
    "ChaincodeServerSettings",
    "ChaincodeTransaction",
    "ClientIdentity",
    "ContractFailure",
    "Modification",
    "Page",
    "PeerGone",
    "PeerRefusal",
    "UnusableAddress",
    "serve",
]
