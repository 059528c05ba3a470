"""Who takes part in games: catches up with the ledger, then reacts to events, one by one or many in one process."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, TypeVar

from energy_market_chaincode import CommandIdReused, GameView
from market_log import structlog
from prosumer_client.amounts import UnusableDecision, read_number, round_kwh
from prosumer_client.client import MarketClient
from prosumer_client.connection import cancel_all
from prosumer_client.errors import (
    AnotherLedger,
    CommandRejected,
    MarketError,
    MarketUnavailable,
    RequestRefused,
    UnexpectedAnswer,
    UnusableValue,
)
from prosumer_client.events import FROM_NOW, MarketEvent
from prosumer_client.identity import repeatable_id

_ABOUT_THE_CONTENT = frozenset({400, 413, 422})
"""HTTP statuses of a command that says something impossible."""

Decision = TypeVar("Decision")
Refusal = CommandRejected | RequestRefused | UnusableValue
"""Why what was to be said does not take effect: a rule of the market, its form, or that it cannot even be signed."""


class Reminder(NamedTuple):
    """Something that a participant is to do later, about a game or about several."""

    game: str | None
    do: Callable[[], Awaitable[None]]


Inbox = asyncio.Queue[GameView | MarketEvent | Reminder]


class Participant(ABC):
    """Somebody who takes part in one game after the other.

    It keeps nothing on disk. Whatever it says on an occasion has the same command id in every life of the process, so
    that saying it again changes nothing: after a crash it looks at the ledger and goes on.
    """

    minds_settled: bool = False
    """Whether it has to :meth:`catch_up` with settled games, too, as long as they may be corrected."""

    def __init__(self, market: MarketClient) -> None:
        self.market = market
        self.prosumer = market.identity.prosumer
        self.log = structlog.get_logger().bind(prosumer=self.prosumer)
        self._played: asyncio.Future[MarketEvent] | None = None
        self.inbox: Inbox = asyncio.Queue()
        """What happened, and what is still to be dealt with."""

    async def run(self) -> None:
        """Play game after game until cancelled.

        Raises
        ------
        MarketUnavailable, RequestRefused, UnexpectedAnswer
            See :class:`~prosumer_client.client.MarketClient`.
        """
        await run_together(self.market, [self])

    async def play_one(self) -> MarketEvent:
        """Take part in one game and return its GameStopEvent; raises as :meth:`run`."""
        played: asyncio.Future[MarketEvent] = asyncio.get_running_loop().create_future()
        self._played = played
        await first_of(self.run(), played)
        return played.result()

    @abstractmethod
    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether this participant has to react to an event."""

    @abstractmethod
    async def catch_up(self, game: GameView) -> None:
        """Do what is due in an open game as it stands on the ledger."""

    @abstractmethod
    async def react(self, event: MarketEvent) -> None:
        """Do what is due after an event."""

    def now(self) -> datetime:
        """Return the market's time."""
        return self.market.time.now()

    def remind(self, of: GameView | Reminder, after: timedelta) -> None:
        """Deal with a game once more, or do something, in a while of real time; what comes meanwhile does not wait."""
        asyncio.get_running_loop().call_later(after.total_seconds(), self.inbox.put_nowait, of)

    def end_game(self, stop: MarketEvent) -> None:
        """Tell whoever waits in :meth:`play_one` that a game was played to its end."""
        if self._played is not None and not self._played.done():
            self._played.set_result(stop)

    async def decision(self, strategy: Awaitable[Decision], **occasion: object) -> Decision | None:
        """Return what a strategy decides, None if it fails or cannot be used: that ends nobody, and the log says why.

        Parameters
        ----------
        occasion
            What it is asked for, for the log.
        """
        try:
            return await strategy
        except UnusableDecision as unusable:
            self.log.warning("The strategy's decision cannot be used", reason=str(unusable), **occasion)
        except (Exception, asyncio.CancelledError, SystemExit) as failure:  # who calls exit() must not end the others
            task = asyncio.current_task()
            if isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # we are cancelled; else it comes of something that the strategy itself did
            self.log.exception("The strategy failed", reason=repr(failure), **occasion)
        return None

    def rounded_kwh(self, value: object, **occasion: object) -> Decimal:
        """Round an amount of energy to the ledger's grid, see :func:`round_kwh`; the log tells if that changed it."""
        amount = round_kwh(value)
        if amount != read_number(value):
            self.log.warning("Rounded to the ledger's 0.1 Wh", value=str(value), rounded=str(amount), **occasion)
        return amount

    async def say(
        self, topic: str, data: Mapping[str, Any], *occasion: object, speaker: MarketClient | None = None
    ) -> Refusal | None:
        """Give the command of an occasion, once in all lives of this process; without an occasion, a new command.

        Parameters
        ----------
        speaker
            Who signs it; default the prosumer.

        Returns
        -------
        Why it was rejected, or why what it says is not even well formed or cannot be signed; None if it is in effect.
        If an earlier life of the process gave another command on this occasion, that one stands.
        """
        speaker = speaker or self.market
        command_id = repeatable_id(speaker.identity.prosumer, topic, *occasion) if occasion else None
        try:
            await speaker.submit(topic, data, command_id=command_id)
        except (CommandRejected, RequestRefused, UnusableValue) as error:
            if error.code == CommandIdReused.code:
                self.log.info("What was said before on this occasion stands", topic=topic, command=command_id)
                return None
            if isinstance(error, RequestRefused) and error.status not in _ABOUT_THE_CONTENT:
                raise
            return error
        return None


