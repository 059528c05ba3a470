"""Opening a ledger: the one that the settings name, or one in memory for the tests of programs that use one."""

from energy_market_chaincode import invoke
from ledger.contract import Contract
from ledger.embedded.database import Database
from ledger.embedded.ledger import EmbeddedLedger
from ledger.interface import Ledger
from ledger.settings import LedgerKind, LedgerSettings


async def open_ledger(settings: LedgerSettings) -> Ledger:
    """Open a ledger; an embedded one that is not there yet is begun.

    Raises
    ------
    LedgerError
        Each kind says what is wrong and what to do.
    """
    if settings.ledger is LedgerKind.FABRIC:
        # Imported only here: the embedded ledger needs nothing of gRPC.
        from ledger.fabric.ledger import FabricLedger, profile_of

        return FabricLedger.on(profile_of(settings))
    return await EmbeddedLedger.open(settings.ledger_file, settings.operator, settings.operator_public_key)


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
