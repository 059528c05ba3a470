"""What a person sees: a game from registration to settlement, and numbers that are the market's own."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from prosumer_client import CommandRejected

pytestmark = pytest.mark.page


def number(text: str | None) -> float:
    """Read a number as the page writes it."""
    found = re.search(r"-?[\d,]+(\.\d+)?", text or "")
    assert found, text
    return float(found[0].replace(",", ""))


def figure(page: Page, name: str) -> float:
    return number(page.locator(f"[data-figure={name}]").text_content())


def test_a_game_is_watched_from_registration_to_settlement(open_market: Any, page: Page) -> None:
    market = open_market
    page.goto(market.url)
    present = page.locator(".phases [aria-current=step]")
    lead = page.locator(".lead-text")

    market.speaks("operator", "publishGame", game="watched", registrationDurationMs=600_000, turnDeadlineMs=600_000)
    expect(page.get_by_role("heading", name="watched")).to_be_visible()
    expect(present).to_have_text("Registration")
    market.speaks("S1", "publishOffer", game="watched", amount="10", price="0.08")
    market.speaks("B1", "publishDemand", game="watched", amount="3")
    market.speaks("B2", "publishDemand", game="watched", amount="2.5")
    expect(lead).to_contain_text("1 and 2 so far")


def test_all_times_of_a_slot_are_shown_when_its_game_is_published(open_market: Any, page: Page) -> None:
    market = open_market
    start = (datetime.now(UTC) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    market.speaks("operator", "publishGame", game="slot", deliverySlot=start.isoformat())
    game = market.ask("games/slot")
    times = ("registrationEndsAt", "clearingEndsAt", "deliveryEndsAt", "meteringEndsAt", "finalAt")
    known = [datetime.fromisoformat(game[name]) for name in times]
    page.goto(f"{market.url}/#/games/slot")
    timetable = page.locator("dt", has_text="Timetable").locator("xpath=following-sibling::dd[1]")
    shown = re.findall(r"(\d+) (\w+), (\d\d:\d\d)", timetable.text_content() or "")
    assert shown == [(str(time.day), f"{time:%b}", f"{time:%H:%M}") for time in known]
    slot = page.locator("dt", has_text="Delivery slot").locator("xpath=following-sibling::dd[1]")
    expect(slot).to_contain_text(f"{start:%H:%M} to {start + timedelta(minutes=15):%H:%M}")


def test_the_slot_that_time_alone_brings_is_shown(market: Any, page: Page) -> None:
    begins = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=2)
    for name, starts in (("earlier", begins), ("later", begins + timedelta(minutes=15))):
        market.speaks("operator", "publishGame", game=name, deliverySlot=starts.isoformat(), expectedParticipants=2)
        market.stops_without_trade(name)
    page.clock.install()
    page.goto(market.url)
    heading = page.locator("h1#game")
    expect(heading).to_have_text("earlier")
    page.clock.fast_forward("02:16:00")  # the page's clock, nothing happens on the ledger
    expect(heading).to_have_text("later")
    expect(page.locator(".phases [aria-current=step]")).to_have_text("Delivery")
    expect(page.locator(".figure.price")).to_contain_text("nothing was sold")


def test_a_slot_without_trade_is_delivered_and_settled_before_the_watcher(market: Any, page: Page) -> None:
    page.goto(market.url)
    market.speaks("operator", "publishGame", game="nobody", registrationDurationMs=1, deliveryDurationMs=1)
    events = page.locator(".events")
    expect(page.locator("h1#game")).to_have_text("nobody")
    expect(page.locator(".phases [aria-current=step]")).to_have_text("Settled")
    expect(events.locator("li").first).to_contain_text("settled")
    page.goto(f"{market.url}/#/games/nobody")
    expect(page.locator("dt", has_text="Ended with").locator("xpath=following-sibling::dd[1]")).to_contain_text(
        "no trade"
    )


def test_the_same_game_is_played_delivered_and_settled_before_the_watcher(open_market: Any, page: Page) -> None:
    market = open_market
    market.speaks("operator", "resetMarket")  # so that nothing else is under way
    market.speaks(
        "operator", "publishGame", game="played", expectedParticipants=3, turnDeadlineMs=600_000,
        registrationDurationMs=600_000, deliveryDurationMs=600_000,
    )  # fmt: skip
    page.goto(market.url)
    present = page.locator(".phases [aria-current=step]")
    market.speaks("S1", "publishOffer", game="played", amount="10", price="0.08")
    market.speaks("B1", "publishDemand", game="played", amount="3")
    market.speaks("B2", "publishDemand", game="played", amount="2.5")
    expect(present).to_have_text("Bidding")  # the clock stops the registration once all are in
    for buyer, amount in (("B1", "3"), ("B2", "2.5")):
        expect(page.locator(".lead-text")).to_contain_text(f"{buyer} splits its demand")
        market.speaks(buyer, "publishBuyBid", game="played", bidAmounts={"S1": amount})
    for buyer in ("B1", "B2"):
        expect(page.locator(".lead-text")).to_contain_text(f"Round 2: {buyer}")
        market.speaks(buyer, "publishBuyBid", game="played", keepPlaying=False)
    expect(present).to_have_text("Delivery")
    assert figure(page, "local") == 5.5
    market.speaks("S1", "publishMeterReading", game="played", sequence=1, inEnergy="0", outEnergy="5.5")
    market.speaks("B1", "publishMeterReading", game="played", sequence=1, inEnergy="3", outEnergy="0")
    market.speaks("B2", "publishMeterReading", game="played", sequence=1, inEnergy="2.5", outEnergy="0")
    expect(present).to_have_text("Settled")
    expect(page.locator(".events")).to_contain_text("S1 delivered 2.5 kWh to B2")


def test_every_figure_is_the_markets(played: Any, page: Page) -> None:
    (game,) = (found for found in played.ask("games")["games"] if found["phase"] == "closed")
    whole = played.ask(f"games/{game['game']}")
    bids = played.ask(f"games/{game['game']}/bids")["bids"]
    page.goto(played.url)
    expect(page.locator("[data-figure=local]")).to_be_visible()
    assert figure(page, "local") == sum(seller["load"] for seller in whole["sellers"])
    assert figure(page, "grid") == 0
    cost = sum(bid["cost"] for bid in bids)
    assert figure(page, "price") == pytest.approx(cost / 197, abs=5e-5)
    hops, fee = whole["hops"], whole["parameters"]["feePerHop"]
    fees = sum(fee * hops[bid["buyer"]][seller] * amount for bid in bids for seller, amount in bid["amounts"].items())
    spread = whole["parameters"]["retailTariff"] - whole["parameters"]["feedInTariff"]
    assert figure(page, "saving") == pytest.approx(spread * 197 - fees, abs=5e-3)

    page.goto(f"{played.url}/#/games/{game['game']}")
    expect(page.locator("[data-figure=total-cost]")).to_be_visible()
    assert figure(page, "total-cost") == whole["stop"]["totalCost"]
    expect(page.locator("table.bids tbody tr")).to_have_count(7)
    for row, bid in zip(page.locator("table.bids tbody tr").all(), bids, strict=True):
        assert row.locator("th").text_content() == bid["buyer"]
        cells = [cell.text_content() for cell in row.locator("td").all()]
        amounts = [bid["amounts"][seller["seller"]] for seller in whole["sellers"]]
        assert [0.0 if text == "·" else number(text) for text in cells] == [*amounts, 0, bid["demand"]]


def test_the_settlement_and_its_transfers_are_the_ledgers(played: Any, page: Page) -> None:
    (game,) = (found["game"] for found in played.ask("games")["games"] if found["phase"] == "closed")
    settled = played.ask(f"games/{game}")["settlement"]
    transfers = played.ask(f"games/{game}/transfers")["transfers"]
    page.goto(f"{played.url}/#/games/{game}")
    expect(page.get_by_role("heading", name="Settlement")).to_be_visible()
    panel = page.locator("section", has=page.get_by_role("heading", name="Settlement"))
    shown = [number(text) for text in panel.locator("dl.bill dd").all_text_contents()]
    energies = [settled[name] for name in ("energyDelivered", "energyFromGrid", "energyToGrid")]
    money = ("paidToSellers", "transmissionFees", "paidToGrid", "paidByGrid", "penalties")
    assert shown == [*energies, *(settled[name] for name in money)]
    rows = page.get_by_role("region", name="Transfers").locator("tbody tr").all()
    assert [
        (row.locator("th").text_content(), *(number(text) for text in row.locator("td.number").all_text_contents()))
        for row in rows
    ] == [(each["seller"], each["energy"], each["energyCost"], each["transmissionFee"]) for each in transfers]


def test_what_a_slot_came_to_and_the_feeders_balance_are_the_ledgers(played: Any, page: Page) -> None:
    (game,) = (found["game"] for found in played.ask("games")["games"] if found["phase"] == "closed")
    lines = played.ask(f"games/{game}/lines")["lines"]
    balance = played.ask(f"games/{game}/balance")
    page.goto(f"{played.url}/#/games/{game}")
    rows = page.get_by_role("region", name="What it came to for each").locator("tbody tr")
    expect(rows).to_have_count(len(lines))
    energies = ("inEnergy", "outEnergy", "bought", "sold", "fromGrid", "toGrid")
    for row, line in zip(rows.all(), lines, strict=True):
        assert row.locator("th").text_content() == line["prosumer"]
        shown = [number(cell) for cell in row.locator("td").all_text_contents()]
        assert shown == [line[name] for name in (*energies, "paid", "received", "fees", "penalties")]
    panel = page.locator("section", has=page.get_by_role("heading", name="The feeder's balance"))
    names = ("meteredIn", "meteredOut", "presumedIn", "contracted", "netIn", "reported")
    assert [number(cell) for cell in panel.locator("dd").all_text_contents()] == [balance[name] for name in names]


def test_all_prosumers_are_listed_with_their_accounts_and_meters(played: Any, page: Page) -> None:
    page.goto(f"{played.url}/#/prosumers")
    rows = page.get_by_role("region", name="Prosumers").locator("tbody tr")
    known = played.ask("prosumers")["prosumers"]
    expect(rows).to_have_count(len(known))
    fields = ("accountBalance", "frozenFunds", "debt", "totalProduction", "totalConsumption")
    for row, each in zip(rows.all(), known, strict=True):
        assert row.locator("th").text_content() == each["prosumer"]
        cells = row.locator("td.number").all_text_contents()
        shown = [0.0 if text == "\N{EN DASH}" else number(text) for text in cells]
        assert shown == [each[field] for field in fields]


def test_a_past_game_is_replayed_turn_by_turn(played: Any, page: Page) -> None:
    (game,) = (found for found in played.ask("games")["games"] if found["phase"] == "closed")
    page.goto(f"{played.url}/#/games/{game['game']}")
    turns = page.get_by_role("slider", name="Turn")
    expect(turns).to_be_visible()
    expect(page.locator("output")).to_have_text("turn 84 of 84")
    turns.focus()
    page.keyboard.press("Home")
    expect(page.locator("output")).to_have_text("turn 1 of 84")
    rows = page.locator("table.bids tbody tr")
    totals = [number(row.locator("td").last.text_content()) for row in rows.all()]
    assert totals == [bid["demand"] for bid in played.ask(f"games/{game['game']}/bids")["bids"]]
    left = [row.locator("td").nth(-2).text_content() or "" for row in rows.all()]
    assert [0.0 if text == "·" else number(text) for text in left] == [0, *totals[1:]]  # P003 alone has bid
    page.get_by_role("button", name="Play").click()
    expect(page.locator("output")).not_to_have_text("turn 1 of 84")


def test_prosumers_have_the_ledgers_balances(played: Any, page: Page) -> None:
    known = played.ask("prosumers/P003")
    page.goto(f"{played.url}/#/prosumers")
    page.get_by_label("Find").fill("p003")
    page.get_by_role("link", name="P003").click()
    expect(page.locator("[data-figure=balance]")).to_be_visible()
    assert figure(page, "balance") == known["accountBalance"]
    expect(page.get_by_role("region", name="Trades").locator("tbody tr")).to_have_count(3)


def test_what_is_missed_while_the_stream_is_cut_comes_when_it_is_back(open_market: Any, page: Page, wire: Any) -> None:
    page.goto(wire.url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    wire.cut()
    expect(page.get_by_text("Behind since")).to_be_visible()
    open_market.speaks("operator", "publishGame", game="missed", registrationDurationMs=600_000)
    wire.mend()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator(".events")).to_contain_text("opened for registration")
    expect(page.get_by_role("heading", name="missed")).to_be_visible()


def test_who_supplies_whom_is_drawn_and_told(played: Any, page: Page) -> None:
    page.goto(f"{played.url}/#/network")
    expect(page.get_by_role("img", name="Who supplies whom on the network")).to_be_visible()
    (game,) = (found for found in played.ask("games")["games"] if found["phase"] == "closed")
    transfers = played.ask(f"games/{game['game']}/transfers")["transfers"]
    told = {(seller, buyer): number(energy) for seller, buyer, energy in figures(page, "Who supplies whom")}
    assert told == {(each["seller"], each["buyer"]): each["energy"] for each in transfers}


def figures(page: Page, chart: str) -> list[list[str]]:
    """Open a chart's figures and read them, row by row."""
    drawn = page.locator("em-chart", has=page.get_by_role("img", name=chart))
    drawn.get_by_text("The figures").click()
    rows = drawn.get_by_role("region").locator("tbody tr")
    expect(rows.first).to_be_visible()
    return [row.locator("th, td").all_text_contents() for row in rows.all()]


