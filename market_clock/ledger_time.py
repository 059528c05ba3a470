"""The ledger's time, which its deadlines are compared with, as far as this machine can tell it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from prosumer_client import MarketClient

GOOD_FOR = timedelta(minutes=5)
"""How long a lead of this machine that was learnt is believed in: somebody may have set its time meanwhile."""


class LedgerTime:
    """The time of this machine, less the lead over the ledger's that is known of.

    The lead is learnt from the time of the ledger's last block, after the ledger called a command too early that was
    not early by our reckoning. It is a lower bound, so that waiting by it is never too long.

    Parameters
    ----------
    machine_now
        This machine's time.
    """

    def __init__(self, machine_now: Callable[[], datetime]) -> None:
        self._machine_now = machine_now
        self._lead = timedelta()
        self._learnt_at: datetime | None = None

    def machine_now(self) -> datetime:
        """Return this machine's time."""
        return self._machine_now()

    def now(self) -> datetime:
        """Return the ledger's time."""
        machine = self._machine_now()
        if self._learnt_at is not None and not self._learnt_at <= machine <= self._learnt_at + GOOD_FOR:
            self._lead, self._learnt_at = timedelta(), None
        return machine - self._lead

    def hear(self, at: datetime) -> None:
        """Take note of the time of something that happened on the ledger: it cannot lag behind that."""
        if self._learnt_at is not None and at > self.now():
            self._lead = max(self._machine_now() - at, timedelta())

    async def learn(self, market: MarketClient, asked_at: datetime) -> None:
        """Learn by how much this machine leads; raises MarketError.

        Parameters
        ----------
        asked_at
            This machine's time when we gave a command that a block took up since.
        """
        height = (await market.blocks(limit=1)).height
        (last,) = (await market.blocks(height - 1, 1)).blocks
        if last.at is None:  # a block of the network's own, without the contract's transactions
            return
        self.now()  # what was learnt long ago is forgotten first
        self._lead = max(self._lead, asked_at - last.at)
        self._learnt_at = self._machine_now()
