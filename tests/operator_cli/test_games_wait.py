"""``energy-market games wait``: what a script would ask in a loop for, told by the events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from energy_market_chaincode import UnknownGame
from operator_cli import game_commands
from operator_cli.settings import OperatorSettings
from prosumer_client import MarketEvent, RequestRefused

ABOUT_IT, ABOUT_ANOTHER, RESET = "evening", "morning", None


@dataclass
class Market:
    """A market that tells events and is, after each, in the next of some states; None: without the game."""

    tells: Sequence[str | None]
    states: Sequence[bool | None]
    asked: int = 0
    shown: list[str] = field(default_factory=list)

    async def game(self, game: str, *, brief: bool) -> Any:
        assert (game, brief) == ("evening", True)
        is_over = self.states[self.asked]
        self.asked += 1
        if is_over is None:
            raise RequestRefused(404, UnknownGame.code, "There is no game evening.")
        return SimpleNamespace(is_over=is_over)

    async def events(self, after: str, *, on_now: Callable[[], Awaitable[None]]) -> AsyncGenerator[MarketEvent, None]:
        assert after == "now"
        await on_now()
        for number, game in enumerate(self.tells):
            yield MarketEvent(f"{number}.0.0", datetime.now(UTC), "SomeEvent", game, {})
        pytest.fail("nobody stopped listening")


@pytest.fixture
def waits(energy_market: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Market], Any]:
    def waits(market: Market) -> Any:
        monkeypatch.setattr(OperatorSettings, "ask", lambda _, question: asyncio.run(question(market)))
        monkeypatch.setattr(game_commands, "_show", lambda game, json: market.shown.append(game))
        return energy_market("games", "wait", "evening")

    return waits


def test_a_game_that_is_over_is_shown_at_once(waits: Callable[[Market], Any]) -> None:
    market = Market([], [True])
    assert waits(market).code == 0
    assert market.shown == ["evening"]


def test_it_is_asked_for_again_when_something_happens_in_it_and_shown_when_it_is_over(
    waits: Callable[[Market], Any],
) -> None:
    market = Market([ABOUT_IT, ABOUT_ANOTHER, ABOUT_IT], [False, False, True])
    assert waits(market).code == 0
    assert (market.asked, market.shown) == (3, ["evening"])


@pytest.mark.parametrize(("tells", "states"), [([], [None]), ([RESET], [False, None])], ids=["never there", "reset"])
def test_a_game_that_is_not_there_or_no_longer_is_said(
    waits: Callable[[Market], Any], tells: list[str | None], states: list[bool | None]
) -> None:
    market = Market(tells, states)
    ended = waits(market)
    assert (ended.code, market.shown) == (1, [])
    assert "UNKNOWN_GAME" in ended.said
