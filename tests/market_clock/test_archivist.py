"""The archivist: what is final for long enough is archived, by however many commands that takes."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from energy_market_chaincode import Role, Topic, market_views
from market_clock.archivist import Archivist
from market_clock.ledger_time import LedgerTime
from prosumer_client import MarketClient, RequestRefused


async def test_games_are_archived_once_they_are_final_for_long_enough(neighbourhood: Any) -> None:
    market, decided = neighbourhood.client(), Counter[str]()
    await market.submit(Topic.SET_TOPOLOGY, {"edges": [["a", "b"]]})
    at_once = {"registrationDurationMs": 1, "deliveryDurationMs": 1}
    for name in ("old", "older", "open"):
        await market.submit(Topic.PUBLISH_GAME, {"game": name, "deliverySlot": name, **at_once})
    for name in ("old", "older"):
        await market.submit(Topic.STOP_GAME_REGISTRATION, {"game": name})
        await market.submit(Topic.CLOSE_MARKET, {"game": name})
    (final,) = {game.final_at for game in await market.games() if game.game == "older"}
    now = final + timedelta(hours=1)
    archivist = Archivist(
        LedgerTime(lambda: now), timedelta(hours=2), timedelta(), lambda topic, outcome: decided.update([outcome])
    )
    await archivist.archive_due(market)
    assert {game.game for game in await market.games()} == {"old", "older", "open"}
    now += timedelta(hours=2)
    await archivist.archive_due(market)
    assert {game.game for game in await market.games()} == {"open"}
    assert decided == {"committed": 1}
    with pytest.raises(RequestRefused) as gone:
        await market.game("old")
    assert gone.value.code == "GAME_ARCHIVED"
    assert await market.find_game("old") is None


class OldMarket:
    """A market that is years old: what is said to it, part by part of what it is asked for."""

    def __init__(self, market: market_views.MarketView) -> None:
        self._market = market
        self.said: list[tuple[str, dict[str, Any]]] = []

    async def market(self) -> market_views.MarketView:
        return self._market

    async def prosumers(self) -> list[Any]:
        roles = {"P1": Role.PROSUMER, "m-P1": Role.METER, "P2": Role.PROSUMER}
        return [SimpleNamespace(prosumer=name, role=role) for name, role in roles.items()]

    async def submit(self, topic: str, data: dict[str, Any]) -> dict[str, Any]:
        self.said.append((topic, data))
        return {"archived": data["prosumers"][:1], "left": data["prosumers"][1:]}


async def test_old_lines_are_archived_once_a_day_and_not_before_there_can_be_any(neighbourhood: Any) -> None:
    began = datetime(2026, 6, 1, 12, tzinfo=UTC)
    market = OldMarket((await neighbourhood.client().market()).model_copy(update={"initialised_at": began}))
    now = began
    archivist = Archivist(LedgerTime(lambda: now), timedelta(), timedelta(days=400), lambda topic, outcome: None)
    days = []
    for hours in (399 * 24, 401 * 24, 401 * 24 + 1, 402 * 24):
        now = began + timedelta(hours=hours)
        await archivist.archive_lines_due(cast("MarketClient", market))
        days.append(len(market.said))
    assert days == [0, 2, 2, 4]
    assert market.said[:2] == [
        (Topic.ARCHIVE_LINES, {"prosumers": names, "before": "2026-06-02T00:00:00.000Z"})
        for names in (["P1", "P2"], ["P2"])
    ]
