"""Conducts every game on the ledger, whoever published it: a course for each, woken by the ledger's events."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from energy_market_chaincode import Topic, events
from market_clock.decision import Act, Clear, Decision, Over, Wait, may_be_fulfilled, next_action
from market_clock.ledger_time import LedgerTime
from market_clock.solving import clearing_of
from market_log import structlog
from prosumer_client import (
    FROM_NOW,
    AnotherLedger,
    CommandRejected,
    MarketClient,
    MarketError,
    MarketEvent,
    MarketUnavailable,
    Optimizer,
    RequestRefused,
    repeatable_id,
)

_log = structlog.stdlib.get_logger(__name__)

# A BuyBidEvent is not among them. It says that a later deadline replaces the one the course waits for; then the
# course looks anyway. In a large game this spares the queue a read for every turn.
_WAKING = frozenset(
    {
        "ClearingOpenEvent",
        "ClearingProposedEvent",
        "GameStoppingEvent",
        "GameStopEvent",
        "TransferFulfilledEvent",
        "MarketClosedEvent",
    }
)

_ATTENDED = frozenset({"GameInitEvent", "SlotSettlingEvent"})
"""A game begins; or one that may have been over for days is settled anew."""

_EPOCH_BEGINS = events.LedgerTimeSetEvent.__name__
_TIME_SET = frozenset({events.TimeSimulatedEvent.__name__, _EPOCH_BEGINS})

FOLLOW_AGAIN_S = 1.0

Attend = Callable[[str], None]
"""Looks at a game; gives it a course if it has none."""

MAX_ATTEMPTS = 12
"""How often the clock tries to do one thing at short intervals, over more than two minutes in all."""
FIRST_REST_S = 0.1
LONGEST_REST_S = 30.0
REST_WHEN_DONE_S = 1.0
SLOW_PACE_S = 300.0
"""How long it rests between attempts once it gave up trying often; it never gives up for good."""
LONGEST_SLEEP_S = 60.0
"""The clock looks at the time at least so often: somebody may have set that of this machine."""

# Why nothing is wrong when a command of ours is rejected: the ledger's time lags behind ours, or a buyer without a
# transfer, of whose readings no event tells, may still report what it took ...
_TOO_EARLY = frozenset(
    {"CLEARING_AWAITED", "PROOF_AWAITED", "REGISTRATION_OPEN", "DEADLINE_NOT_PASSED", "DELIVERY_NOT_OVER"}
)
# ... or somebody else, a buyer or another clock, was faster.
_TOO_LATE = frozenset(
    {
        "CLEARING_LATE",
        "PART_DONE",
        "OTHER_MECHANISM",
        "WRONG_PHASE",
        "TURN_OVER",
        "UNKNOWN_GAME",
        "GAME_STOPPING",
        "NO_PROPOSAL",
    }
)
_GONE = frozenset({"UNKNOWN_GAME", "GAME_ARCHIVED"})
"""The market was reset, or somebody archived the game."""
_EXPECTED = _TOO_EARLY | _TOO_LATE

_DONE = {
    Topic.STOP_GAME_REGISTRATION: "game registration stopped",
    Topic.SKIP_TURN: "silent buyer skipped",
    Topic.PUBLISH_CLEARING: "clearing posted",
    Topic.PROVE_CLEARING: "clearing proved further",
    Topic.FALL_BACK: "no clearing in time, the game falls back",
    Topic.STOP_GAME: "game stopped further",
    Topic.CLOSE_MARKET: "market closed",
}

OnCommand = Callable[[Topic, str], None]
"""Hears of every command that was decided: its topic, and ``committed`` or the code of its rejection."""


@dataclass(slots=True)
class _Attempt:
    """One of several tries to do something.

    Attributes
    ----------
    earlier, failures
        How many tries came before it, and how many of those were refused for another reason than being early.
    refusal
        Why the market said no to it; None if it said yes.
    decided
        Whether the market said yes or no to it.
    """

    act: Act
    command_id: str
    earlier: int = 0
    failures: int = 0
    refusal: MarketError | None = None
    decided: bool = False

    @property
    def was_early(self) -> bool:
        """Whether all that is wrong with it is that it came too early."""
        return self.refusal is not None and self.refusal.code in _TOO_EARLY

    @property
    def failures_so_far(self) -> int:
        """How many tries failed, this one included."""
        return self.failures + (self.refusal is not None and not self.was_early)

    @property
    def rest_s(self) -> float:
        """How long to rest after it: twice as long each time, and after many failures for long."""
        if self.was_early:
            longest = SLOW_PACE_S
        elif self.failures_so_far >= MAX_ATTEMPTS:
            return SLOW_PACE_S
        else:  # it failed, or it was done and the ledger showed the game as it was for a moment
            longest = LONGEST_REST_S if self.refusal is not None else REST_WHEN_DONE_S
        return float(min(FIRST_REST_S * 2.0 ** min(self.earlier, 20), longest))


class Course:
    """Drives a game from whatever phase it is in until it is closed.

    It remembers nothing that matters: another course of the same game, in this process or another one, gives the same
    commands under the same ids. A rejection is remembered by the ledger under the command's id, so after one the clock
    tries again with a new id: a little later each time, then at a slow pace, and in any case at the moment that the
    game itself names, its registration's or delivery's end or the deadline.

    Attributes
    ----------
    waits_until
        When it will look again, if no event comes first.
    problem
        What stands in the way at present.
    """

    def __init__(
        self, game: str, market: MarketClient, optimizer: Optimizer, time: LedgerTime, on_command: OnCommand
    ) -> None:
        self.game = game
        self._optimizer = optimizer
        self.waits_until: datetime | None = None
        self.problem: MarketError | None = None
        self._market = market
        self._time = time
        self._on_command = on_command
        self._woken = asyncio.Event()
        self._there_since: datetime | None = None
        """Since when, by the market's time, the market has been there without a break; None while it is away."""
        self._attempt: _Attempt | None = None
        self._next_part: Act | None = None
        """Of a proof, a stop or a settlement that is done in parts."""
        self._log = _log.bind(game=game)

    def wake(self) -> None:
        """Look at the game at once: something happened."""
        self._woken.set()

    async def run(self) -> None:
        """Drive the game until it is over."""
        while True:
            self._woken.clear()
            try:
                decision = await self._decide()
                if not isinstance(decision, Over):
                    await self._follow(decision)
                elif not self._woken.is_set():  # if it is: after a reset, a game of the same name may have begun
                    return
            except MarketUnavailable as unavailable:  # the client has been patient for us
                self._there_since = None
                self._meet(unavailable)
            except MarketError as error:
                self._meet(error)
                await self._rest(LONGEST_REST_S)

    async def _decide(self) -> Decision:
        part, self._next_part = self._next_part, None
        if part is not None:
            return part
        try:
            game = await self._market.game(self.game, brief=True)
            transfers = await self._market.transfers(self.game) if may_be_fulfilled(game) else []
        except RequestRefused as refusal:
            if refusal.code in _GONE:
                return Over()
            raise
        me, now = self._market.identity.prosumer, self._time.now()
        self._there_since = self._there_since or now
        try:
            return next_action(game, transfers, now, self._time.factor, me, self._there_since)
        except ValueError as error:
            raise MarketError("UNREADABLE_GAME", str(error)) from error

    async def _follow(self, decision: Act | Clear | Wait) -> None:
        match decision:
            case Act():
                await self._act(decision)
            case Clear():
                await self._clear(decision)
            case Wait():
                self.problem = None
                self.waits_until = decision.until
                await self._rest(self._time.seconds_until(decision.until))
                self.waits_until = None

    async def _clear(self, wanted: Clear) -> None:
        """Post a clearing, unless the optimizer cannot help right now."""
        try:
            data = await clearing_of(wanted.game, self._market, self._optimizer)
        except MarketError as error:
            self._meet(error)
            if wanted.meanwhile is not None:
                await self._act(wanted.meanwhile)
            else:
                await self._rest(min(REST_WHEN_DONE_S, self._time.seconds_until(wanted.until)))
            return
        await self._act(Act(Topic.PUBLISH_CLEARING, data, wanted.until))

    async def _act(self, act: Act) -> None:
        attempt = self._attempt_at(act)
        asked_at, is_due = self._time.machine_now(), self._time.now() >= act.due
        await self._try(attempt)
        if attempt.was_early and is_due:
            await self._time.learn(self._market, asked_at)
        if attempt.refusal is not None or attempt.earlier > 0:
            await self._rest_after(attempt)

    def _attempt_at(self, act: Act) -> _Attempt:
        """Return the attempt to make now; an undecided one is made again under its id."""
        last, earlier, failures = self._attempt, 0, 0
        if last is not None and last.act == act:
            if not last.decided:
                return last
            earlier, failures = last.earlier + 1, last.failures_so_far
        occasion = (*act.data.values(), act.due.isoformat(), *([act.correction] if act.correction else []))
        if earlier > 0:
            occasion += (earlier, self._time.machine_now().isoformat())
        command_id = repeatable_id(self._market.identity.prosumer, act.topic, *occasion)
        self._attempt = _Attempt(act, command_id, earlier, failures)
        return self._attempt

    async def _try(self, attempt: _Attempt) -> None:
        act = attempt.act
        try:
            result = await self._market.submit(act.topic, act.data, command_id=attempt.command_id)
            if act.topic is not Topic.PUBLISH_CLEARING and (left := result.get("left")):
                self._next_part = replace(act, data={**act.data, "left": left})
        except (CommandRejected, RequestRefused, AnotherLedger) as refusal:
            attempt.refusal = refusal
            self._meet(refusal)
            self._on_command(act.topic, refusal.code)
        else:
            self.problem = None
            self._on_command(act.topic, "committed")
            said = {name: value for name, value in act.data.items() if name != "game" and not isinstance(value, dict)}
            self._log.info(_DONE[act.topic], **said)
            if result.get("code"):
                self._log.warning("a clearing was wrong", code=result["code"], reason=result["message"])
        attempt.decided = True

    async def _rest_after(self, attempt: _Attempt) -> None:
        """Rest before the next attempt, but not past the moment at which the game itself lets the thing be done."""
        if attempt.failures_so_far == MAX_ATTEMPTS and not attempt.was_early:
            again = f"at {attempt.act.due.isoformat()}, and every {SLOW_PACE_S:g} s"
            self._log.error("gave up for now", topic=attempt.act.topic.value, again=again, **self._reason())
        seconds, due = attempt.rest_s, attempt.act.due
        self.waits_until = self._time.after(seconds)
        if self._time.now() < due:
            self.waits_until = min(self.waits_until, due)
        if seconds <= LONGEST_REST_S:
            # No event may cut this short: a burst of them would use up the attempts.
            await asyncio.sleep(self._time.seconds_until(self.waits_until))
            self.waits_until = None
            return
        while not self._woken.is_set() and (left := self._time.seconds_until(self.waits_until)) > 0:
            await self._rest(left)
        self.waits_until = None
        if self._woken.is_set() and not attempt.was_early:
            self._attempt = None  # something happened: it is worth trying often again

    def _meet(self, error: MarketError) -> None:
        """Note and log what stands in the way, an outage only when it begins."""
        is_known = self.problem is not None and self.problem.code == error.code
        self.problem = error
        if error.code in _EXPECTED:
            self._log.info("somebody was faster, or it is a little early", **self._reason())
        elif not is_known:
            self._log.warning("cannot do what is due", **self._reason())

    def _reason(self) -> dict[str, Any]:
        return {"code": self.problem.code, "reason": self.problem.message} if self.problem is not None else {}

    async def _rest(self, seconds: float) -> None:
        """Wait until something happens, but not longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP_S)):
                await self._woken.wait()


class TimeSet(Exception):
    """The market's time follows from the real one in another way than when the clock began its work."""


