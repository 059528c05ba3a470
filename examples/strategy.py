"""A buyer that never pays more than the grid would take, and plays its best response otherwise.

    energy-market prosumers add P100 --balance 100
    python examples/strategy.py P100 12

The market's address and keys come from where ``energy-market`` takes them: ENERGY_MARKET_QUEUE_URL, ENERGY_MARKET_HOME.
"""

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

from prosumer_client import Bid, Buyer, Identity, MarketClient, Meter, Terms, Turn, run_together


class NoDearerThanTheGrid(Buyer):
    """Bids its best response where that costs less than the grid; else it passes, and buys from the grid."""

    retail_tariff = Decimal(0)

    async def demand(self, terms: Terms) -> Decimal | None:
        """Ask for the same in every game; remember what the grid takes for a kWh in this one."""
        self.retail_tariff = terms.retail_tariff
        return await super().demand(terms)

    async def bid(self, turn: Turn) -> Bid | None:
        """Return the best response, or None where it saves too little, costs too much, or does not fit."""
        best = turn.best_response()
        if best is None or not turn.is_worthwhile(best):
            return None
        return best if turn.cost(best) < self.retail_tariff * turn.demand else None


async def main(prosumer: str, demand: str) -> None:
    """Play game after game until Ctrl-C."""
    home = Path(os.environ.get("ENERGY_MARKET_HOME", ".energy-market"))
    url = os.environ.get("ENERGY_MARKET_QUEUE_URL", "http://127.0.0.1:8080")
    async with MarketClient(url, Identity.load(prosumer, home / "keys")) as market:
        await run_together(market, [NoDearerThanTheGrid(market, demand), Meter(market)])


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
