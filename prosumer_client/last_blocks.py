"""What time it is on a ledger, by its last blocks."""

from datetime import datetime
from typing import Final

from energy_market_chaincode import events
from prosumer_client.client import MarketClient

LOOK_BACK: Final = 20
"""Blocks in which a ledger's latest time is looked for; a Fabric network writes some of its own."""


async def latest_time(market: MarketClient) -> datetime | None:
    """Return the latest time of the last blocks, as far as they are of this epoch; None if none of them has one."""
    height = (await market.blocks(limit=1)).height
    found: list[datetime] = []
    for number in range(height - 1, max(height - LOOK_BACK, 0) - 1, -1):
        for transaction in reversed((await market.block(number)).transactions):
            found.append(transaction.at)
            if any(event["name"] == events.LedgerTimeSetEvent.__name__ for event in transaction.events):
                return max(found)
    return max(found, default=None)
