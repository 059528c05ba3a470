"""The other kinds of markets in containers: ordered by BFT, and without Fabric."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]


def test_bft_orders_transactions_without_one_of_four_orderers(bft_market: Any) -> None:
    bft_market.compose("kill", "orderer4")
    before = bft_market.get("/blocks?limit=1")["height"]
    bft_market.compose("run", "--rm", "cli", "prosumers", "top-up", "grid-operator", "1")
    assert bft_market.get("/blocks?limit=1")["height"] > before


def test_the_market_runs_on_the_embedded_ledger(embedded_market: Any) -> None:
    assert embedded_market.wait_for_trade()["settlement"]["energyDelivered"] > 0


def test_an_embedded_ledger_is_verified_backed_up_and_wiped_in_a_container(
    embedded_market: Any, tmp_path: Path
) -> None:
    assert "everything fits" in embedded_market.cli("ledger", "verify")
    embedded_market.type("docker compose run --rm -T cli backup - > market.tar", tmp_path)
    embedded_market.compose("stop")
    embedded_market.cli("reset", "--wipe", "--yes")
    embedded_market.type("docker compose run --rm -T cli restore - --yes < market.tar", tmp_path)
    embedded_market.up()
    assert "everything fits" in embedded_market.cli("ledger", "verify")
    assert len(embedded_market.get("/prosumers")["prosumers"]) == 5