class Conductor:
    """Follows the events from now on, and begins by looking at the games there are.

    Parameters
    ----------
    time
        That of the market, as it was when the work began.
    """

    def __init__(self, time: LedgerTime, on_command: OnCommand, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._lost: str | None = "the event stream is not open yet"
        self._time = time
        self._on_command = on_command
        self._courses: dict[str, Course] = {}

    @property
    def trouble(self) -> str | None:
        """Why the ledger cannot be followed at present, or its time not be trusted; None when all is well."""
        silent = [str(c.problem) for c in self._courses.values() if isinstance(c.problem, MarketUnavailable)]
        return self._lost or self._time.trouble or next(iter(silent), None)

    def courses(self) -> list[Course]:
        """Return the courses of the games that are not over."""
        return list(self._courses.values())

    async def run(self, market: MarketClient) -> None:
        """Conduct without end; over an outage of the queue it goes on as soon as the queue is back.

        Parameters
        ----------
        market
            With the identity of an operator.

        Raises
        ------
        TimeSet
            Then it is to be begun anew.
        """
        self._courses.clear()  # of a run that a defect ended
        async with asyncio.TaskGroup() as tasks:

            def attend(game: str) -> None:
                if game in self._courses:
                    self._courses[game].wake()
                else:
                    course = Course(game, market, self._optimizer, self._time, self._on_command)
                    self._courses[game] = course
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
            known = await market.market()
            if known.simulated_time != self._time.simulated:
                raise TimeSet
            self._time.enter(known.epoch.number if known.epoch is not None else 0)
            for game in await market.games():
                if not game.is_over:
                    attend(game.game)
            await self._time.look(market)
            self._lost = None

        try:
            async with aclosing(market.events(FROM_NOW, on_now=take_stock)) as stream:
                async for event in stream:
                    self._hear(event, attend)
        except AnotherLedger:
            raise
        except MarketError as error:
            self._lost = str(error)
            _log.warning("lost the ledger's events; following it again", code=error.code, reason=error.message)

    def _hear(self, event: MarketEvent, attend: Attend) -> None:
        if event.name == _EPOCH_BEGINS:
            self._time.hear_epoch(event.data["number"])
        if event.name in _TIME_SET:
            raise TimeSet
        self._time.hear(event.at)
        if event.game is None:  # the market was reset
            for course in self._courses.values():
                course.wake()
        elif event.name in _ATTENDED:
            attend(event.game)
        elif (known := self._courses.get(event.game)) is not None and (event.name in _WAKING or known.problem):
            known.wake()
