"""A day of the market: its slots are the ledger's, come in as they settle, and are looked at part by part."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from prosumer_client import CommandRejected
from tests.page.conftest import until
from tests.page.test_watching import figure, number

pytestmark = pytest.mark.page

ZONE = "Europe/Berlin"
QUARTER = timedelta(minutes=15)
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture
def berlin(browser: Browser) -> Iterator[Page]:
    """A tab of somebody who lives by Berlin's clocks."""
    context = browser.new_context(timezone_id=ZONE, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def quarters(day: str) -> list[datetime]:
    """Return when the quarter-hours of a day in Berlin begin."""
    first = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(ZONE))
    after = (first + timedelta(days=1)).astimezone(UTC)
    at, found = first.astimezone(UTC), []
    while at < after:
        found.append(at)
        at += QUARTER
    return found


def published(market: Any, starts: list[datetime], **rules: int) -> None:
    """Publish a game for each slot, with prices of its own."""
    market.speaks_all(
        "operator",
        [
            (
                "publishGame",
                {"game": f"q{place}", "deliverySlot": at.isoformat(), "retailTariff": f"0.{3000 + place}", **rules},
            )
            for place, at in enumerate(starts)
        ],
    )


def slots_told(page: Page) -> list[list[str]]:
    """Read the day's figures, slot by slot."""
    chart = page.locator("em-chart", has=page.get_by_role("img", name="Energy and prices"))
    if not chart.get_by_role("region").is_visible():
        chart.get_by_text("The figures").click()
    rows = chart.get_by_role("region").locator("tbody tr")
    expect(rows.first).to_be_visible()
    return [row.locator("th, td").all_text_contents() for row in rows.all()]


def slot_choice(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name)


@pytest.mark.parametrize(("day", "slots", "repeated"), [("2027-10-31", 100, 8), ("2027-03-28", 92, 0)])
def test_a_day_on_which_clocks_are_set_has_all_its_quarter_hours(
    market: Any, berlin: Page, day: str, slots: int, repeated: int
) -> None:
    starts = quarters(day)
    published(market, starts)
    berlin.goto(f"{market.url}/#/day/{day}")
    expect(berlin.locator("[data-figure=day-settled]")).to_have_text(f"0 of {slots} slots")
    rows = slots_told(berlin)
    assert len(rows) == slots
    assert [row[0][:5] for row in rows] == [f"{at.astimezone(ZoneInfo(ZONE)):%H:%M}" for at in starts]
    assert len({row[0] for row in rows}) == slots  # the hour that comes twice is told apart
    assert len(rows) - len({row[0][:5] for row in rows}) == repeated / 2
    assert [number(row[-2]) for row in rows] == [pytest.approx(0.3 + place / 10_000) for place in range(slots)]


def test_a_day_ends_where_its_time_zone_says(market: Any, berlin: Page) -> None:
    published(market, quarters("2027-06-23"))
    berlin.goto(f"{market.url}/#/day/2027-06-23")
    slots = berlin.locator("[data-figure=day-settled]")
    expect(slots).to_have_text("0 of 96 slots")
    berlin.get_by_label("Time zone").select_option("UTC")
    expect(slots).to_have_text("0 of 88 slots")
    berlin.get_by_role("link", name="Day before").click()
    expect(slots).to_have_text("0 of 8 slots")
    berlin.get_by_label("Time zone").select_option(ZONE)
    expect(berlin.get_by_text("No slots on this day")).to_be_visible()


def test_a_part_of_a_day_is_chosen_and_one_button_leads_back_to_the_whole(market: Any, berlin: Page) -> None:
    published(market, quarters("2027-06-23"))
    berlin.goto(f"{market.url}/#/day/2027-06-23")
    whole = berlin.get_by_role("button", name="Whole day")
    first, last = slot_choice(berlin, "Shown from"), slot_choice(berlin, "until")
    expect(berlin.locator("[data-figure=day-settled]")).to_have_text("0 of 96 slots")
    expect(whole).to_be_disabled()
    first.focus()
    first.select_option("12:00")  # by keyboard and screen reader, too: it is a plain list
    last.select_option("15:00")
    expect(whole).to_be_enabled()
    whole.click()
    expect(first.locator("option:checked")).to_have_text("00:00")
    expect(last.locator("option:checked")).to_have_text("00:00")
    expect(whole).to_be_disabled()

    canvas = berlin.get_by_role("img", name="Energy and prices")
    canvas.evaluate("chart => chart.scrollIntoView({block: 'end'})")
    box = canvas.bounding_box()
    assert box is not None
    left, wide, slider = box["x"] + 52, box["width"] - 76, box["y"] + box["height"] - 20
    berlin.mouse.move(left + wide / 4, slider)
    berlin.mouse.down()
    berlin.mouse.move(left + wide / 2, slider, steps=8)
    berlin.mouse.up()
    expect(whole).to_be_enabled()
    expect(first.locator("option:checked")).to_have_text("06:00")
    expect(last.locator("option:checked")).to_have_text("12:00")
    whole.click()
    expect(first.locator("option:checked")).to_have_text("00:00")


