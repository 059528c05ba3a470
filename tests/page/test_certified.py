"""A certified game on the page: what proves it, who supplies whom, and what it falls back to if nothing does."""

from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from prosumer_client import CommandRejected
from tests.page.conftest import until
from tests.page.test_watching import figure, number

pytestmark = pytest.mark.page


def frozen(page: Page) -> dict[str, float]:
    """Read what is frozen of whose money."""
    rows = page.get_by_role("region", name="Frozen for this game").locator("tbody tr")
    expect(rows.first).to_be_visible()
    return {row.locator("th").text_content() or "": number(row.locator("td").last.text_content()) for row in rows.all()}


def clear(market: Any, page: Page, game: str, **demands: str) -> None:
    """Let a game be cleared in which a seller offers 5 kWh, and watch it begin its delivery."""
    market.speaks(
        "operator", "publishGame", game=game, mechanism="certified", expectedParticipants=1 + len(demands),
        registrationDurationMs=600_000, deliveryDurationMs=600_000,
    )  # fmt: skip
    page.goto(market.url)
    market.speaks("S1", "publishOffer", game=game, amount="5", price="0.08")
    for buyer, amount in demands.items():
        market.speaks(buyer, "publishDemand", game=game, amount=amount)
    expect(page.locator(".phases [aria-current=step]")).to_have_text("Delivery")


def test_a_certified_game_shows_what_proves_it(market: Any, page: Page) -> None:
    clear(market, page, "proved", B1="3", B2="2.5")
    game, bids = market.ask("games/proved"), market.ask("games/proved/bids")["bids"]
    certificate = game["clearing"]["certificate"]
    page.goto(f"{market.url}/#/games/proved")
    expect(page.get_by_text("proved on the ledger")).to_be_visible()
    assert float(page.locator("[data-figure=gap]").text_content() or "") == pytest.approx(certificate["gap"], 1e-2)
    (row,) = page.get_by_role("region", name="Prices that clear the market").locator("tbody tr").all()
    asked, cleared, sold = row.locator("td").all_text_contents()
    assert number(asked) == 0.08
    assert number(cleared) == pytest.approx(certificate["prices"]["S1"], abs=5e-5)
    assert number(sold) == game["sellers"][0]["load"]
    expect(page.locator("table.bids tbody tr")).to_have_count(len(bids))
    rows = [row.locator("td").all_text_contents() for row in page.locator("table.bids tbody tr").all()]
    assert [number(row[0]) for row in rows] == [bid["amounts"]["S1"] for bid in bids]
    shown = frozen(page)
    assert shown == {each[name]: each["frozen"] for name in ("seller", "buyer") for each in game[f"{name}s"]}
    assert figure(page, "regret") == game["stop"]["maxRegret"]


def test_of_a_demand_that_neighbours_cover_nothing_is_left_to_the_grid(market: Any, page: Page) -> None:
    clear(market, page, "covered", B1="0.7", B2="0.1")  # 0.7 + 0.1 is less than 0.8 in binary
    grid = page.locator(".figure.grid")
    expect(grid).to_contain_text("0 % of the demand")
    assert [number(text) for text in grid.locator("strong, span").all_text_contents()[1:]] == [0, 0]
    expect(page.locator(".share rect.grid")).to_have_attribute("width", "0")
    expect(page.get_by_text("1 seller offers 5 kWh to 2 buyers.")).to_be_visible()


def test_a_game_for_which_nobody_proves_a_clearing_says_what_it_fell_back_to(
    market: Any, page: Page, clock_that_hangs: None
) -> None:
    rules = {"mechanism": "certified", "expectedParticipants": 2, "turnDeadlineMs": 600_000}
    market.speaks("operator", "publishGame", game="unproved", **rules)
    market.speaks("S1", "publishOffer", game="unproved", amount="5", price="0.08")
    market.speaks("B1", "publishDemand", game="unproved", amount="3")
    market.speaks("operator", "stopGameRegistration", game="unproved")
    page.goto(f"{market.url}/#/games/unproved")
    expect(page.get_by_text("Anybody may solve this game")).to_be_visible()

    def falls_back() -> bool:
        with suppress(CommandRejected):  # clearings are still taken
            market.speaks("operator", "fallBack", game="unproved")
        return market.ask("games/unproved")["clearing"]["fallback"] is not None

    until(falls_back, 120)
    expect(page.get_by_text("fallback: played by turns")).to_be_visible()
    expect(page.get_by_text("Nobody posted a clearing in time that proved itself")).to_be_visible()
    page.goto(market.url)
    expect(page.get_by_text("fallback: played by turns")).to_be_visible()


def test_of_a_large_game_who_supplies_whom_is_gathered(large: Any, page: Page) -> None:
    (name,) = (found["game"] for found in large.ask("games")["games"])
    game, bids = large.ask(f"games/{name}"), large.ask(f"games/{name}/bids")["bids"]
    assert len(game["sellers"]) + len(game["buyers"]) > 100
    page.goto(f"{large.url}/#/games/{name}")
    rows = page.locator("table.bids tbody tr")
    expect(rows.first).to_be_visible()
    assert 2 <= rows.count() <= 12
    cells = [[_kwh(cell) for cell in row.locator("td").all_text_contents()] for row in rows.all()]
    assert max(len(row) for row in cells) <= 12 + 2
    traded = sum(amount for bid in bids for amount in bid["amounts"].values())
    assert sum(sum(row[:-2]) for row in cells) == pytest.approx(traded, abs=1e-3)
    demand = sum(each["demand"] for each in game["buyers"])
    assert sum(row[-1] for row in cells) == pytest.approx(demand, abs=1e-3)
    assert sum(row[-2] for row in cells) == pytest.approx(demand - traded, abs=1e-3)
    named = page.locator("table.bids tbody th").all_text_contents()
    assert sum(int(text.split(" near ")[0]) for text in named) == len(game["buyers"])


def test_of_a_large_game_no_long_list_is_shown_at_once(large: Any, page: Page) -> None:
    (name,) = (found["game"] for found in large.ask("games")["games"])
    transfers = large.ask(f"games/{name}/transfers")["transfers"]
    page.goto(f"{large.url}/#/games/{name}")
    rows = page.get_by_role("region", name="Transfers").locator("tbody tr")
    expect(rows.first).to_be_visible()
    assert rows.count() == min(100, len(transfers))
    expect(page.get_by_role("region", name="What it came to for each").locator("tbody tr")).to_have_count(100)
    assert page.locator("em-game tr").count() < 500


def _kwh(cell: str) -> float:
    return 0.0 if cell == "\N{MIDDLE DOT}" else float(cell)
