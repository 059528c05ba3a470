"""Simulated time on every ledger: transactions have real times, and games go by what follows from them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from energy_market_chaincode import Phase, iso, market_views, moment, read_exact_json, views
from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.setup import operator_of_key
from ledger import LedgerKind, LedgerSettings, open_ledger
from prosumer_client.identity import key_file, load_key
from tests.ledger.conftest import OPERATOR, Hosted, embedded

DAY = datetime(2026, 6, 23, tzinfo=UTC)
FACTOR = 600
PATIENCE_S = 60

Host = Callable[[pytest.FixtureRequest, Path], AbstractAsyncContextManager[Hosted]]


@asynccontextmanager
async def new_fabric(_: pytest.FixtureRequest, home: Path) -> AsyncIterator[Hosted]:
    """A network of its own: the others have games by real time."""
    operator = operator_of_key(OPERATOR, key_file(home / "keys", OPERATOR))
    try:
        await asyncio.to_thread(Network(home).up, {"base_port": ANY_FREE_PORTS}, operator)
        ledger = await open_ledger(LedgerSettings(ledger=LedgerKind.FABRIC, home=home))
        yield Hosted(ledger, load_key(key_file(home / "keys", OPERATOR)))
        await ledger.close()
    finally:
        await asyncio.to_thread(Network(home).wipe)


@pytest.fixture(params=[embedded, pytest.param(new_fabric, marks=pytest.mark.fabric)])
async def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hosted]:
    """Every kind of ledger, each new."""
    host: Host = request.param
    async with host(request, tmp_path) as hosted:
        yield hosted


@pytest.fixture
def say(hosted: Hosted, command: Callable[..., str]) -> Callable[..., Any]:
    """Give a command of the operator; return its result, or the code of its rejection."""

    async def said(topic: str, /, **data: Any) -> Any:
        (result,) = (await hosted.ledger.submit([command(topic, **data)])).results
        return result["result"] if result["status"] == "committed" else result["code"]

    return said


@pytest.fixture
def until_due(say: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command until it does not come too early any more."""

    async def given(too_early: str, topic: str, /, **data: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await say(topic, **data)) == too_early:  # noqa: ASYNC110 - no event tells the time
                await asyncio.sleep(0.05)
        assert isinstance(answer, dict), answer

    return given


async def test_a_slot_of_a_simulated_day_is_published_closed_and_settled_within_seconds(
    hosted: Hosted, say: Callable[..., Any], until_due: Callable[..., Any]
) -> None:
    mapping = market_views.SimulatedTimeView.model_validate(await say("simulateTime", start=iso(DAY), factor=FACTOR))
    assert (mapping.start, mapping.factor) == (DAY, FACTOR)
    assert abs(mapping.began - datetime.now(UTC)) < timedelta(minutes=1)
    assert await say("simulateTime", start=iso(DAY), factor=FACTOR) == "TIME_SIMULATED"
    shown = read_exact_json(await hosted.ledger.query("market"))
    assert market_views.MarketView.model_validate(shown).simulated_time == mapping

    await say("setTopology", edges=[["S", "B"]])
    slot = mapping.market_time(datetime.now(UTC) + timedelta(seconds=3))
    terms = {"deliverySlot": iso(slot), "slotDurationMs": 60_000, "meteringWindowMs": 0, "turnDeadlineMs": 1}
    assert await say("publishGame", game="g", **terms) == {"game": "g"}
    game = await the_game(hosted)
    block = await hosted.ledger.block(await hosted.ledger.height() - 1)
    assert game.published_at == mapping.market_time(moment(block.transactions[-1].at_ms))
    assert game.parameters.turn_deadline_ms == 2_000 * FACTOR

    if game.phase is Phase.REGISTRATION:  # else it was published after its slot began, by a very slow machine
        await until_due("REGISTRATION_OPEN", "stopGameRegistration", game="g")
    await until_due("DELIVERY_NOT_OVER", "closeMarket", game="g")
    settlement = (await the_game(hosted)).settlement
    assert settlement is not None
    assert settlement.closed_at >= slot + timedelta(minutes=1)
    last = await hosted.ledger.block(await hosted.ledger.height() - 1)
    assert mapping.began < moment(last.transactions[-1].at_ms) < datetime.now(UTC) + timedelta(minutes=1)


async def the_game(hosted: Hosted) -> views.GameView:
    return views.GameView.model_validate(read_exact_json(await hosted.ledger.query("game", "g")))
