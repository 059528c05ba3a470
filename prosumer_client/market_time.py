"""The market's time as its participants can tell it: that of their machine, or what follows from it by a mapping."""

from datetime import UTC, datetime, timedelta

from energy_market_chaincode import views


class MarketTime:
    """By what everybody on a connection goes.

    Attributes
    ----------
    simulated
        The mapping of a market whose time is simulated; None where it is real, or as long as nobody asked.
    """

    def __init__(self) -> None:
        self.simulated: views.SimulatedTimeView | None = None

    def now(self) -> datetime:
        """Return the market's time."""
        now = datetime.now(UTC)
        return now if self.simulated is None else self.simulated.market_time(now)

    def until(self, moment: datetime) -> timedelta:
        """Return how much real time it is until a moment of the market's; below zero when it has been."""
        return self.lasts(moment - self.now())

    def lasts(self, span: timedelta) -> timedelta:
        """Return how much real time passes in a span of the market's."""
        return span if self.simulated is None else span / self.simulated.factor
