"""A buyer that buys in its own street alone: its best response to the sellers at most two hops away.

    energy-market prosumers add P100 --balance 100
    energy-market topology connect P100 feeder
    python examples/strategy.py P100 12

P100 has to stand in the market's topology, here beside a node of it; else its log says ``Not taken into the game``,
NOT_IN_TOPOLOGY.

The market's address and keys come from where ``energy-market`` takes them: ENERGY_MARKET_QUEUE_URL, ENERGY_MARKET_HOME.
"""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from prosumer_client import Bid, Buyer, Identity, MarketClient, Meter, Turn, run_together

FARTHEST = 2
"""Hops."""


class OwnStreetOnly(Buyer):
    """Bids its best response to the sellers that are near; the grid gives the rest."""

    async def bid(self, turn: Turn) -> Bid | None:
        """Return the best response, or None where that saves too little."""
        near = tuple(seller for seller in turn.sellers if seller.hops <= FARTHEST)
        best = replace(turn, sellers=near).best_response()
        return best if turn.is_worthwhile(best) else None


async def main(prosumer: str, demand: str) -> None:
    """Play game after game until Ctrl-C."""
    home = Path(os.environ.get("ENERGY_MARKET_HOME", ".energy-market"))
    url = os.environ.get("ENERGY_MARKET_QUEUE_URL", "http://127.0.0.1:8080")
    async with MarketClient(url, Identity.load(prosumer, home / "keys")) as market:
        await run_together(market, [OwnStreetOnly(market, demand), Meter(market)])


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
