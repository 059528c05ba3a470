"""The latest time on a ledger by its last blocks, which `ledger set-time` takes for the wrong one if it is not told."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from energy_market_chaincode import block_views
from prosumer_client import MarketClient, latest_time

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
WRONG = NOON + timedelta(days=400)
TOP_UP, SET = "AccountToppedUpEvent", "LedgerTimeSetEvent"

Told = tuple[datetime, str]


class Ledger:
    """A ledger of blocks, each with its transactions' times and events; without any it is one of the network's own."""

    def __init__(self, *blocks: list[Told]) -> None:
        self._blocks = blocks

    async def blocks(self, first: int = 0, limit: int = 100) -> block_views.Blocks:
        return block_views.Blocks(height=len(self._blocks), blocks=[])

    async def block(self, number: int) -> block_views.BlockView:
        told = [
            {"id": "t", "at": at, "commands": [], "results": [], "events": [{"name": event}]}
            for at, event in self._blocks[number]
        ]
        at = told[-1]["at"] if told else None
        block = {"number": number, "hash": "", "previousHash": "", "at": at, "nrTransactions": len(told)}
        return block_views.BlockView.model_validate({**block, "transactions": told})


async def latest(*blocks: list[Told]) -> Any:
    return await latest_time(cast(MarketClient, Ledger(*blocks)))


async def test_it_is_the_latest_of_this_epoch_which_on_fabric_need_not_be_the_last() -> None:
    soon = NOON + timedelta(hours=1)
    assert await latest([(NOON, TOP_UP)], [(WRONG, TOP_UP)], [(NOON, TOP_UP)], []) == WRONG
    assert await latest([(WRONG, TOP_UP)], [(NOON, SET)], [(soon, TOP_UP)]) == soon
    assert await latest([(WRONG, TOP_UP)], [(NOON, SET)]) == NOON


async def test_it_may_be_that_of_a_transaction_before_its_blocks_last_one() -> None:
    assert await latest([(WRONG, TOP_UP), (NOON, TOP_UP)]) == WRONG
    assert await latest([(WRONG, TOP_UP), (NOON, SET)]) == NOON


async def test_a_network_without_a_block_of_the_market_has_none() -> None:
    assert await latest([]) is None
