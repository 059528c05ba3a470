"""The archivist: what is final for long enough is archived, by however many commands that takes."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from energy_market_chaincode import Topic
from market_clock.archivist import Archivist
from market_clock.ledger_time import LedgerTime
from prosumer_client import RequestRefused


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
    archivist = Archivist(LedgerTime(lambda: now), timedelta(hours=2), lambda topic, outcome: decided.update([outcome]))
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
