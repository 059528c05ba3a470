"""Households on the page: accounts, what a day brought, and statements that are the ledger's to the unit."""

import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import until
from tests.page.test_watching import figure, number

pytestmark = pytest.mark.page

ENERGIES = ("inEnergy", "outEnergy", "bought", "sold", "fromGrid", "toGrid")


def signed(text: str | None) -> float:
    """Read a number that may be below zero."""
    return number((text or "").replace("\N{MINUS SIGN}", "-"))


def test_all_households_are_listed_with_accounts_and_what_their_day_brought(played: Any, page: Page) -> None:
    known = [each for each in played.ask("prosumers")["prosumers"] if each["role"] == "prosumer"]
    page.goto(f"{played.url}/#/households")
    rows = page.get_by_role("region", name="Households").locator("tbody tr")
    expect(rows).to_have_count(len(known))
    for row, each in zip(rows.all(), known, strict=True):
        sums = played.ask(f"prosumers/{each['prosumer']}/statement")["sums"]
        assert row.locator("th").text_content() == each["prosumer"]
        cells = row.locator("td").all_text_contents()
        assert signed(cells[0]) == sums["net"]  # what a phone has room for comes first
        assert [number(cell) for cell in cells[1:7]] == [sums[name] for name in (*ENERGIES[2:], *ENERGIES[:2])]
        assert [number(cell) for cell in cells[7:9]] == [each["accountBalance"], each["frozenFunds"]]


def test_a_household_has_the_ledgers_balance_and_sums(played: Any, page: Page) -> None:
    known, statement = played.ask("prosumers/P003"), played.ask("prosumers/P003/statement")
    page.goto(f"{played.url}/#/households")
    page.get_by_role("link", name="P003").click()
    expect(page.get_by_role("heading", name="P003")).to_be_visible()
    page.get_by_label("Statement of").select_option("all")
    expect(page.get_by_role("heading", name="Statement of all so far")).to_be_visible()
    assert figure(page, "balance") == known["accountBalance"]
    assert figure(page, "frozen") == known["frozenFunds"]
    sums = statement["sums"]
    shown = {name: figure(page, f"household-{name}") for name in ("bought", "sold", "from-grid", "to-grid")}
    assert shown == dict(zip(shown, (sums["bought"], sums["sold"], sums["fromGrid"], sums["toGrid"]), strict=True))
    assert signed(page.locator("[data-figure=movement]").text_content()) == sums["movement"]


def test_a_statement_has_every_slot_and_entry_and_adds_up_to_the_accounts_movement(played: Any, page: Page) -> None:
    statement = played.ask("prosumers/P003/statement")
    page.goto(f"{played.url}/#/households/P003/all")
    rows = page.get_by_role("region", name="Statement").locator("tbody tr")
    expect(rows).to_have_count(len(statement["lines"]) + len(statement["entries"]))
    nets = [round(1e6 * signed(row.locator("td").last.text_content())) for row in rows.all()]
    assert sum(nets) == round(1e6 * statement["sums"]["movement"])
    (line,) = statement["lines"]
    (row,) = [row for row in rows.all() if row.get_by_role("link").count()]
    cells = [signed(cell) for cell in row.locator("td").all_text_contents()[:6]]
    assert cells == [line[name] for name in ENERGIES]
    row.get_by_role("link").click()
    expect(page.locator("main")).to_have_attribute("aria-label", "Games")


def test_a_household_is_read_once_its_days_are_known_so_that_what_is_shown_does_not_vanish(
    played: Any, page: Page
) -> None:
    order: list[str] = []
    page.on("request", lambda request: order.append("asked") if "P003/statement" in request.url else None)
    page.on("requestfinished", lambda request: order.append("known") if "clock/schedule" in request.url else None)
    page.goto(f"{played.url}/#/households/P003/all")
    expect(page.get_by_role("region", name="Statement").locator("tbody tr")).to_have_count(2)
    assert order[0] == "known"


