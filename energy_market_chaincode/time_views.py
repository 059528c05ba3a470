"""What is shown of the ledger's time: the present epoch, and the mapping of a market whose time is simulated."""

from datetime import datetime

from energy_market_chaincode.simulated_time import SimulatedTime
from energy_market_chaincode.times import Time, milliseconds, moment
from energy_market_chaincode.view import View


class EpochView(View):
    """An epoch that an operator began by setting the ledger's time right.

    Attributes
    ----------
    number
        From 1; the ledger's first epoch, 0, nobody had to begin.
    ledger
        The id of the ledger in it.
    old_time, new_time
        What the ledger's time was, and what it was set to.
    """

    number: int
    ledger: str
    old_time: Time
    new_time: Time


class SimulatedTimeView(View):
    """The mapping by which the market's time follows from the real one: start + (now - began) * factor.

    Attributes
    ----------
    start, began
        The market's time and the real one at the beginning.
    factor
        How many times as fast as the real one it passes.
    """

    start: Time
    factor: int
    began: Time

    @property
    def mapping(self) -> SimulatedTime:
        """The same on whole milliseconds."""
        return SimulatedTime(milliseconds(self.start), self.factor, milliseconds(self.began))

    def market_time(self, real: datetime) -> datetime:
        """Return the market's time at a real one."""
        return moment(self.mapping.market_ms(milliseconds(real)))

    def real_time(self, market: datetime) -> datetime:
        """Return the first real time at which the market's time has come to a moment."""
        return moment(self.mapping.real_ms(milliseconds(market)))
