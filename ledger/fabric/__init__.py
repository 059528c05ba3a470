"""The market's contract on Hyperledger Fabric: gateway client, chaincode server, and the ledger made of both.

Gateway client and chaincode server have doors of their own; what brings the market in is loaded when it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.fabric.contract import market_contract

__all__ = ["market_contract"]


def __getattr__(name: str) -> Any:
    if name == "market_contract":
        from ledger.fabric.contract import market_contract

        return market_contract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
