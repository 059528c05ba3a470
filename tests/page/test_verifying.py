"""What the browser verifies of the ledger by itself, and how it shows what does not hold."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.page


def altered(change: Callable[[Any], None]) -> Callable[[Route], None]:
    """Answer what the queue answers, but for a change that somebody made on the way."""

    def answer(route: Route) -> None:
        document = route.fetch().json()
        change(document)
        route.fulfill(json=document)

    return answer


def test_blocks_are_recomputed_and_follow_each_other(played: Any, page: Page) -> None:
    page.goto(f"{played.url}/#/ledger")
    expect(page.get_by_text("hashes recomputed, each follows the one before")).to_be_visible()
    page.goto(f"{played.url}/#/ledger/5")
    expect(page.get_by_text("✓ hash recomputed from the content")).to_be_visible()
    expect(page.get_by_text("✓ follows the block before it")).to_be_visible()


def test_content_that_was_tampered_with_is_shown_as_not_verified(played: Any, page: Page) -> None:
    def tamper(evidence: Any) -> None:
        evidence["transactions"][0]["content"] += " "

    page.route("**/api/queue/blocks/5/evidence", altered(tamper))
    page.goto(f"{played.url}/#/ledger/5")
    expect(page.get_by_text("✗ the content has another hash")).to_be_visible()
    expect(page.get_by_text("✓ hash recomputed")).to_have_count(0)


def test_a_block_that_does_not_follow_is_shown(played: Any, page: Page) -> None:
    def tamper(answer: Any) -> None:
        answer["blocks"][-2]["hash"] = "0" * 64

    page.route("**/api/queue/blocks?*", altered(tamper))
    page.goto(f"{played.url}/#/ledger")
    expect(page.get_by_text("does not follow the one before it")).to_be_visible()


def test_a_command_that_was_changed_is_not_signed(played: Any, page: Page) -> None:
    number, transaction = next(
        (number, block["transactions"][0]["id"])
        for number in range(3, 20)
        if (block := played.ask(f"blocks/{number}"))["transactions"][0]["commands"]
    )

    def tamper(block: Any) -> None:
        payload = block["transactions"][0]["commands"][0]["payload"]
        payload["data"]["note"] = "another"

    place = f"{played.url}/#/ledger/{number}/{transaction}/0"
    page.goto(place)
    expect(page.get_by_text("✓ signed by")).to_be_visible()
    page.route(f"**/api/queue/blocks/{number}", altered(tamper))
    page.goto("about:blank")
    page.goto(place)
    expect(page.get_by_text("✗ not signed with the key")).to_be_visible()