LISTENING = "Listening to the market"
"""Is logged once nothing that happens on the market escapes the group any more."""

_log = structlog.get_logger()

MOST_NAMED = 200
"""Whom a stream is asked for by name: a longer address would be refused. A larger group hears everything."""


async def run_together(market: MarketClient, members: Sequence[Participant]) -> None:
    """Let members play game after game until cancelled.

    Each works through its own inbox, game by game, so that a slow one does not keep the others waiting, nor a slow
    decision what it has to do in another game. What happened before the stream begins is read from the ledger, once for
    all. A member whose work fails misses what it was at, and goes on with what comes next; the log says why.

    Raises
    ------
    RequestRefused
        When the market refuses the signature of every member; one alone leaves the others playing.
    MarketUnavailable, AnotherLedger, UnexpectedAnswer
        Those concern them all.
    """
    for member in members:
        member.inbox = asyncio.Queue()  # of an earlier run it may hold what is long past
    names = sorted({member.prosumer for member in members})
    concerned = () if len(names) > MOST_NAMED else names

    async def look() -> None:
        await _look(market, members)
        _log.info(LISTENING)

    async def listen() -> None:
        async with aclosing(market.events(FROM_NOW, prosumers=concerned, on_now=look)) as events:
            async for event in events:
                for member in members:
                    if member.concerns(event):
                        member.inbox.put_nowait(event)

    async def work() -> None:
        refusals = await asyncio.gather(*map(_until_refused, members))
        raise refusals[0]

    await first_of(listen(), work())


async def _look(market: MarketClient, members: Sequence[Participant]) -> None:
    """Tell members how the games stand that concern them."""
    await market.learn_time()
    minding = [member for member in members if member.minds_settled]
    for game in await market.open_games(minding[0].now() if minding else None):
        for member in minding if game.is_over else members:
            member.inbox.put_nowait(game)


async def _until_refused(member: Participant) -> RequestRefused:
    """Let a member work through its inbox; return why the market will not hear it any more."""
    lanes = _Lanes(member)
    await first_of(lanes.feed(), lanes.refusal)
    return lanes.refusal.result()


class _Lanes:
    """What a member is at: in each game one thing after the other, and several games at once.

    Attributes
    ----------
    refusal
        Why the market will not hear the member any more, once it does not; or what concerns all members.
    """

    def __init__(self, member: Participant) -> None:
        self._member = member
        self._latest: dict[str | None, asyncio.Task[None]] = {}
        self._at_work: set[asyncio.Task[None]] = set()
        self.refusal: asyncio.Future[RequestRefused] = asyncio.get_running_loop().create_future()

    async def feed(self) -> None:
        """Take what comes into the inbox until cancelled."""
        try:
            while True:
                item = await self._member.inbox.get()
                task = asyncio.create_task(self._deal(item, self._latest.get(item.game)))
                self._latest[item.game] = task
                self._at_work.add(task)
                task.add_done_callback(partial(self._forget, item.game))
        finally:
            await cancel_all(self._at_work)

    def _forget(self, game: str | None, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        if self._latest.get(game) is task:
            del self._latest[game]

    async def _deal(self, item: GameView | MarketEvent | Reminder, before: asyncio.Task[None] | None) -> None:
        """Deal with an item after the one before it in its game."""
        member = self._member
        if before is not None:
            await asyncio.wait((before,))
        try:
            if isinstance(item, GameView):
                await member.catch_up(item)
            elif isinstance(item, MarketEvent):
                await member.react(item)
            else:
                await item.do()
        except RequestRefused as refusal:
            member.log.error("Leaving the market, which refuses us", code=refusal.code, reason=refusal.message)
            self._end(refusal)
        except (MarketUnavailable, AnotherLedger, UnexpectedAnswer) as error:
            self._end(error)
        except (Exception, SystemExit) as failure:
            member.log.exception("This went wrong and is left out", game=item.game, reason=repr(failure))

    def _end(self, reason: MarketError) -> None:
        if self.refusal.done():
            return
        if isinstance(reason, RequestRefused):
            self.refusal.set_result(reason)
        else:
            self.refusal.set_exception(reason)


async def first_of(*works: Awaitable[object]) -> None:
    """Do all works until one ends, by itself or with an error, which is raised; then cancel the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        await cancel_all(tasks)
