"""The market's events as a stream that survives breaks: nothing lost, nothing twice, in the ledger's order."""

import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from httpx_sse import ServerSentEvent

from energy_market_chaincode import events, read_exact_json
from prosumer_client.connection import Interruption, ServiceConnection
from prosumer_client.errors import RequestRefused, UnexpectedAnswer

FROM_NOW = "now"
"""In place of a cursor: only what happens from now on."""


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """What the market told the world.

    Attributes
    ----------
    cursor
        Its place in the ledger: ``block.tx.index``.
    at
        The transaction's time.
    game
        The game it is about; None of a reset.
    data
        All of the event as in docs/reference/protocol.md. Numbers are exact: int, or Decimal where they have a point.
    """

    cursor: str
    at: datetime
    name: str
    game: str | None
    data: dict[str, Any]

    @property
    def told(self) -> events.Event:
        """The event as its type; raises ValueError if it is not what its name says."""
        return events.EVENTS.get(self.name, events.Event).model_validate(self.data)

    @classmethod
    def from_wire(cls, data: dict[str, Any]) -> Self:
        """Read an event as the stream carries it; raises LookupError, TypeError or ValueError if it is none."""
        at = datetime.fromisoformat(data["at"])
        return cls(cursor=data["cursor"], at=at, name=data["name"], game=data["game"], data=data)


def _place(cursor: str) -> tuple[int, ...]:
    """Return a cursor as numbers, which are ordered as events are."""
    return tuple(map(int, cursor.split(".")))


class EventReader:
    """Reads events after a cursor, and after a break goes on where it stopped.

    Parameters
    ----------
    after
        A cursor; None for all events from the first; :data:`FROM_NOW`.
    game
        Keep this game's events only.
    prosumers
        Keep only what concerns one of these; nobody: everything.
    ledger
        The id of the ledger that the cursors are of, if it is known: on another one they are refused.
    on_now
        Awaited whenever the stream begins at the present: at first, and again if it broke before it told us a cursor
        to resume from. What happened until then is on the ledger and not in the stream, what happens later will be in
        the stream: so this is the moment to look at the ledger.

    Attributes
    ----------
    cursor
        Where to resume: that of the newest event that was yielded, or what the stream began with.
    """

    def __init__(
        self,
        connection: ServiceConnection,
        after: str | None,
        game: str | None = None,
        prosumers: Sequence[str] = (),
        ledger: str | None = None,
        on_now: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._connection = connection
        self.cursor = after or "0"
        self._parameters = {"game": game, "prosumer": ",".join(prosumers) or None, "ledger": ledger}
        self._on_now = on_now
        self._opened_at = math.inf
        self._events: AsyncGenerator[MarketEvent, None] | None = None

    async def read(self) -> AsyncGenerator[MarketEvent, None]:
        """Yield events without end.

        Raises
        ------
        RequestRefused
            For instance ``INVALID_CURSOR``: the ledger is another one, or younger than the cursor.
        MarketUnavailable
            When the stream did not work for as long as our patience lasts.
        UnexpectedAnswer
        """
        try:
            while True:
                event = await self._connection.persist(self._next)
                if event is not None:
                    yield event
        finally:
            if self._events is not None:
                await self._events.aclose()

    async def _next(self) -> MarketEvent | None:
        """Return the next event, None after a break of a stream that had worked: patience begins anew with both."""
        if self._events is None:
            self._opened_at = math.inf
            self._events = self._read_once()
        try:
            return await anext(self._events)
        except StopAsyncIteration:
            interruption = Interruption("the event stream ended")
        except Interruption as caught:
            interruption = caught
        self._events = None
        if self._lasted():
            return None
        raise interruption

    def _lasted(self) -> bool:
        """Tell whether the stream was open for long enough to say that it worked, though nothing happened."""
        return time.monotonic() - self._opened_at > self._connection.patience.longest_delay_s

    async def _read_once(self) -> AsyncGenerator[MarketEvent, None]:
        parameters = {name: text for name, text in self._parameters.items() if text} | {"from": self.cursor}
        async with self._connection.stream("/events", parameters) as source:
            self._opened_at = time.monotonic()
            if self.cursor == FROM_NOW and self._on_now is not None:
                await self._on_now()
            async with aclosing(source.aiter_sse()) as messages:
                async for message in messages:
                    event = self._accept(message)
                    if event is not None:
                        yield event

    def _accept(self, message: ServerSentEvent) -> MarketEvent | None:
        """Move the cursor to a message; return its event, unless it has none or was seen before."""
        if message.event == "problem":  # the last message, of a ledger whose place another has taken
            raise RequestRefused.from_problem(409, message.json())
        try:
            event = MarketEvent.from_wire(read_exact_json(message.data)) if message.data else None
            # A server may also state the cursor alone, before anything happened.
            cursor = event.cursor if event is not None else message.id
            if not cursor or self._is_seen(cursor):
                return None
        except (LookupError, TypeError, ValueError) as error:
            raise UnexpectedAnswer(f"{self._connection.url}/events", f"sent what is no event ({error!r})") from None
        self.cursor = cursor
        return event

    def _is_seen(self, cursor: str) -> bool:
        return self.cursor not in ("0", FROM_NOW) and _place(cursor) <= _place(self.cursor)
