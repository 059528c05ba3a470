"""``make screenshots``: plays the demo and takes the pictures of the page that README and docs show."""

import base64
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.page.conftest import PATIENCE_MS, QUIET, RunningMarket, browser_program, start, stop

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SCREEN: ViewportSize = {"width": 1200, "height": 800}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUALITY = 70


def take(page: Page, name: str) -> None:
    """Write a picture of what the page shows, light and dark."""
    devtools = page.context.new_cdp_session(page)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-scheme", scheme)
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        shot = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        (IMAGES / f"{name}-{scheme}.webp").write_bytes(base64.b64decode(shot["data"]))


def take_all(page: Page, market: RunningMarket) -> None:
    """Watch the demo to its end, then look at it from all sides."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(market.url)
    expect(page.locator(".phases [aria-current=step]")).to_have_text("Settled", timeout=4 * PATIENCE_MS)
    height = market.ask("blocks?limit=1")["height"]
    expect(page.get_by_text(f"{height} blocks")).to_be_visible()  # the page asks for that every few seconds
    take(page, "now")
    (game,) = (found["game"] for found in market.ask("games")["games"])
    page.goto(f"{market.url}/#/games/{game}")
    expect(page.get_by_role("slider", name="Turn")).to_be_visible()
    page.get_by_role("heading", name="Turn by turn").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, 320)")
    take(page, "game")
    page.goto(f"{market.url}/#/network")
    expect(page.get_by_role("img", name="Who supplies whom")).to_be_visible()
    take(page, "network")
    page.goto(f"{market.url}/#/ledger/20")
    expect(page.get_by_text("hash recomputed from the content")).to_be_visible()
    take(page, "ledger")


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program(), args=QUIET)
        market = start(Path(home), "demo", "--keep-running")
        try:
            take_all(browser.new_page(viewport=SCREEN), market)
        finally:
            stop(market)
            browser.close()


if __name__ == "__main__":
    main()
