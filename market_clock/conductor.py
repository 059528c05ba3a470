"""Conducts every game on the ledger, whoever published it: a course for each, woken by the ledger's events."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

import structlog

from energy_market_chaincode.entities import Phase
from market_clock.course import Course, OnCommand
from market_clock.ledger_time import LedgerTime
from prosumer_client.client import MarketClient
from prosumer_client.errors import AnotherLedger, MarketError
from prosumer_client.events import FROM_NOW, MarketEvent

_OVER = frozenset({Phase.CLOSED.value, Phase.CANCELLED.value})
# A BuyBidEvent is not among them. It says that a later deadline replaces the one the course waits for; then the
# course looks anyway. In a large game this spares the queue a read for every turn.
_WAKING = frozenset({"GameStopEvent", "TransferFulfilledEvent", "MarketClosedEvent"})

FOLLOW_AGAIN_S = 1.0

Attend = Callable[[str], None]
"""Looks at a game; gives it a course if it has none."""

_log = structlog.stdlib.get_logger(__name__)


class Conductor:
    """Follows the events from now on, and begins by looking at the games there are.

    Attributes
    ----------
    trouble
        Why the ledger cannot be followed at present; None when it can.
    """

    def __init__(self, now: Callable[[], datetime], on_command: OnCommand) -> None:
        self.trouble: str | None = "the event stream is not open yet"
        self._time = LedgerTime(now)
        self._on_command = on_command
        self._courses: dict[str, Course] = {}

    def courses(self) -> list[Course]:
        """Return the courses of the games that are not over."""
        return list(self._courses.values())

    async def run(self, market: MarketClient) -> None:
        """Conduct without end; over an outage of the queue it goes on as soon as the queue is back.

        Parameters
        ----------
        market
            With the identity of an operator.
        """
        self._courses.clear()  # of a run that a defect ended
        async with asyncio.TaskGroup() as tasks:

            def attend(game: str) -> None:
                if game in self._courses:
                    self._courses[game].wake()
                else:
                    self._courses[game] = course = Course(game, market, self._time, self._on_command)
                    tasks.create_task(self._drive(course), name=game)

            while True:
                await self._follow(market, attend)
                await asyncio.sleep(FOLLOW_AGAIN_S)

    async def _drive(self, course: Course) -> None:
        try:
            await course.run()
        finally:
            del self._courses[course.game]

    async def _follow(self, market: MarketClient, attend: Attend) -> None:
        """Attend to the games there are and to those to come, until the event stream fails; raises AnotherLedger."""

        async def take_stock() -> None:
            for game in await market.games():
                if game["phase"] not in _OVER:
                    attend(game["game"])
            self.trouble = None

        try:
            async with aclosing(market.events(FROM_NOW, on_now=take_stock)) as events:
                async for event in events:
                    self._hear(event, attend)
        except AnotherLedger:
            raise
        except MarketError as error:
            self.trouble = str(error)
            _log.warning("lost the ledger's events; following it again", code=error.code, reason=error.message)

    def _hear(self, event: MarketEvent, attend: Attend) -> None:
        self._time.hear(event.at)
        if event.game is None:  # the market was reset
            for course in self._courses.values():
                course.wake()
        elif event.name == "GameInitEvent":
            attend(event.game)
        elif (known := self._courses.get(event.game)) is not None and (event.name in _WAKING or known.problem):
            known.wake()
