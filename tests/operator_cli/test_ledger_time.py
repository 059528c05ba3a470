"""Which time `ledger set-time` takes for the wrong one if it is not told."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from energy_market_chaincode import block_views
from operator_cli.ledger_commands import latest_time
from prosumer_client import MarketClient

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
WRONG = NOON + timedelta(days=400)
TOP_UP, SET = "AccountToppedUpEvent", "LedgerTimeSetEvent"


class Ledger:
    """A ledger with a block for each time, in which one event is told; None: a block of the network's own."""

    def __init__(self, *blocks: tuple[datetime | None, str]) -> None:
        self._blocks = blocks

    async def blocks(self, first: int = 0, limit: int = 100) -> block_views.Blocks:
        return block_views.Blocks(height=len(self._blocks), blocks=[])

    async def block(self, number: int) -> block_views.BlockView:
        at, event = self._blocks[number]
        told = {"id": "t", "at": at, "commands": [], "results": [], "events": [{"name": event}]}
        block = {"number": number, "hash": "", "previousHash": "", "at": at, "nrTransactions": 1}
        return block_views.BlockView.model_validate({**block, "transactions": [told] if at is not None else []})


async def latest(*blocks: tuple[datetime | None, str]) -> Any:
    return await latest_time(cast(MarketClient, Ledger(*blocks)))


async def test_it_is_the_latest_of_this_epoch_which_on_fabric_need_not_be_the_last() -> None:
    assert await latest((NOON, TOP_UP), (WRONG, TOP_UP), (NOON, TOP_UP), (None, "")) == WRONG
    assert await latest((WRONG, TOP_UP), (NOON, SET), (NOON + timedelta(hours=1), TOP_UP)) == NOON + timedelta(hours=1)
    assert await latest((WRONG, TOP_UP), (NOON, SET)) == NOON


async def test_a_network_without_a_block_of_the_market_has_none() -> None:
    assert await latest((None, "")) is None