def test_the_loads_drawn_are_the_games(played: Any, page: Page) -> None:
    (game,) = (found["game"] for found in played.ask("games")["games"] if found["phase"] == "closed")
    sellers = played.ask(f"games/{game}")["sellers"]
    page.goto(f"{played.url}/#/games/{game}")
    expect(page.get_by_role("slider", name="Turn")).to_be_visible()  # the game is replayed
    assert [(name, number(sold), number(offered)) for name, sold, offered in figures(page, "Sold and still")] == [
        (each["seller"], each["load"], each["capacity"]) for each in sellers
    ]


def test_the_convergence_drawn_ends_with_the_games_potential_and_regret(played: Any, page: Page) -> None:
    (name,) = (found["game"] for found in played.ask("games")["games"] if found["phase"] == "closed")
    game, bids = played.ask(f"games/{name}"), played.ask(f"games/{name}/bids")["bids"]
    potential = 0.0
    for seller in game["sellers"]:
        taken = {bid["buyer"]: bid["amounts"][seller["seller"]] for bid in bids}
        squares = seller["load"] ** 2 + sum(amount**2 for amount in taken.values())
        potential += seller["price"] * squares / (2 * seller["capacity"])
        for buyer, amount in taken.items():
            fee = game["parameters"]["feePerHop"] * game["hops"][buyer][seller["seller"]]
            potential += amount * (seller["price"] + fee)
    page.goto(f"{played.url}/#/games/{name}")
    expect(page.get_by_role("slider", name="Turn")).to_be_visible()
    rounds = figures(page, "Convergence")
    assert [int(row[0]) for row in rounds] == list(range(1, game["round"] + 1))
    assert number(rounds[-1][1]) == pytest.approx(potential, abs=1e-6)
    assert number(rounds[-1][2]) == pytest.approx(game["stop"]["maxRegret"], abs=2e-6)
    regrets = [number(row[2]) for row in rounds]
    assert regrets[0] > regrets[-1]


