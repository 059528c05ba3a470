"""The market clock as an operator uses it: games onto its schedule and off it, pause and resume, each signed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from prosumer_client.connection import Patience, ServiceClient
from prosumer_client.errors import UnexpectedAnswer
from prosumer_client.identity import Identity

TRANSPORT_S = 60.0
"""How much longer than our patience a command is valid: clocks of two machines differ, and it is under way."""


class ClockTopic(StrEnum):
    """What the clock may be told. None of it is a command of the market, so neither can be taken for the other."""

    SCHEDULE_GAMES = "scheduleGames"
    UNSCHEDULE_GAMES = "unscheduleGames"
    PAUSE_CLOCK = "pauseClock"
    RESUME_CLOCK = "resumeClock"


class ClockClient(ServiceClient):
    """A connection with market_clock; an asynchronous context manager.

    Every call is tried again while there is hope and :class:`Patience`; a command keeps its id, so it counts once.

    Parameters
    ----------
    identity
        An operator; the clock looks up its key on the ledger.
    ledger
        The id of the ledger that the clock works for, see :meth:`MarketClient.ledger_id`.
    """

    def __init__(self, url: str, identity: Identity, ledger: str, *, patience: Patience | None = None) -> None:
        super().__init__(url, patience)
        self._identity = identity
        self._ledger = ledger

    async def schedule(self) -> dict[str, Any]:
        """Return the clock's schedule and the games that it drives, see the clock's OpenAPI document."""
        return self._object(await self._connection.exchange("GET", "/schedule"))

    async def add(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Enter games that are published again and again: ``every`` or ``cron``, ``parameters``, perhaps an ``id``.

        Raises
        ------
        RequestRefused
            For instance ``ENTRY_EXISTS``.
        MarketUnavailable, UnexpectedAnswer
            From every call.
        """
        return await self._say("/schedule", ClockTopic.SCHEDULE_GAMES, entry)

    async def publish(self, parameters: Mapping[str, Any], *, entry: str | None = None) -> str:
        """Have one game published at once and return its id; under the same ``entry`` it is the same game."""
        named = {} if entry is None else {"id": entry}
        answer = await self.add({"once": True, "parameters": parameters, **named})
        try:
            return str(answer["game"])
        except KeyError:
            raise UnexpectedAnswer(self._connection.url, "published a game and does not say which") from None

    async def remove(self, entry: str) -> None:
        """Take an entry off the schedule; RequestRefused ``UNKNOWN_ENTRY`` if there is none."""
        await self._say("/unschedule", ClockTopic.UNSCHEDULE_GAMES, {"id": entry})

    async def pause(self) -> None:
        """Have no games published until it is resumed; those that are published go on."""
        await self._say("/pause", ClockTopic.PAUSE_CLOCK, {})

    async def resume(self) -> None:
        """Have games published again, from the next slot on."""
        await self._say("/resume", ClockTopic.RESUME_CLOCK, {})

    async def _say(self, path: str, topic: ClockTopic, data: Mapping[str, Any]) -> dict[str, Any]:
        valid_until = datetime.now(UTC) + timedelta(seconds=self._connection.patience.total_s + TRANSPORT_S)
        timed = {**data, "validUntil": valid_until.isoformat(timespec="milliseconds")}
        command = self._identity.command(topic, timed, ledger=self._ledger)
        return self._object(await self._connection.exchange("POST", path, content=command.body))

    def _object(self, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise UnexpectedAnswer(self._connection.url, "answered with no JSON object")
        return answer
