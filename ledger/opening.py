"""Opening the ledger that the settings name."""

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
        from ledger.fabric.ledger import FabricLedger

        return await FabricLedger.open(settings)
    return await EmbeddedLedger.open(settings.ledger_file, settings.operator, settings.operator_public_key)
