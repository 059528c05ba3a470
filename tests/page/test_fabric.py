"""The ledger's views on real Fabric networks, whose blocks are vouched for by orderers and clients."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fabric_network.launcher import Network
from tests.page.conftest import ENERGY_MARKET, RunningMarket, start, stop
from tests.page.test_verifying import altered

pytestmark = [pytest.mark.fabric, pytest.mark.timeout(300)]

ANY_PORTS = [word for name in ("queue", "optimizer", "clock", "dashboard") for word in (f"--{name}-port", "0")]


@pytest.fixture(scope="module", params=["raft", "bft"])
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMarket]:
    """A market on a network of its own, on which S1 has an account."""
    home: Path = tmp_path_factory.mktemp(request.param)
    network = ["network", "up", "--consensus", request.param, "--base-port", "0", "--home", str(home)]
    try:
        done = subprocess.run([*ENERGY_MARKET, *network], capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        running = start(home, "up", "--ledger", "fabric", *ANY_PORTS)
        try:
            running.enters("S1")
            yield running
        finally:
            stop(running)
    finally:
        Network(home).wipe()


def newest(market: RunningMarket) -> dict[str, Any]:
    """Return the newest block, which holds S1's money."""
    number = market.ask("blocks?limit=1")["height"] - 1
    return dict(market.ask(f"blocks/{number}"))


def test_the_chain_is_recomputed_from_the_network_s_own_first_block_on(market: RunningMarket, page: Page) -> None:
    page.goto(f"{market.url}/#/ledger")
    expect(page.get_by_text("hashes recomputed, each follows the one before")).to_be_visible()
    expect(page.get_by_role("link", name="Block 0", exact=True)).to_be_visible()


def test_a_block_a_transaction_a_command_and_its_signature_are_three_clicks(market: RunningMarket, page: Page) -> None:
    block = newest(market)
    page.goto(f"{market.url}/#/ledger")
    page.get_by_role("link", name=f"Block {block['number']}", exact=True).click()
    expect(page.get_by_text("✓ hash recomputed from the content")).to_be_visible()
    expect(page.get_by_text("✓ follows the block before it")).to_be_visible()
    page.get_by_role("region", name="Transactions").get_by_role("link").click()
    page.get_by_role("region", name="Commands").get_by_role("link", name="topUpAccount").click()
    expect(page.get_by_text("✓ signed by operator")).to_be_visible()


def test_everybody_who_vouches_for_a_block_is_named_and_checked(market: RunningMarket, page: Page) -> None:
    number = newest(market)["number"]
    vouchers = market.ask(f"blocks/{number}/evidence")["vouchers"]
    assert {voucher["role"] for voucher in vouchers} == {"orderer", "client", "endorser"}
    page.goto(f"{market.url}/#/ledger/{number}")
    expect(page.locator(".tag.good", has_text="✓ signed by")).to_have_count(len(vouchers))
    for voucher in vouchers:
        expect(page.get_by_text(f"of {voucher['organisation']}").first).to_be_visible()
    expect(page.get_by_text("✗")).to_have_count(0)


def test_content_or_a_signature_that_was_changed_on_the_way_is_shown(market: RunningMarket, page: Page) -> None:
    number = newest(market)["number"]

    def tamper(evidence: Any) -> None:
        evidence["data"][0] = evidence["data"][0][:-8] + "AAAAAAA="
        evidence["vouchers"][0]["signed"] = evidence["vouchers"][0]["signed"][:-8] + "AAAAAAA="

    page.route(f"**/api/queue/blocks/{number}/evidence", altered(tamper))
    page.goto(f"{market.url}/#/ledger/{number}")
    expect(page.get_by_text("✗ the content has another hash")).to_be_visible()
    expect(page.get_by_text("✗ not signed by")).to_have_count(1)
