"""The page is for everybody: by keyboard and screen reader, on a phone and a wide screen, light and dark."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.page

WEB = Path(__file__).parents[2] / "dashboard" / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ("now", "day", "games", "network", "households", "prosumers", "ledger", "operations")
SCREENS = {"phone": (390, 844), "wide": (1600, 1000)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_no_violation_in_any_view(
    played: Any, browser: Browser, installed: None, screen: str, scheme: Any
) -> None:
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        bypass_csp=True,  # axe itself is a script from elsewhere
    )
    page = context.new_page()
    (game,) = (found["game"] for found in played.ask("games")["games"])
    found: list[str] = []
    for view in (*VIEWS, f"games/{game}", "households/P003", "prosumers/P003", "ledger/5"):
        page.goto(f"{played.url}/#/{view}")
        expect(page.locator("main h1, main h2").first).to_be_visible()
        page.evaluate(AXE.read_text())
        report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [
            f"{view}: {each['id']} {each['nodes'][0]['html'][:120]} {each['nodes'][0]['failureSummary'][:200]}"
            for each in report["violations"]
        ]
    context.close()
    assert found == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_phone(played: Any, browser: Browser, view: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{played.url}/#/{view}")
    expect(page.locator("main h1, main h2").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_the_list_of_games_fits_a_phone(played: Any, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{played.url}/#/games")
    table = page.get_by_role("region", name="Games")
    expect(table.locator("tbody tr")).to_have_count(1)
    wide, narrow = (table.evaluate(f"region => region.{name}Width") for name in ("scroll", "client"))
    assert wide <= narrow
    expect(table).to_contain_text("sellers: 4, buyers: 7, rounds: 12")
    page.close()


def test_all_views_are_reached_by_keyboard(played: Any, page: Page) -> None:
    page.goto(played.url)
    expect(page.locator("main h1").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Tab")  # the brand
    for view in VIEWS:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=re.compile(f"^{view}$", re.IGNORECASE))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    expect(page.locator("main")).to_be_focused()


def test_the_colours_are_chosen_and_remembered(played: Any, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(played.url)
    expect(page.locator("html")).to_have_attribute("data-scheme", "light")
    page.get_by_role("button", name="Use the dark colours").click()
    expect(page.locator("html")).to_have_attribute("data-scheme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-scheme", "dark")


def test_an_empty_market_and_a_queue_that_is_away_are_drawn(open_market: Any, page: Page) -> None:
    open_market.speaks("operator", "resetMarket")
    page.goto(open_market.url)
    expect(page.get_by_text("No game just now")).to_be_visible()
    page.route("**/api/queue/**", lambda route: route.abort())
    for view in ("now", "day", "games", "households", "households/B1", "prosumers", "prosumers/B1", "ledger"):
        page.goto(f"{open_market.url}/#/{view}")
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("This cannot be shown now")
