"""Clears certified games: asks the optimizer for prices, which the contract then proves or refuses."""

from collections.abc import Mapping
from typing import Any

from energy_market_chaincode import GameView
from prosumer_client import MarketClient, Optimizer

MANY_PAIRS = 10_000
"""Beyond so many pairs of buyers and sellers the network's graph is sent instead of their hops."""


async def clearing_of(game: GameView, market: MarketClient, optimizer: Optimizer) -> dict[str, Any]:
    """Return the data of a game's publishClearing.

    Parameters
    ----------
    game
        In brief.
    market
        Is asked for the hops.

    Raises
    ------
    prosumer_client.MarketError
    """
    assert game.clearing is not None  # noqa: S101 - nobody solves another game; for the type checker
    prices = await optimizer.clearing(question_of(game) | await _hops(game, market))
    return {"game": game.game, "arena": game.clearing.arena, "prices": prices}


async def _hops(game: GameView, market: MarketClient) -> dict[str, Any]:
    if game.layout is not None:
        return {"edges": (await market.topology_of(game.game)).edges}
    edges = (await market.topology()).edges
    if edges is not None and game.nr_buyers * game.nr_sellers > MANY_PAIRS:
        return {"edges": edges}
    return shared_rows((await market.game(game.game)).hops)


def question_of(game: GameView) -> dict[str, Any]:
    """Return what POST /clearing wants to know beside the hops."""
    return {
        "buyers": {buyer.buyer: {"demand": buyer.demand} for buyer in game.buyers},
        "sellers": {seller.seller: {"capacity": seller.capacity, "price": seller.price} for seller in game.sellers},
        "retail_tariff": game.parameters.retail_tariff,
        "fee_per_hop": game.parameters.fee_per_hop,
    }


def shared_rows(hops: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Return hops with one row for all buyers that are as far from everybody: ``hops`` and ``places``."""
    first: dict[tuple[int, ...], str] = {}
    places = {buyer: first.setdefault(tuple(row.values()), buyer) for buyer, row in hops.items()}
    return {"hops": {place: hops[place] for place in first.values()}, "places": places}