def test_a_statement_stands_while_it_cannot_be_read_again_and_is_read_as_soon_as_it_can(
    played: Any, page: Page
) -> None:
    page.goto(f"{played.url}/#/households/S004/all")
    rows = page.get_by_role("region", name="Statement").locator("tbody tr")
    statement = played.ask("prosumers/S004/statement")
    before = len(statement["lines"]) + len(statement["entries"])
    expect(rows).to_have_count(before)
    page.route("**/S004/statement**", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "S004/statement" in request.url):
        played.speaks("operator", "topUpAccount", prosumer="S004", amount="1")
    with page.expect_event("requestfailed", lambda request: "S004/statement" in request.url):
        expect(rows).to_have_count(before)  # and it is asked for once more
    page.unroute("**/S004/statement**")
    expect(rows).to_have_count(before + 1)


def test_a_days_statement_is_drawn_and_told_slot_by_slot(played: Any, page: Page) -> None:
    (line,) = played.ask("prosumers/P003/statement")["lines"]
    page.goto(f"{played.url}/#/households/P003")
    chart = page.locator("em-chart", has=page.get_by_role("img", name="What P003 took and fed in"))
    chart.get_by_text("The figures").click()
    row = chart.get_by_role("region").locator("tbody tr")
    expect(row).to_have_count(1)
    state, bought, from_grid, sold, to_grid, *prices = row.locator("td").all_text_contents()
    assert state == "settled"
    assert [number(text) for text in (bought, from_grid, sold, to_grid)] == [
        line[name] for name in ("bought", "fromGrid", "sold", "toGrid")
    ]
    assert number(prices[0]) == pytest.approx(line["boughtAt"], abs=5e-5)
    assert [number(prices[2]), number(prices[3])] == [line["retailTariff"], line["feedInTariff"]]


GREEN = """canvas => {
  if (canvas.clientWidth === 0 || canvas.height === 0) return null;  // not laid out yet
  const ratio = canvas.width / canvas.clientWidth;
  const [top, high] = [60 * ratio, 0.45 * canvas.height - 60 * ratio];  // below the names of what is drawn
  const { data } = canvas.getContext("2d").getImageData(0, top, canvas.width, high);
  const found = [];
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === 10 && data[at + 1] === 117 && data[at + 2] === 71) found.push((at / 4) % canvas.width / ratio);
  return found.length === 0 ? null : [Math.min(...found), Math.max(...found), canvas.clientWidth];
}"""


def test_the_only_slot_of_a_day_is_drawn_at_its_time(played: Any, browser: Browser) -> None:
    (line,) = played.ask("prosumers/P003/statement")["lines"]
    begins = datetime.fromisoformat(line["begins"])
    context = browser.new_context(timezone_id="UTC", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{played.url}/#/households/P003/{begins:%Y-%m-%d}")
    canvas = page.get_by_role("img", name="What P003 took and fed in").locator("canvas")

    def is_there() -> bool:
        shown = canvas.evaluate(GREEN)
        if shown is None:
            return False
        of_day = (begins.hour + begins.minute / 60) / 24
        return bool(abs((shown[0] + shown[1]) / 2 - (52 + of_day * (shown[2] - 76))) <= 4)  # pixels: a few minutes

    until(is_there, 30)
    context.close()


def test_a_statement_is_downloaded_as_the_ledgers_csv(played: Any, page: Page, tmp_path: Path) -> None:
    page.goto(f"{played.url}/#/households/P003/all")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "statement-P003-all.csv"
    download.value.save_as(tmp_path / "statement.csv")
    text = (tmp_path / "statement.csv").read_text()
    assert text == httpx.get(f"{played.url}/api/queue/prosumers/P003/statement?format=csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    moved = played.ask("prosumers/P003/statement")["sums"]["movement"]
    assert sum(round(1e6 * float(row["net"])) for row in rows) == round(1e6 * moved)


def test_a_day_without_slots_says_so(played: Any, page: Page) -> None:
    page.goto(f"{played.url}/#/households/P003/{date(2020, 1, 1)}")
    expect(page.get_by_text("Nothing yet")).to_be_visible()
