"""The id of the ledger behind the queue, which commands may name."""

from energy_market_chaincode.canonical import read_exact_json
from ledger.interface import Ledger


class LedgerName:
    """Remembers the ledger's id; asks the ledger again when somebody names another one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.known: str | None = None
        """The id as it was last read."""

    async def read_unless(self, named: set[str]) -> str | None:
        """Return the ledger's id, freshly read unless it is all that is named; raises as :meth:`read`."""
        if self.known is None or named != {self.known}:
            # A Fabric network may have been made anew beneath a queue that runs.
            return await self.read()
        return self.known

    async def read(self) -> str | None:
        """Ask the ledger for its id.

        None if the contract is an older one, which has no ids of ledgers and decides alone.

        Raises
        ------
        ledger.interface.LedgerUnavailable
            If the ledger cannot be asked.
        energy_market_chaincode.errors.NotInitialised
        """
        self.known = read_exact_json(await self._ledger.query("market")).get("ledger")
        return self.known
