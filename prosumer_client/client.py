"""The market as a prosumer, the clock or an operator uses it: commands in, outcomes, reads and events out."""

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from energy_market_chaincode import (
    Phase,
    Receipt,
    block_views,
    errors,
    events,
    is_same_ledger,
    iso,
    market_views,
    views,
)
from prosumer_client.connection import (
    Interruption,
    MarketTime,
    Patience,
    Postbag,
    ServiceClient,
    ServiceConnection,
    is_temporary,
)
from prosumer_client.errors import (
    AnotherLedger,
    CommandRejected,
    MarketError,
    OutcomePending,
    RequestRefused,
    UnexpectedAnswer,
)
from prosumer_client.events import EventReader, MarketEvent
from prosumer_client.identity import Identity, SignedCommand, new_id, usual_end

Result = dict[str, Any]
"""What a command's rule returned, by the names of its type in :mod:`energy_market_chaincode.views`."""
V = TypeVar("V", bound=views.View)
Item = TypeVar("Item")
T = TypeVar("T")

LONG_POLL_S = 20
MAX_PAGE = 1000
"""Items of a list that the queue gives in one answer."""
MAX_BLOCKS = 100
"""Blocks that the queue shows in one answer."""
MAX_BATCH = 1000
"""Commands in one request."""
MAX_BATCH_BYTES = 1_000_000
"""Of one request with several commands; the queue takes a few times as much."""
CONCURRENT_WAITS = 16
_SIGNS_OF_ANOTHER_LEDGER = frozenset({"INVALID_CURSOR", "LEDGER_REPLACED", "UNKNOWN_COMMAND"})
"""Codes of refusals that a ledger may be behind which was begun anew."""

_TIME_SET = frozenset({events.TimeSimulatedEvent.__name__, events.LedgerTimeSetEvent.__name__})


