"""What a settled slot leaves on every ledger in the end, and that the blocks have the rest."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode import LinesArchived, Topic, iso, milliseconds, read_exact_json
from ledger.embedded import verify
from prosumer_client.identity import Identity
from tests.ledger.conftest import OPERATOR, Hosted, embedded
from tests.ledger.test_orders import say


async def settled_slot(hosted: Hosted) -> tuple[str, str]:
    """Let two houses buy a kWh each from the grid in a game of their own; return one's name and the game's."""
    house, other, game = f"House-{uuid.uuid4()}", f"House-{uuid.uuid4()}", f"Game-{uuid.uuid4()}"
    key = Identity(house, hosted.key).public_key
    for name in (house, other):
        await done(hosted, OPERATOR, Topic.REGISTER_PROSUMER, id=name, publicKey=key)
        await done(hosted, OPERATOR, Topic.TOP_UP_ACCOUNT, prosumer=name, amount="100")
    await done(hosted, OPERATOR, Topic.SET_TOPOLOGY, edges=[["grid", house], ["grid", other]])
    terms = {"deliverySlot": game, "expectedParticipants": 2, "deliveryDurationMs": 1, "metering": "self"}
    await done(hosted, OPERATOR, Topic.PUBLISH_GAME, game=game, **terms)
    for name in (house, other):
        await done(hosted, name, Topic.PUBLISH_DEMAND, game=game, amount="1")
    await done(hosted, OPERATOR, Topic.STOP_GAME_REGISTRATION, game=game)
    for name in (house, other):
        await done(hosted, name, Topic.PUBLISH_METER_READING, game=game, sequence=1, inEnergy="1", outEnergy="0")
    await done(hosted, OPERATOR, Topic.CLOSE_MARKET, game=game)
    return house, game


async def done(hosted: Hosted, who: str, topic: str, **data: Any) -> Any:
    result = await say(hosted, who, topic, **data)
    assert result["status"] == "committed", result
    return result["result"]


async def archived(hosted: Hosted, house: str, game: str) -> datetime:
    """Archive the game and its line; return the moment before when lines went."""
    line = (await asked(hosted, "lines", game))["lines"][0]
    before = datetime.fromisoformat(line["begins"]) + timedelta(milliseconds=1)
    while datetime.now(UTC) <= before:  # noqa: ASYNC110 - time wakes nobody: the ledger's must have come to that
        await asyncio.sleep(0.001)
    slots = await done(hosted, OPERATOR, Topic.ARCHIVE_SLOTS, games=[game])
    lines = await done(hosted, OPERATOR, Topic.ARCHIVE_LINES, prosumers=[house], before=iso(before))
    assert (slots, lines) == ({"archived": [game], "left": []}, {"archived": [house], "left": []})
    return before


async def asked(hosted: Hosted, function: str, *args: str) -> dict[str, Any]:
    answer: dict[str, Any] = read_exact_json(await hosted.ledger.query(function, *args))
    return answer


async def test_a_slots_game_and_in_the_end_its_line_leave_every_ledger(hosted: Hosted) -> None:
    house, game = await settled_slot(hosted)
    before = await archived(hosted, house, game)
    with pytest.raises(LinesArchived, match="1 lines of slots before"):
        await asked(hosted, "lines", game)
    later = str(milliseconds(before))
    statement = await asked(hosted, "statement", house, later, str(milliseconds(before) + 86_400_000), "100")
    assert statement["lines"] == []


async def test_the_blocks_of_an_archived_slot_verify(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async with embedded(request, tmp_path) as hosted:
        await archived(hosted, *await settled_slot(hosted))
    assert verify(tmp_path / "ledger.sqlite").fault is None