def described(page: Page, panel: str) -> dict[str, str]:
    """Read the terms of a panel and what stands beside them."""
    region = page.locator("section", has=page.get_by_role("heading", name=panel, exact=True))
    names, values = (region.locator(f"dl > {each}").all_text_contents() for each in ("dt", "dd"))
    return dict(zip(names, (" ".join(value.split()) for value in values), strict=True))


def test_operations_has_the_queues_and_the_services_own_figures(open_market: Any, page: Page) -> None:
    with pytest.raises(CommandRejected):
        open_market.speaks("operator", "closeMarket", game="nowhere")
    page.goto(f"{open_market.url}/#/operations")
    expect(page.locator("[data-figure=depth]")).to_be_visible()
    state = open_market.ask("queue")
    queue = described(page, "Queue")
    assert queue["Waiting"] == f"{state['depth']} of at most {state['capacity']:,}"
    assert queue["Ledger"] == f"{state['ledgerHeight']} blocks"
    assert queue["In the way"] == "nothing"
    services = described(page, "Services")
    assert services["ledger"] == f"well {state['ledgerHeight']} blocks"
    assert {services[name] for name in ("queue", "clock", "optimizer")} == {"well ready"}
    rejected = page.get_by_role("row", name="UNKNOWN_GAME").locator("td.number")
    counted = [
        float(line.rsplit(" ", 1)[1])
        for line in httpx.get(f"{open_market.url}/api/queue/metrics").text.splitlines()
        if 'code="UNKNOWN_GAME"' in line and "_total" in line
    ]
    expect(rejected).to_have_text(f"{sum(counted):.0f}")


