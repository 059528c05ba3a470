"""What an operator does on the page: each thing a signed command whose receipt is followed to its block."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from prosumer_client import Identity, load_or_create_key
from tests.page.conftest import until

pytestmark = pytest.mark.page


def sign_in(page: Page, market: Any, key: Path | None = None) -> None:
    page.goto(f"{market.url}/#/operations")
    page.get_by_role("button", name="Sign in", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Operator's id").fill("operator")
    dialog.get_by_label("Key file").set_input_files(key or market.operator_key)
    dialog.get_by_role("button", name="Sign in").click()


def test_whoever_is_not_signed_in_can_only_look(open_market: Any, page: Page) -> None:
    page.goto(f"{open_market.url}/#/operations")
    expect(page.get_by_text("Others can only look")).to_be_visible()
    assert page.locator("em-operations form").count() == 0


def test_a_top_up_takes_effect_and_is_found_on_the_ledger(open_market: Any, page: Page) -> None:
    open_market.enters("T1", balance="5")
    sign_in(page, open_market)
    form = page.locator("form", has=page.get_by_role("heading", name="Top an account up"))
    form.get_by_label("Prosumer").fill("T1")
    form.get_by_label("Amount").fill("0.000001")
    form.get_by_role("button").click()
    expect(page.get_by_text("topUpAccount committed")).to_be_visible()
    assert open_market.ask("prosumers/T1")["accountBalance"] == 5.000001

    page.get_by_role("link", name="block").click()  # block, transaction, command: three clicks
    page.get_by_role("region", name="Transactions").get_by_role("link").click()
    page.get_by_role("region", name="Commands").get_by_role("link", name="topUpAccount").click()
    expect(page.get_by_text("signed by operator")).to_be_visible()


def test_a_prosumer_is_added_with_its_key(open_market: Any, page: Page, tmp_path: Path) -> None:
    key = Identity("T4", load_or_create_key(tmp_path / "T4.pem")).public_key
    sign_in(page, open_market)
    form = page.locator("form", has=page.get_by_role("heading", name="Add a prosumer"))
    form.get_by_label("Id").fill("T4")
    form.get_by_label("Public key").fill(key)
    form.get_by_role("button").click()
    expect(page.get_by_text("registerProsumer committed")).to_be_visible()
    assert open_market.ask("prosumers/T4")["publicKey"] == key


def test_a_meter_is_entered_with_its_key(played: Any, page: Page, tmp_path: Path) -> None:
    key = Identity("m-P006", load_or_create_key(tmp_path / "m-P006.pem")).public_key
    sign_in(page, played)
    form = page.locator("form", has=page.get_by_role("heading", name="Enter a meter"))
    form.get_by_label("Meter's id").fill("m-P006")
    form.get_by_label("Public key").fill(key)
    form.get_by_label("Prosumer").fill("P006")
    form.get_by_label("Connection, kW").fill("11.04")
    form.get_by_label("Registers begin anew").fill("1000.5")
    form.get_by_role("button").click()
    expect(page.get_by_text("registerMeter committed")).to_be_visible()
    (meter,) = played.ask("meters")["meters"]
    shown = (
        meter["meter"],
        meter["prosumer"],
        meter["publicKey"],
        float(meter["powerKw"]),
        meter["registerModulusKwh"],
    )
    assert shown == ("m-P006", "P006", key, 11.04, 1000.5)


def test_tariffs_are_set_one_by_one_and_a_price_in_cents_is_asked_about(open_market: Any, page: Page) -> None:
    exact = {"from": "2125-01-01T00:00:00.000Z", "retail": "0.300000000000000001", "feedIn": "-0.05"}
    open_market.speaks("operator", "setTariffs", tariffs=[exact])
    sign_in(page, open_market)
    form = page.locator("form", has=page.get_by_role("heading", name="Set the grid's tariffs"))
    form.get_by_label("From").fill("2126-01-01T00:00")
    form.get_by_label("It takes").fill("28.69")
    form.get_by_label("It gives").fill("0.1231")
    form.get_by_role("button", name="Set", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("was 0.2869 meant?")
    form.get_by_label("It takes").fill("0.2869")
    form.get_by_role("button").click()
    expect(page.get_by_text("setTariffs committed")).to_be_visible()
    told = httpx.get(f"{open_market.url}/api/queue/tariffs").text
    assert "0.300000000000000001" in told  # not a digit of the other line is lost
    assert [(each["retail"], each["feedIn"]) for each in json.loads(told)["tariffs"]] == [
        (0.3, -0.05),
        (0.2869, 0.1231),
    ]
    open_market.speaks("operator", "setTariffs", tariffs=[])


def test_the_clock_is_paused_and_resumed(open_market: Any, page: Page) -> None:
    sign_in(page, open_market)
    form = page.locator("form", has=page.get_by_role("heading", name="The clock"))
    form.get_by_role("button", name="Pause").click()
    expect(form.get_by_role("button", name="Resume")).to_be_enabled()
    schedule = f"{open_market.url}/api/clock/schedule"
    assert httpx.get(schedule).json()["paused"] is True
    form.get_by_role("button", name="Resume").click()
    expect(form.get_by_role("button", name="Pause")).to_be_enabled()
    assert httpx.get(schedule).json()["paused"] is False


def test_a_game_is_not_closed_before_its_delivery_is_over_and_the_ledgers_reason_is_shown(
    open_market: Any, page: Page
) -> None:
    market = open_market
    minutes = {"registrationDurationMs": 600_000, "turnDeadlineMs": 600_000, "deliveryDurationMs": 600_000}
    market.speaks("operator", "publishGame", game="ended", expectedParticipants=2, **minutes)
    market.speaks("S1", "publishOffer", game="ended", amount="10", price="0.08")
    market.speaks("B1", "publishDemand", game="ended", amount="3")
    until(lambda: market.ask("games/ended")["phase"] == "playing", 30)
    market.speaks("B1", "publishBuyBid", game="ended", bidAmounts={"S1": "3"})
    market.speaks("B1", "publishBuyBid", game="ended", keepPlaying=False)
    sign_in(page, open_market)
    form = page.locator("form", has=page.get_by_role("heading", name="Close a game"))
    expect(form.get_by_label("Game")).to_have_value("ended")  # the present one is proposed
    form.get_by_role("button").click()
    receipt = page.get_by_text("closeMarket rejected")
    expect(receipt).to_contain_text("DELIVERY_NOT_OVER")
    expect(receipt.get_by_role("link", name="block")).to_be_visible()  # on the ledger, too
    assert market.ask("games/ended")["phase"] == "delivery"


def test_a_game_whose_delivery_is_over_is_closed_by_hand_where_the_clock_does_not(
    open_market: Any, page: Page, clock_that_hangs: None
) -> None:
    market = open_market
    market.speaks("operator", "publishGame", game="by-hand", expectedParticipants=2, deliveryDurationMs=1)
    market.speaks("S1", "publishOffer", game="by-hand", amount="10", price="0.08")
    market.speaks("B1", "publishDemand", game="by-hand", amount="3")
    market.speaks("operator", "stopGameRegistration", game="by-hand")
    market.speaks("B1", "publishBuyBid", game="by-hand", bidAmounts={"S1": "3"})
    market.speaks("B1", "publishBuyBid", game="by-hand", keepPlaying=False)
    page.route("**/api/clock/**", lambda route: route.abort())
    sign_in(page, market)
    form = page.locator("form", has=page.get_by_role("heading", name="Close a game"))
    form.get_by_label("Game").fill("by-hand")
    form.get_by_role("button").click()
    receipt = page.get_by_text("closeMarket committed")
    expect(receipt.get_by_role("link", name="block")).to_be_visible()
    game = market.ask("games/by-hand")
    assert game["phase"] == "closed"
    assert game["settlement"]["presumed"] == ["S1", "B1"]


def test_a_game_is_published_and_the_market_reset_once_it_is_typed(open_market: Any, page: Page) -> None:
    sign_in(page, open_market)
    form = page.locator("form", has=page.get_by_role("heading", name="Publish a game"))
    form.get_by_label("Delivery slot begins").fill("2126-03-01T12:00")
    form.get_by_label("Delivery, minutes").fill("30")
    form.get_by_role("button").click()
    expect(page.get_by_text("publishGame committed")).to_be_visible()
    published = open_market.ask("games")["games"][-1]
    assert (published["deliveryStartsAt"], published["deliveryEndsAt"]) == (
        "2126-03-01T12:00:00.000Z",
        "2126-03-01T12:30:00.000Z",
    )

    form = page.locator("form", has=page.get_by_role("heading", name="Reset the market"))
    form.get_by_role("button").click()  # refused by the form: nothing is typed
    assert open_market.ask("games")["games"]
    form.get_by_label("to confirm").fill("reset")
    form.get_by_role("button").click()
    expect(page.get_by_text("resetMarket committed")).to_be_visible()
    assert open_market.ask("games")["games"] == []


def test_a_forged_command_is_refused_and_shown(open_market: Any, page: Page) -> None:
    open_market.enters("T2", balance="5")
    sign_in(page, open_market)

    def forge(route: Route) -> None:
        command = json.loads(route.request.post_data or "")
        command["payload"]["data"]["amount"] = "1000000"
        route.continue_(post_data=json.dumps(command))

    page.route("**/api/queue/queue", forge)
    form = page.locator("form", has=page.get_by_role("heading", name="Top an account up"))
    form.get_by_label("Prosumer").fill("T2")
    form.get_by_label("Amount").fill("1")
    form.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("BAD_SIGNATURE")
    assert open_market.ask("prosumers/T2")["accountBalance"] == 5


def test_the_key_of_somebody_else_does_not_sign_in(open_market: Any, page: Page) -> None:
    open_market.enters("T3")
    sign_in(page, open_market, open_market.home / "keys" / "T3.pem")
    expect(page.get_by_role("alert")).to_contain_text("not the key that the ledger has for operator")


def test_the_key_never_leaves_the_browser(open_market: Any, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data}"))
    sign_in(page, open_market)
    expect(page.get_by_role("button", name="Sign out operator")).to_be_visible()
    secret = "".join(open_market.operator_key.read_text().splitlines()[1:-1])
    assert sent
    assert not [request for request in sent if secret in request]
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
