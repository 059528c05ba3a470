"""The market in containers, for real: played, reset, stopped and continued, killed in parts, upgraded."""

from typing import Any

import pytest

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

BEST_RESPONSE_COST = 36.747
"""Exact sequential best response on original.yaml, see the seed's README."""


def height(market: Any) -> int:
    number: int = market.get("/blocks?limit=1")["height"]
    return number


def top_up(market: Any, prosumer: str = "S001") -> None:
    """Have the operator's command line commit a transaction."""
    market.compose("run", "--rm", "cli", "prosumers", "top-up", prosumer, "1")


def test_a_game_is_played_to_its_equilibrium(market: Any) -> None:
    game = market.wait_for_game("closed")
    assert game["stop"]["reason"] == "equilibrium"
    assert float(game["stop"]["totalCost"]) == pytest.approx(BEST_RESPONSE_COST, rel=1e-3)
    loads = {seller["seller"]: float(seller["load"]) for seller in game["sellers"]}
    assert (loads["S003"], loads["S002"]) == (49, 29)


def test_reset_clears_the_market_and_keeps_the_chain(market: Any) -> None:
    before = height(market)
    market.compose("run", "--rm", "cli", "reset", "--yes")
    assert height(market) > before


def test_the_ledger_is_kept_while_the_market_is_down(market: Any) -> None:
    first = market.get("/blocks/1")["hash"]
    before = height(market)
    market.compose("down")
    market.up()
    assert market.get("/blocks/1")["hash"] == first
    assert height(market) >= before


@pytest.mark.parametrize(
    "service", ["orderer1", "utility-peer1", "cooperative-chaincode", "tx_queue", "market_clock", "prosumers"]
)
def test_the_market_goes_on_after_a_container_was_killed(market: Any, service: str) -> None:
    before = height(market)
    market.compose("kill", service)
    market.up("--no-deps", service)
    top_up(market)
    assert height(market) > before


def test_without_one_of_three_orderers_transactions_are_committed(market: Any) -> None:
    market.compose("kill", "orderer3")
    before = height(market)
    top_up(market)
    assert height(market) > before
    market.up("--no-deps", "orderer3")


def test_the_contract_is_upgraded_on_a_running_market(market: Any) -> None:
    accounts = {view["prosumer"] for view in market.get("/prosumers")["prosumers"]}
    market.up(ENERGY_MARKET_CONTRACT_VERSION="1.1")
    assert {view["prosumer"] for view in market.get("/prosumers")["prosumers"]} == accounts
    top_up(market)
    market.up(ENERGY_MARKET_CONTRACT_VERSION="1.2")
    top_up(market)
