"""The market's contract on Hyperledger Fabric: gateway client, chaincode server, and the ledger made of both.

Gateway client and chaincode server have doors of their own; what brings the market in is loaded when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.fabric.contract import FOUNDERS_VARIABLE, contract_code_hash, market_contract
    from ledger.fabric.ledger import profile_of
    from ledger.fabric.verification import FabricVerification, verify_network

__all__ = [
    "FOUNDERS_VARIABLE",
    "FabricVerification",
    "contract_code_hash",
    "market_contract",
    "profile_of",
    "verify_network",
]

_MODULES = {
    "FOUNDERS_VARIABLE": "contract",
    "FabricVerification": "verification",
    "contract_code_hash": "contract",
    "market_contract": "contract",
    "profile_of": "ledger",
    "verify_network": "verification",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
