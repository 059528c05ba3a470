"""The smallest contract there is beside the market's, to see what a bare transaction costs on the same network.

The chaincode servers' processes import it by CHAINCODE_CONTRACT.
"""

from collections.abc import Sequence

from ledger.fabric import market_contract
from ledger.fabric.chaincode_server import ChaincodeTransaction

PUT = "benchmark.put"


async def invoke(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    """Put one key, or do as the market does."""
    if function != PUT:
        return await market_contract(stub, function, args)
    key, value = args
    await stub.put(key, value.encode())
    return b""