def test_the_grids_tariffs_are_shown_from_now_on(open_market: Any, page: Page) -> None:
    changes = [("2020-01-01T00:00:00Z", "0.30", "0.08"), ("2126-01-01T00:00:00Z", "-0.05", "-0.10")]
    table = [{"from": moment, "retail": retail, "feedIn": feed_in} for moment, retail, feed_in in changes]
    open_market.speaks("operator", "setTariffs", tariffs=table)
    page.goto(f"{open_market.url}/#/operations")
    panel = page.locator("section", has=page.get_by_role("heading", name="The grid's tariffs"))
    expect(panel.locator("tbody tr")).to_have_count(2)
    shown = [row.locator("td").all_text_contents() for row in panel.locator("tbody tr").all()]
    known = [[each["retail"], each["feedIn"]] for each in open_market.ask("tariffs")["tariffs"]]
    assert [[number(cell.replace("\N{MINUS SIGN}", "-")) for cell in row] for row in shown] == known
    open_market.speaks("operator", "setTariffs", tariffs=[])


def test_a_service_in_trouble_is_named(open_market: Any, page: Page) -> None:
    page.route("**/api/clock/**", lambda route: route.abort())
    page.goto(open_market.url)
    row = page.locator("dt", has_text="clock").locator("xpath=following-sibling::dd[1]")
    expect(row).to_contain_text("in trouble")


def test_a_service_that_hangs_is_named_and_nothing_else_waits_for_it(
    market: Any, page: Page, clock_that_hangs: None
) -> None:
    page.goto(market.url)
    row = page.locator("dt", has_text="clock").locator("xpath=following-sibling::dd[1]")
    expect(row).to_contain_text("The clock has not answered")
    page.goto(f"{market.url}/#/operations")
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    for name in ("first", "second", "third"):  # as often as the clock could take a connection away
        market.speaks("operator", "publishGame", game=name, registrationDurationMs=600_000)
        page.goto(f"{market.url}/#/games")
        expect(page.get_by_role("link", name=name)).to_be_visible()
        page.goto(f"{market.url}/#/operations")
        expect(page.get_by_role("heading", name="Queue")).to_be_visible()
