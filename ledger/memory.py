"""A ledger without a file, for the tests of programs that use one: same interface, same contract."""

from energy_market_chaincode.contract import invoke
from ledger.contract import Contract
from ledger.embedded.database import Database
from ledger.embedded.ledger import EmbeddedLedger


async def open_memory_ledger(operator: str, public_key: str, *, contract: Contract = invoke) -> EmbeddedLedger:
    """Begin a ledger that lives in memory and is gone when it is closed.

    Parameters
    ----------
    operator, public_key
        The first operator and its Ed25519 key in base64.

    Raises
    ------
    TransactionFailed
        If the contract refuses them.
    """
    return await EmbeddedLedger.on(Database.in_memory(), operator, public_key, contract=contract)