class MarketClient(ServiceClient):
    """A connection with the queue of a market, and who speaks on it; an asynchronous context manager.

    Every call is tried again while there is hope and :class:`Patience`: on lost connections, timeouts, 429 and 503. A
    command keeps its id over all attempts, so it takes effect once.

    Parameters
    ----------
    url
        The address of tx_queue.
    identity
        Whose commands these are; not needed for reading.
    ledger
        The id of the ledger that they are for. None: the one that the queue names when the first command is given.

    Raises
    ------
    AnotherLedger
        From a command or the events, when the ledger behind the queue is not that one.
    MarketUnavailable
        From every call, when patience is over.
    RequestRefused, UnexpectedAnswer
        From every call.

    Attributes
    ----------
    time
        The market's, see :meth:`learn_time`; all who speak on a connection share it.
    """

    def __init__(
        self,
        url: str,
        identity: Identity | None = None,
        *,
        patience: Patience | None = None,
        ledger: str | None = None,
    ) -> None:
        super().__init__(url, patience)
        self._identity = identity
        self._ledger = KnownLedger(self._connection, ledger)
        self._postbag = Postbag(self._post_together)
        self.time = MarketTime()

    async def __aexit__(self, *_: object) -> None:
        await self._postbag.close()
        await super().__aexit__()

    @property
    def identity(self) -> Identity:
        """Who speaks; raises ValueError if this client only reads."""
        if self._identity is None:
            raise ValueError("this client has no identity and can only read; give MarketClient one")
        return self._identity

    def speaking_as(self, identity: Identity) -> "MarketClient":
        """Return a client for somebody else on the same connection, which stays ours to close."""
        other = copy.copy(self)
        other._identity = identity
        return other

    async def ledger_id(self) -> str:
        """Return the id of the ledger that our commands are for."""
        return await self._ledger.id()

    # -- commands

    def _signed(
        self, ledger: str, topic: str, data: Mapping[str, Any], command_id: str | None, ends: datetime | None
    ) -> SignedCommand:
        return self.identity.command(topic, data, command_id, ledger=ledger, valid_until=ends)

    async def submit(
        self, topic: str, data: Mapping[str, Any], *, command_id: str | None = None, has_end: bool = True
    ) -> Result:
        """Give a command and wait until the ledger decided it.

        Parameters
        ----------
        command_id
            A UUID; give one to make the same command again count once, also from another process.
        has_end
            Whether it ends in 24 h, and its id is forgotten then. Without an end the ledger remembers it for good.

        Returns
        -------
        The contract's result, for instance ``{"game": ...}``.

        Raises
        ------
        CommandRejected
            A rule of the market speaks against it.
        OutcomePending
            It is in the queue, but was not decided while our patience lasted.
        """

        async def submitted(ledger: str) -> Result:
            command = self._signed(ledger, topic, data, command_id, usual_end() if has_end else None)
            return await self._outcome_of(await self._postbag.post(command))

        command_id = command_id or new_id()
        return await self._ledger.in_its_epoch(submitted)

    async def post(self, topic: str, data: Mapping[str, Any], *, command_id: str | None = None) -> Receipt:
        """Give a command; return as soon as the queue has stored it."""

        async def posted(ledger: str) -> Receipt:
            command = self._signed(ledger, topic, data, command_id, usual_end())
            return self._view(Receipt, await self._post(command.body))

        command_id = command_id or new_id()
        return await self._ledger.in_its_epoch(posted)

    async def _outcome_of(self, answer: Any) -> Result:
        """Return what became of a command by the answer to its post, which the queue held back for a while."""
        if isinstance(answer, RequestRefused):
            raise answer
        if isinstance(answer, dict) and "href" in answer:
            return await self.outcome(self._view(Receipt, answer))
        result = self._result(self._view(views.CommandStatus, answer))
        if result is None:
            raise self._unexpected("answered a command with no decision")
        return result

    async def outcome(self, receipt: Receipt) -> Result:
        """Wait until the ledger decided a command; returns and raises as :meth:`submit`."""
        patience_s = self._connection.patience.total_s
        gives_up_at = time.monotonic() + patience_s
        while True:
            # The signer's name lets the queue ask the ledger about a command that it no longer has itself.
            question: dict[str, int | str] = {"wait": LONG_POLL_S, "prosumer": self.identity.prosumer}
            async with self._suspicion():
                answer = await self._connection.exchange("GET", receipt.href, parameters=question, wait_s=LONG_POLL_S)
            result = self._result(self._view(views.CommandStatus, answer))
            if result is not None:
                return result
            if time.monotonic() >= gives_up_at:
                raise OutcomePending(receipt.id, patience_s)

    def _result(self, status: views.CommandStatus) -> Result | None:
        """Return the contract's result, None if there is none yet; raises CommandRejected."""
        if status.error is not None:
            self._ledger.require_ours(status.error.code)
            raise CommandRejected(status.error.code, status.error.message, status.id)
        return status.result

    async def submit_all(self, commands: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Result | MarketError]:
        """Give many commands, each a topic and its data, in their order, and wait for the outcome of each.

        Returns
        -------
        For each command its result, or the CommandRejected, RequestRefused or OutcomePending it met: one that fails
        does not keep the others back.
        """
        slots = asyncio.Semaphore(CONCURRENT_WAITS)

        async def posted(ledger: str) -> list[Any]:
            named = zip(ids, commands, strict=True)
            ends = usual_end()
            return await self._post_arrays(
                [self._signed(ledger, topic, data, id_, ends) for id_, (topic, data) in named]
            )

        async def outcome(answer: Any) -> Result:
            async with slots:
                return await self._outcome_of(answer)

        ids = [new_id() for _ in commands]
        answers = await self._ledger.in_its_epoch(posted)
        outcomes = await asyncio.gather(*map(outcome, answers), return_exceptions=True)
        return [_of_one_command(outcome) for outcome in outcomes]

    async def _post_together(self, commands: Sequence[SignedCommand]) -> list[Any]:
        """Post what was said at the same moment, and wait for the decisions; return an answer or a refusal of each."""
        if len(commands) == 1:
            return [await self._post(commands[0].body, LONG_POLL_S)]
        return await self._post_arrays(commands)

    async def _post_arrays(self, commands: Sequence[SignedCommand]) -> list[Any]:
        """Post commands in as few requests as the queue allows; return an answer or a refusal of each."""
        answers: list[Any] = []
        for batch in _batches(commands):
            answers += await self._post_array(batch)
        return answers

    async def _post_array(self, commands: Sequence[SignedCommand]) -> list[Any]:
        """Post commands in one request, and those that the queue had no room for again."""
        verdicts: dict[str, Any] = {}
        waiting = list(commands)

        async def post_waiting() -> None:
            content = b"[" + b",".join(command.body for command in waiting) + b"]"
            answers = await self._post(content, LONG_POLL_S)
            if not isinstance(answers, list) or len(answers) != len(waiting):
                raise self._unexpected(f"did not answer {len(waiting)} commands with {len(waiting)} receipts")
            verdicts.update((c.id, self._verdict(answer)) for c, answer in zip(waiting, answers, strict=True))
            refusals = {name: r for name, r in verdicts.items() if isinstance(r, RequestRefused)}
            waiting[:] = [c for c in waiting if c.id in refusals and is_temporary(refusals[c.id].status)]
            if waiting:
                raise Interruption(str(refusals[waiting[0].id]))

        await self._connection.persist(post_waiting)
        return [verdicts[command.id] for command in commands]

    async def _post(self, content: bytes, wait_s: int = 0) -> Any:
        question = {"wait": wait_s} if wait_s else None
        try:
            return await self._connection.exchange(
                "POST", "/queue", content=content, parameters=question, wait_s=wait_s
            )
        except RequestRefused as refusal:
            self._ledger.require_ours(refusal.code)
            raise

    def _verdict(self, answer: Any) -> Any:
        """Return the refusal that an answer to one of several commands is, if it is one, else the answer."""
        match answer:
            case {"status": int(status)}:
                refusal = RequestRefused.from_problem(status, answer)
                self._ledger.require_ours(refusal.code)
                return refusal
            case _:
                return answer

    # -- reads

    async def market(self) -> market_views.MarketView:
        """Return the market's operators, its money in all, and the accounts of the grid and network operators."""
        return await self._read(market_views.MarketView, "/market")

    async def learn_time(self) -> MarketTime:
        """Ask whether the market's time is simulated; return it. Who follows the events learns when that changes."""
        self.time.simulated = (await self.market()).simulated_time
        return self.time

    async def topology(self) -> market_views.TopologyView:
        """Return the network's graph."""
        return await self._read(market_views.TopologyView, "/topology")

    async def tariffs(self) -> market_views.TariffTableView:
        """Return the grid's tariffs by time."""
        return await self._read(market_views.TariffTableView, "/tariffs")

    async def prosumers(self) -> list[market_views.ProsumerView]:
        """Return all that are registered."""
        return await self._read_all(market_views.Prosumers, "/prosumers", lambda page: page.prosumers)

    async def prosumer(self, prosumer: str) -> market_views.ProsumerView:
        """Return one that is registered; RequestRefused ``UNKNOWN_PROSUMER`` if it is not."""
        return await self._read(market_views.ProsumerView, f"/prosumers/{quote(prosumer, safe='')}")

    async def statement(
        self, prosumer: str, begins: datetime | None = None, ends: datetime | None = None
    ) -> market_views.Statement:
        """Return what happened in a prosumer's account from a time up to, not including, another, slot by slot."""
        asked = {name: iso(at) for name, at in (("from", begins), ("to", ends)) if at is not None}
        path = f"/prosumers/{quote(prosumer, safe='')}/statement"
        whole = await self._read(market_views.Statement, path, asked)
        while whole.next is not None:
            rest = await self._read(market_views.Statement, path, {**asked, "from": iso(whole.next)})
            whole = whole.followed_by(rest)
        return whole

    async def games(self) -> list[views.GameSummary]:
        """Return a summary of every game, the oldest first."""
        return await self._read_all(views.Games, "/games", lambda page: page.games)

    async def open_games(self, correctable_at: datetime | None = None) -> list[views.GameView]:
        """Return the games whole in which something can still happen.

        Parameters
        ----------
        correctable_at
            With it also those whose settlement can still be corrected then.
        """
        open_ = [
            game.game
            for game in await self.games()
            if not game.is_over or (correctable_at is not None and game.phase_at(correctable_at) is Phase.CLOSED)
        ]
        games = [await self.find_game(game) for game in open_]
        return [game for game in games if game is not None]

    async def game(self, game: str, *, brief: bool = False) -> views.GameView:
        """Return one game whole, in brief without its hops; RequestRefused ``UNKNOWN_GAME`` if there is none."""
        return await self._read(views.GameView, f"/games/{quote(game, safe='')}", {"brief": "true"} if brief else None)

    async def find_game(self, game: str, *, brief: bool = False) -> views.GameView | None:
        """Return one game whole; None if there is none any more: the market was reset, or it is archived."""
        try:
            return await self.game(game, brief=brief)
        except RequestRefused as refusal:
            if refusal.code not in (errors.UnknownGame.code, errors.GameArchived.code):
                raise
            return None

    async def topology_of(self, game: str) -> market_views.TopologyView:
        """Return the graph that the hops of a large game follow from; without edges where it shows its hops."""
        return await self._read(market_views.TopologyView, f"/games/{quote(game, safe='')}/topology")

    async def bids(self, game: str, *, brief: bool = False) -> list[views.BidView]:
        """Return a game's bids in turn order, in brief without the amounts of zero."""
        path, more = f"/games/{quote(game, safe='')}/bids", {"brief": "true"} if brief else {}
        return await self._read_all(views.Bids, path, lambda page: page.bids, more)

    async def transfers(self, game: str) -> list[views.TransferView]:
        """Return a game's transfers."""
        path = f"/games/{quote(game, safe='')}/transfers"
        return await self._read_all(views.Transfers, path, lambda page: page.transfers)

    async def lines(self, game: str) -> list[market_views.SlotLine]:
        """Return what a settled slot came to for each participant."""
        path = f"/games/{quote(game, safe='')}/lines"
        return await self._read_all(market_views.SlotLines, path, lambda page: page.lines)

    async def balance(self, game: str) -> market_views.SlotBalance:
        """Return a slot's balance over all meters."""
        return await self._read(market_views.SlotBalance, f"/games/{quote(game, safe='')}/balance")

    async def meters(self) -> list[market_views.MeterView]:
        """Return the meters in service."""
        return await self._read_all(market_views.Meters, "/meters", lambda page: page.meters)

    async def blocks(self, first: int | None = 0, limit: int = MAX_BLOCKS) -> block_views.Blocks:
        """Return the ledger's height and the headers of some of its blocks, in their order.

        Parameters
        ----------
        first
            The number of the first; None: the newest ones.
        limit
            How many at most; of more than MAX_BLOCKS the queue is asked several times.
        """
        if first is None:
            first = max(0, (await self._page_of_blocks(0, 1)).height - limit)
        found: list[block_views.BlockSummary] = []
        while True:
            page = await self._page_of_blocks(first + len(found), min(limit - len(found), MAX_BLOCKS))
            found += page.blocks
            if len(found) == limit or len(page.blocks) < MAX_BLOCKS:
                return block_views.Blocks(height=page.height, blocks=found)

    async def block(self, number: int) -> block_views.BlockView:
        """Return one block with its transactions; RequestRefused ``UNKNOWN_BLOCK`` if there is none."""
        return await self._read(block_views.BlockView, f"/blocks/{number}")

    async def queue(self) -> views.QueueState:
        """Return the queue's depth and lag."""
        return await self._read(views.QueueState, "/queue")

    async def _read(self, kind: type[V], path: str, parameters: Mapping[str, int | str] | None = None) -> V:
        return self._view(kind, await self._connection.exchange("GET", path, parameters=parameters))

    async def _page_of_blocks(self, first: int, limit: int) -> block_views.Blocks:
        return await self._read(block_views.Blocks, "/blocks", {"from": first, "limit": limit})

    async def _read_all(
        self, kind: type[V], path: str, items_of: Callable[[V], list[Item]], more: Mapping[str, str] | None = None
    ) -> list[Item]:
        """Read a list page by page."""
        items: list[Item] = []
        while True:
            page = items_of(await self._read(kind, path, {"from": len(items), "limit": MAX_PAGE, **(more or {})}))
            items += page
            if len(page) < MAX_PAGE:
                return items

    def _view(self, kind: type[V], answer: Any) -> V:
        try:
            return kind.model_validate(answer)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors()[:3])
            raise UnexpectedAnswer(self._connection.url, f"answered with no {kind.__name__} ({problems})") from None

    @asynccontextmanager
    async def _suspicion(self) -> AsyncIterator[None]:
        """Where a refusal may come of a ledger that was begun anew, say so if it does."""
        try:
            yield
        except RequestRefused as refusal:
            if refusal.code in _SIGNS_OF_ANOTHER_LEDGER:
                await self._ledger.require_unchanged()
            raise

    def _unexpected(self, problem: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(self._connection.url, problem)

    # -- events

    async def events(
        self,
        after: str | None = None,
        *,
        game: str | None = None,
        prosumers: Sequence[str] = (),
        on_now: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncGenerator[MarketEvent, None]:
        """Yield the market's events without end, over breaks without loss or repeat.

        Close the generator (``contextlib.aclosing``) to leave it early.

        Parameters
        ----------
        after, game, prosumers, on_now
            See :class:`~prosumer_client.events.EventReader`.

        Raises
        ------
        RequestRefused
            For instance ``INVALID_CURSOR``.
        MarketUnavailable
            If the stream did not work for as long as our patience lasts.
        """
        reader = EventReader(self._connection, after, game, prosumers, self._ledger.known, on_now)
        async with self._suspicion(), aclosing(reader.read()) as stream:
            async for event in stream:
                if event.name in _TIME_SET:
                    await self.learn_time()
                yield event


class KnownLedger:
    """The ledger that all who speak on a connection sign for, however often the one behind the queue changes.

    A new epoch of it is followed: its operator began that one.

    Parameters
    ----------
    pinned
        Its id, where we know it from somebody else than the queue. A queue that lies could otherwise have us sign for
        another ledger, on which our keys are known, too.

    Attributes
    ----------
    known
        The ledger's id, None if nobody asked for it yet.
    """

    def __init__(self, connection: ServiceConnection, pinned: str | None = None) -> None:
        self._connection = connection
        self._is_pinned = bool(pinned)
        self.known = pinned or None
        self._asking = asyncio.Lock()

    async def id(self) -> str:
        """Return the ledger's id; the first time the queue is asked for it, unless it is pinned.

        Raises
        ------
        RequestRefused, MarketUnavailable, UnexpectedAnswer
        """
        async with self._asking:
            if self.known is None:
                self.known = await self._ask()
            return self.known

    async def in_its_epoch(self, send: Callable[[str], Awaitable[T]]) -> T:
        """Send something that is signed for the ledger; if a new epoch began there, once more, signed for that.

        Raises
        ------
        AnotherLedger
            It is not the same ledger in another epoch.
        """
        try:
            return await send(await self.id())
        except AnotherLedger:
            present = await self._ask()
            if present == self.known or not is_same_ledger(present, self.known):
                raise
            self.known = present
            return await send(present)

    def require_ours(self, code: str) -> None:
        """Raise AnotherLedger if this code of a refusal says that the ledger is not the one that we sign for."""
        if code == errors.LedgerDiffers.code:
            raise AnotherLedger(self._connection.url, str(self.known), self._is_pinned)

    async def require_unchanged(self) -> None:
        """Ask the queue whether the ledger is still the one that we sign for; raises AnotherLedger if it is not."""
        if self.known is not None and not is_same_ledger(await self._ask(), self.known):
            self.require_ours(errors.LedgerDiffers.code)

    async def _ask(self) -> str:
        match await self._connection.exchange("GET", "/market"):
            case {"ledger": str(ledger)}:
                return ledger
            case _:
                problem = "does not say which ledger it has (its contract may be older than this program)"
                raise UnexpectedAnswer(self._connection.url, problem)


def _batches(commands: Sequence[SignedCommand]) -> Iterator[list[SignedCommand]]:
    """Yield commands in their order, in lists that the queue takes."""
    batch: list[SignedCommand] = []
    size = 0
    for command in commands:
        if batch and (len(batch) == MAX_BATCH or size + len(command.body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(command)
        size += len(command.body)
    if batch:
        yield batch


def _of_one_command(outcome: Result | BaseException) -> Result | MarketError:
    """Let an outcome pass that says something about its command only; raise what concerns them all."""
    if isinstance(outcome, CommandRejected | RequestRefused | OutcomePending):
        return outcome
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
