"""Which ledger our commands are for: we were told, or we take the queue's first word for it and keep to that."""

import asyncio

from energy_market_chaincode.errors import LedgerDiffers
from prosumer_client.connection import Connection
from prosumer_client.errors import AnotherLedger, UnexpectedAnswer


class KnownLedger:
    """The ledger that all who speak on a connection sign for, however often the one behind the queue changes.

    Parameters
    ----------
    pinned
        Its id, where we know it from somebody else than the queue. A queue that lies could otherwise have us sign for
        another ledger, on which our keys are known, too.
    """

    def __init__(self, connection: Connection, pinned: str | None = None) -> None:
        self._connection = connection
        self._is_pinned = bool(pinned)
        self._id = pinned or None
        self._asking = asyncio.Lock()

    async def id(self) -> str:
        """Return the ledger's id; the first time the queue is asked for it, unless it is pinned.

        Raises
        ------
        RequestRefused, MarketUnavailable, UnexpectedAnswer
        """
        async with self._asking:
            if self._id is None:
                self._id = await self._ask()
            return self._id

    def require_ours(self, code: str) -> None:
        """Raise AnotherLedger if this code of a refusal says that the ledger is not the one that we sign for."""
        if code == LedgerDiffers.code:
            raise AnotherLedger(self._connection.url, str(self._id), self._is_pinned)

    async def require_unchanged(self) -> None:
        """Ask the queue whether the ledger is still the one that we sign for; raises AnotherLedger if it is not."""
        if self._id is not None and await self._ask() != self._id:
            self.require_ours(LedgerDiffers.code)

    async def _ask(self) -> str:
        match await self._connection.exchange("GET", "/market"):
            case {"ledger": str(ledger)}:
                return ledger
            case _:
                problem = "does not say which ledger it has (its contract may be older than this program)"
                raise UnexpectedAnswer(self._connection.url, problem)