def test_a_click_on_a_slot_and_its_row_lead_to_its_game(market: Any, berlin: Page) -> None:
    published(market, quarters("2027-06-23"))
    berlin.goto(f"{market.url}/#/day/2027-06-23")
    canvas = berlin.get_by_role("img", name="Energy and prices")
    expect(canvas.locator("canvas")).to_be_visible()
    expect(berlin.locator("[data-figure=day-settled]")).to_have_text("0 of 96 slots")
    slot_choice(berlin, "Shown from").select_option("12:00")
    slot_choice(berlin, "until").select_option("13:00")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 52 + (box["width"] - 76) * 0.6, "y": box["height"] * 0.3})
    expect(berlin.get_by_role("heading", name="q50")).to_be_visible()
    berlin.go_back()
    slots_told(berlin)
    berlin.get_by_role("region").get_by_role("link", name="06:00 to 06:15").press("Enter")
    expect(berlin.get_by_role("heading", name="q24")).to_be_visible()


def test_a_slot_appears_with_its_figures_when_it_is_settled(market: Any, page: Page) -> None:
    rules = {"expectedParticipants": 2, "deliveryDurationMs": 1, "correctionWindowMs": 600_000}
    market.speaks("operator", "publishGame", game="day", **rules)
    page.goto(f"{market.url}/#/day")
    expect(page.get_by_text("No slots on this day")).to_be_visible()
    market.speaks("S1", "publishOffer", game="day", amount="10", price="0.08")
    market.speaks("B1", "publishDemand", game="day", amount="3")
    until(lambda: market.ask("games/day")["phase"] == "playing", 60)
    market.speaks("B1", "publishBuyBid", game="day", bidAmounts={"S1": "2.5"})
    market.speaks("B1", "publishBuyBid", game="day", keepPlaying=False)
    until(lambda: market.ask("games/day")["settlement"] is not None, 60)
    expect(page.locator("[data-figure=day-settled]")).to_have_text("1 of 1 slots")
    _is_the_ledgers(market, page)


def _is_the_ledgers(market: Any, page: Page) -> None:
    game = market.ask("games/day")
    settled = game["settlement"]
    names = {"day-local": "energyDelivered", "day-from-grid": "energyFromGrid", "day-to-grid": "energyToGrid"}
    assert {name: figure(page, name) for name in names} == {name: settled[field] for name, field in names.items()}
    ((_, state, *shown),) = slots_told(page)
    assert state == "Settled"
    known = [settled[field] for field in names.values()]
    assert [number(text) for text in shown[:3]] == known
    tariffs = [game["parameters"][name] for name in ("retailTariff", "feedInTariff")]
    assert [number(text) for text in shown[4:]] == tariffs
    if settled["energyDelivered"]:
        cost = settled["paidToSellers"] + settled["transmissionFees"]
        assert number(shown[3]) == pytest.approx(cost / settled["energyDelivered"], abs=5e-5)


def test_a_slot_stands_while_it_is_read_again(market: Any, berlin: Page) -> None:
    published(market, quarters("2027-06-23")[:3], expectedParticipants=2)
    market.stops_without_trade("q0")  # which is what the page looks at beside the day
    berlin.goto(f"{market.url}/#/day/2027-06-23")
    settled = berlin.locator("[data-figure=day-settled]")
    expect(settled).to_have_text("0 of 3 slots")
    held: dict[str, list[Any]] = {"q1": [], "q2": []}
    berlin.route("**/api/queue/games/q1?**", lambda route: held["q1"].append(route))
    berlin.route("**/api/queue/games/q2?**", lambda route: held["q2"].append(route))
    with berlin.expect_request("**/api/queue/games/q2?**"):
        market.stops_without_trade("q2")
    with berlin.expect_request("**/api/queue/games?**"):  # once it has heard of the event
        market.stops_without_trade("q1")
    with berlin.expect_request("**/api/queue/games/q1?**"):
        held["q2"].pop(0).continue_()
    expect(settled).to_have_text("0 of 3 slots")
    berlin.unroute_all(behavior="ignoreErrors")


