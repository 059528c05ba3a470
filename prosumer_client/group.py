"""Participants of one process that share one event stream."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import NoReturn, Protocol

import structlog

from prosumer_client.client import MarketClient
from prosumer_client.events import FROM_NOW, MarketEvent
from prosumer_client.first import first_of
from prosumer_client.games import GameView, open_games


class Member(Protocol):
    """Whoever can be part of a group; see :class:`~prosumer_client.participant.Participant`."""

    def concerns(self, event: MarketEvent) -> bool:
        """Tell whether it has to react to an event."""

    async def catch_up(self, game: GameView) -> None:
        """Do what is due in an open game as it stands on the ledger."""

    async def react(self, event: MarketEvent) -> None:
        """Do what is due after an event."""


LISTENING = "Listening to the market"
"""Is logged once nothing that happens on the market escapes the group any more."""

_log = structlog.get_logger()

Inbox = asyncio.Queue[GameView | MarketEvent]


async def run_together(market: MarketClient, members: Sequence[Member]) -> None:
    """Let members play game after game until cancelled; one that fails ends them all with its error.

    Each works through its own inbox, so that a slow one does not keep the others waiting. What happened before the
    stream begins is read from the ledger, once for all.
    """
    inboxes: list[Inbox] = [asyncio.Queue() for _ in members]

    async def look() -> None:
        for game in await open_games(market):
            for inbox in inboxes:
                inbox.put_nowait(game)
        _log.info(LISTENING)

    async def listen() -> None:
        async with aclosing(market.events(FROM_NOW, on_now=look)) as events:
            async for event in events:
                for member, inbox in zip(members, inboxes, strict=True):
                    if member.concerns(event):
                        inbox.put_nowait(event)

    works = [_work(member, inbox) for member, inbox in zip(members, inboxes, strict=True)]
    await first_of(listen(), *works)


async def _work(member: Member, inbox: Inbox) -> NoReturn:
    while True:
        item = await inbox.get()
        if isinstance(item, GameView):
            await member.catch_up(item)
        else:
            await member.react(item)
