"""The id of the ledger behind the queue, which commands may name."""

from energy_market_chaincode.canonical import read_exact_json
from ledger.interface import Ledger


class LedgerName:
    """Remembers the ledger's id; asks the ledger again when somebody names another one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._id: str | None = None

    async def read_unless(self, named: set[str]) -> str | None:
        """Return the ledger's id, freshly read unless what is remembered is all that is named.

        None if the contract is an older one, which has no ids of ledgers and decides alone.

        Raises
        ------
        ledger.interface.LedgerUnavailable
            If the ledger must be asked and cannot be.
        energy_market_chaincode.errors.NotInitialised
        """
        if self._id is None or named != {self._id}:
            # A Fabric network may have been made anew beneath a queue that runs.
            self._id = read_exact_json(await self._ledger.query("market")).get("ledger")
        return self._id