def simulated_now(market: Any) -> datetime:
    """Return what time it is in a market whose time is simulated."""
    mapping = market.ask("market")["simulatedTime"]
    began, start = (datetime.fromisoformat(mapping[name]) for name in ("began", "start"))
    return start + (datetime.now(UTC) - began) * int(mapping["factor"])


def test_times_are_those_of_one_zone_in_all_views(simulated: Any, berlin: Page) -> None:
    start = (simulated_now(simulated) + timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)
    simulated.speaks("operator", "publishGame", game="noon", deliverySlot=start.isoformat())
    berlin.goto(f"{simulated.url}/#/games/noon")
    slot = berlin.locator("dt", has_text="Delivery slot").locator("xpath=following-sibling::dd[1]")
    expect(slot).to_contain_text(f"{start.day} {start:%b}, 12:00 to 12:15")  # by UTC, as the tag says
    berlin.goto(f"{simulated.url}/#/day/{start:%Y-%m-%d}")
    expect(berlin.locator("[data-figure=day-settled]")).to_have_text("0 of 1 slots")
    berlin.get_by_label("Time zone").select_option(ZONE)
    expect(berlin.get_by_text(f"Berlin, {TIMES} 600")).to_be_visible()
    berlin.get_by_role("link", name="Games", exact=True).click()
    expect(berlin.get_by_role("row", name="noon")).to_contain_text("14:00 to 14:15")


def test_a_market_whose_time_is_simulated_fits_a_phone(simulated: Any, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{simulated.url}/#/day")
    expect(page.get_by_text(f"UTC, {TIMES} 600")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def archived(market: Any, game: str) -> bool:
    """Try to have a game archived, which may not be final yet."""
    with suppress(CommandRejected):
        return bool(market.speaks("operator", "archiveSlots", games=[game])["archived"] == [game])
    return False


def test_slots_settle_before_the_watcher_as_simulated_time_passes(simulated: Any, page: Page) -> None:
    in_half_a_minute = simulated_now(simulated) + timedelta(hours=4)
    first = in_half_a_minute.replace(minute=0, second=0, microsecond=0)
    slots = [first + place * QUARTER for place in range(3)]
    page.goto(f"{simulated.url}/#/day")
    expect(page.get_by_text(f"UTC, {TIMES} 600")).to_be_visible()
    simulated.speaks_all(
        "operator",
        [
            ("publishGame", {"game": f"s{place}", "deliverySlot": at.isoformat(), "mechanism": "certified"})
            for place, at in enumerate(slots)
        ],
    )
    games = [{"game": f"s{place}"} for place in range(3)]
    simulated.speaks(
        "S1", "publishOrders", orders=[{**each, "offer": {"amount": "2", "price": "0.1"}} for each in games]
    )
    simulated.speaks("B1", "publishOrders", orders=[{**each, "demand": {"amount": "1.5"}} for each in games])
    settled = page.locator("[data-figure=day-settled]")
    expect(settled).to_have_text("0 of 3 slots")
    expect(settled).to_have_text("3 of 3 slots", timeout=180_000)
    known = [simulated.ask(f"games/s{place}")["settlement"] for place in range(3)]
    assert figure(page, "day-from-grid") == pytest.approx(sum(each["energyFromGrid"] for each in known))
    assert [row[0] for row in slots_told(page)] == [f"{at:%H:%M} to {at + QUARTER:%H:%M}" for at in slots]
    expect(page.get_by_role("heading", name=f"{slots[0]:%A}, {slots[0].day} June 2026")).to_be_visible()
    _stay_when_they_are_archived(simulated, page)


def _stay_when_they_are_archived(market: Any, page: Page) -> None:
    names = ("day-local", "day-from-grid", "day-to-grid", "day-price")
    whole, rows = [page.locator(f"[data-figure={name}]").text_content() for name in names], slots_told(page)
    until(lambda: archived(market, "s0"), 60)
    for go in ("stay", "to its address", "reload"):
        if go == "to its address":
            page.goto(f"{page.url}/{market.ask('games/s1')['deliveryStartsAt'][:10]}")
        elif go == "reload":
            page.reload()
        expect(page.locator("[data-figure=day-settled]")).to_have_text("3 of 3 slots")
        assert [page.locator(f"[data-figure={name}]").text_content() for name in names] == whole
        kept = slots_told(page)
        expect(page.get_by_text("Settled, archived")).to_have_count(1)
        assert [row[0] for row in kept] == [row[0] for row in rows]
        assert [row[2:] for row in kept] == [row[2:] for row in rows]
    page.get_by_role("region").get_by_role("link", name=rows[0][0]).press("Enter")
    expect(page.get_by_text("the ledger keeps what it came to")).to_be_visible()
    expect(page.get_by_role("region", name="What it came to for each").locator("tbody tr")).to_have_count(2)
