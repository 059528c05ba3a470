"""The market's beginning: what ``init`` wrote, and the ledger's id that follows from it."""

import hashlib
from typing import ClassVar

from energy_market_chaincode.canonical import exact_json
from energy_market_chaincode.entities import Record


class Market(Record):
    """The ledger's beginning; the first operator may have another key by now, in its record.

    Attributes
    ----------
    transaction
        The id of the transaction that began the ledger; None where rules wrote it that did not keep it.
    """

    KEY: ClassVar[str] = "market"
    first_operator: str
    first_public_key: str
    initialised_at_ms: int
    transaction: str | None = None

    @property
    def ledger(self) -> str:
        """The id of the ledger, which commands name."""
        if self.transaction is not None:
            return self.transaction
        beginning = [self.first_operator, self.first_public_key, self.initialised_at_ms]
        return hashlib.sha256(exact_json(beginning)).hexdigest()
