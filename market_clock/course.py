"""The course of one game: the clock looks at it, does what is due, and waits for the next moment or event."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from energy_market_chaincode.commands import Topic
from energy_market_chaincode.entities import Phase
from market_clock.decision import Act, Decision, Over, Wait, next_action
from market_clock.game_view import GameView
from prosumer_client.client import MarketClient
from prosumer_client.errors import AnotherLedger, CommandRejected, MarketError, MarketUnavailable, RequestRefused
from prosumer_client.identity import repeatable_id

MAX_ATTEMPTS = 12
"""How often the clock tries to do one thing: over more than two minutes, which is more than clocks go wrong by."""
FIRST_REST_S = 0.1
LONGEST_REST_S = 30.0
LONGEST_SLEEP_S = 60.0
"""The clock looks at a game at least so often: somebody may have set the time of this machine."""

# Why nothing is wrong when a command of ours is rejected: the ledger's time lags a little behind ours ...
_TOO_EARLY = frozenset({"REGISTRATION_OPEN", "DEADLINE_NOT_PASSED", "DELIVERY_NOT_OVER"})
# ... or somebody else, a buyer or another clock, was faster.
_TOO_LATE = frozenset({"WRONG_PHASE", "TURN_OVER", "UNKNOWN_GAME"})
_EXPECTED = _TOO_EARLY | _TOO_LATE

_DONE = {
    Topic.STOP_GAME_REGISTRATION: "game registration stopped",
    Topic.SKIP_TURN: "silent buyer skipped",
    Topic.CLOSE_MARKET: "market closed",
}

_log = structlog.stdlib.get_logger(__name__)

OnCommand = Callable[[Topic, str], None]
"""Hears of every command that was decided: its topic, and ``committed`` or the code of its rejection."""


@dataclass(slots=True)
class _Attempt:
    """The number-th try to do something; decided once the market said yes or no to it."""

    act: Act
    number: int
    command_id: str
    decided: bool = False


class Course:
    """Drives a game from whatever phase it is in until it is closed or cancelled.

    It remembers nothing that matters: another course of the same game, in this process or another one, gives the same
    commands under the same ids. A rejection is remembered by the ledger under the command's id, so after one the clock
    tries again with a new id; a little later each time, and not for ever.

    Attributes
    ----------
    waits_until
        When it will look again, if no event comes first.
    problem
        What stands in the way at present.
    """

    def __init__(self, game: str, market: MarketClient, now: Callable[[], datetime], on_command: OnCommand) -> None:
        self.game = game
        self.waits_until: datetime | None = None
        self.problem: MarketError | None = None
        self._market = market
        self._now = now
        self._on_command = on_command
        self._woken = asyncio.Event()
        self._attempt: _Attempt | None = None
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
                self._meet(unavailable)
            except MarketError as error:
                self._meet(error)
                await self._rest(LONGEST_REST_S)

    async def _decide(self) -> Decision:
        try:
            view = await self._market.game(self.game)
            delivering = view.get("phase") == Phase.DELIVERY
            transfers = await self._market.transfers(self.game) if delivering else None
        except RequestRefused as refusal:
            if refusal.code == "UNKNOWN_GAME":  # the market was reset
                return Over()
            raise
        try:
            return next_action(GameView.read(view, transfers), self._now())
        except ValueError as error:
            raise MarketError("UNREADABLE_GAME", str(error)) from error

    async def _follow(self, decision: Act | Wait) -> None:
        if isinstance(decision, Act):
            await self._act(decision)
            return
        self.problem = None
        self.waits_until = decision.until
        await self._rest((decision.until - self._now()).total_seconds())
        self.waits_until = None

    async def _act(self, act: Act) -> None:
        attempt = self._attempt_at(act)
        if attempt.number == MAX_ATTEMPTS:
            self._log.error("gave up until something happens to the game", topic=act.topic.value, **self._reason())
            await self._woken.wait()
            self._attempt = None
            return
        try:
            await self._market.submit(act.topic, act.data, command_id=attempt.command_id)
        except (CommandRejected, RequestRefused, AnotherLedger) as rejection:
            self._meet(rejection)
            self._on_command(act.topic, rejection.code)
        else:
            self.problem = None
            self._on_command(act.topic, "committed")
            self._log.info(_DONE[act.topic], **{name: value for name, value in act.data.items() if name != "game"})
        attempt.decided = True
        if attempt.number > 0 or self.problem is not None:
            # No event may cut this short: a burst of them would use up the attempts.
            await asyncio.sleep(min(FIRST_REST_S * 2**attempt.number, LONGEST_REST_S))

    def _attempt_at(self, act: Act) -> _Attempt:
        """Return the attempt to make now; an undecided one is made again under its id."""
        last, number = self._attempt, 0
        if last is not None and last.act == act:
            if not last.decided:
                return last
            number = last.number + 1
        occasion = (*act.data.values(), act.due.isoformat())
        if number > 0:
            occasion += (number, self._now().isoformat())
        command_id = repeatable_id(self._market.identity.prosumer, act.topic, *occasion)
        self._attempt = _Attempt(act, number, command_id)
        return self._attempt

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
        try:
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP_S)):
                await self._woken.wait()
        except TimeoutError:
            return
