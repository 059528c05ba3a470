"""The market's contract with parts so small that the original's game has many of each kind.

A chaincode server's process imports it by CHAINCODE_CONTRACT.
"""

from energy_market_chaincode import stopping
from energy_market_chaincode.mechanisms import certified
from ledger.fabric.contract import market_contract

vars(certified).update(PROVED_AT_ONCE=0, PART_PAIRS=12)
stopping.PART = 3

__all__ = ["market_contract"]
