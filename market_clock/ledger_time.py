"""The ledger's time, and the market's, which its deadlines are compared with, as far as this machine can tell it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from energy_market_chaincode import iso, market_views
from market_time import MOST_APART
from prosumer_client import LOOK_BACK, MarketClient, latest_time

GOOD_FOR = timedelta(minutes=5)
"""How long a lead of this machine that was learnt is believed in: somebody may have set its time meanwhile."""


class LedgerTime:
    """The time of this machine, less the lead over the ledger's that is known of.

    The lead is learnt from the time of the ledger's last block, after the ledger called a command too early that was
    not early by our reckoning. It is a lower bound, so that waiting by it is never too long.

    The market's time is that of its ledger, unless it is simulated: then it follows from it by a mapping.

    Attributes
    ----------
    machine_now
        Returns this machine's time.
    simulated
        The mapping of the market that the clock works for; None where there is none.
    """

    def __init__(self, machine_now: Callable[[], datetime]) -> None:
        self.simulated: market_views.SimulatedTimeView | None = None
        self.machine_now = machine_now
        self._lead = timedelta()
        self._heard: datetime | None = None
        self._epoch = 0
        self._learnt_at: datetime | None = None

    @property
    def factor(self) -> int:
        """How many times as fast as real time the market's passes."""
        return self.simulated.factor if self.simulated is not None else 1

    def schedule_now(self) -> datetime:
        """Return the market's time by this machine's, whatever the ledger's: by it games are published."""
        return self._on_market(self.machine_now())

    def now(self) -> datetime:
        """Return the market's time."""
        return self._on_market(self._ledger_now())

    def seconds_until(self, moment: datetime) -> float:
        """Return how many real seconds it is until a moment of the market's time; below zero when it has been."""
        at = moment if self.simulated is None else self.simulated.real_time(moment)
        return (at - self._ledger_now()).total_seconds()

    def after(self, seconds: float) -> datetime:
        """Return the market's time when so many real seconds have passed."""
        return self._on_market(self._ledger_now() + timedelta(seconds=seconds))

    def _on_market(self, real: datetime) -> datetime:
        return real if self.simulated is None else self.simulated.market_time(real)

    def _ledger_now(self) -> datetime:
        machine = self.machine_now()
        if self._learnt_at is not None and not self._learnt_at <= machine <= self._learnt_at + GOOD_FOR:
            self._lead, self._learnt_at = timedelta(), None
        return machine - self._lead

    def enter(self, epoch: int) -> None:
        """Learn which epoch it is; forget what was heard in earlier ones: the ledger's time was set right since."""
        if epoch > self._epoch:
            self.hear_epoch(epoch)

    def hear_epoch(self, epoch: int) -> None:
        """Hear that an epoch begins, and forget what was heard before: it was of earlier ones.

        So it was where this epoch is known already. What is of later ones is on the ledger to be looked at.
        """
        self._epoch, self._heard = max(epoch, self._epoch), None

    def hear(self, at: datetime) -> None:
        """Take note of the time of something that happened on the ledger: it cannot lag behind that.

        On Fabric the next one's may be earlier. What the latest has timed waits for it all the same.
        """
        self._note(at)
        if self._learnt_at is not None and at > self._ledger_now():
            self._lead = max(self.machine_now() - at, timedelta())

    @property
    def trouble(self) -> str | None:
        """Tell that the ledger's time and this machine's cannot both be right; None if they can."""
        if self._heard is None or not self._is_ahead(self._heard):
            return None
        ahead = self._heard - self.machine_now()
        return (
            f"the ledger's time, {iso(self._heard)}, is {ahead} ahead of this machine's: one of them is wrong. If it "
            "is the ledger's, what it times waits until this machine's has reached it, or an operator sets it right: "
            "energy-market ledger set-time"
        )

    def _is_ahead(self, at: datetime) -> bool:
        return at - self.machine_now() > MOST_APART

    async def look(self, market: MarketClient) -> None:
        """Take note of the latest time of the ledger's last blocks, as far as they are of this epoch.

        Raises
        ------
        MarketError
        """
        latest = max(await _times_of_last_blocks(market, LOOK_BACK), default=None)
        if latest is not None and self._is_ahead(latest):
            latest = await latest_time(market)
        if latest is not None:
            self._note(latest)

    def _note(self, at: datetime) -> None:
        self._heard = at if self._heard is None else max(self._heard, at)

    async def learn(self, market: MarketClient, asked_at: datetime) -> None:
        """Learn by how much this machine leads; raises MarketError.

        Parameters
        ----------
        asked_at
            This machine's time when we gave a command that a block took up since.
        """
        last = await _times_of_last_blocks(market, 1)
        if not last:
            return
        self._ledger_now()  # what was learnt long ago is forgotten first
        self._lead = max(self._lead, asked_at - last[-1])
        self._learnt_at = self.machine_now()


async def _times_of_last_blocks(market: MarketClient, count: int) -> list[datetime]:
    """Return the times of so many blocks, in their order; those of the network's own have none."""
    height = (await market.blocks(limit=1)).height
    last = await market.blocks(max(height - count, 0), count)
    return [block.at for block in last.blocks if block.at is not None]
