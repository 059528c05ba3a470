"""A certified game as whoever solves it sees it: out of the contract's answers, by the solver."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from energy_market_chaincode import units
from market_solver import GridGame, certified, equilibrium_with_grid, hops_of_table
from tests.chaincode.conftest import Market


def prices_of(game: Mapping[str, Any]) -> dict[str, str]:
    """Solve a game, as it is read, and return the prices that certify it."""
    buyers = [buyer["buyer"] for buyer in game["buyers"]]
    sellers = [seller["seller"] for seller in game["sellers"]]
    hops, place = hops_of_table(buyers, sellers, game["hops"])
    in_kwh = GridGame(
        demand=np.array([float(buyer["demand"]) for buyer in game["buyers"]]),
        capacity=np.array([float(seller["capacity"]) for seller in game["sellers"]]),
        price=np.array([float(seller["price"]) for seller in game["sellers"]]),
        hops=hops,
        place=place,
        fee_per_hop=float(game["parameters"]["feePerHop"]),
        retail_tariff=float(game["parameters"]["retailTariff"]),
    )
    *_, point = equilibrium_with_grid(in_kwh)
    found = certified(in_kwh, point).exact_scarcity
    base = [units.price_from_currency_per_kwh(seller["price"]) for seller in game["sellers"]]
    return {
        seller: str(units.currency_per_kwh(price + pi)) for seller, price, pi in zip(sellers, base, found, strict=True)
    }


async def clearing_of(market: Market, game: str) -> dict[str, Any]:
    """Return the data of an honest publishClearing."""
    shown = await market.invoke("game", game)
    return {"game": game, "arena": shown["clearing"]["arena"], "prices": prices_of(shown)}
