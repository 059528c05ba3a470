"""The table of tariffs: games take what is in force when their slot starts, and keep it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.commands import USUAL_FEED_IN_TARIFF, USUAL_RETAIL_TARIFF
from energy_market_chaincode.records import Tariffs, TariffTable
from energy_market_chaincode.registration import in_force
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.units import Price
from tests.chaincode.conftest import START_MS, Market

HOUR_MS = 3_600_000
DEFAULTS = (Decimal("0.2869"), Decimal("0.1231"))


def line(at_ms: int, retail: str, feed_in: str) -> dict[str, str]:
    return {"from": iso_time(at_ms), "retail": retail, "feedIn": feed_in}


@pytest.fixture
async def town(market: Market) -> Market:
    """A seller, a buyer and a table: other tariffs in an hour, and negative ones from the next hour on."""
    await market.enter("S1", "B1", funds="100")
    await market.do("operator", "setTopology", edges=[["S1", "B1"]])
    table = [line(START_MS + 2 * HOUR_MS, "-0.01", "-0.012"), line(START_MS + HOUR_MS, "0.4", "0.05")]
    assert await market.do("operator", "setTariffs", tariffs=table) == {"tariffs": 2}
    return market


async def tariffs_of_game(town: Market, **parameters: Any) -> tuple[Decimal, Decimal]:
    game = (await town.do("operator", "publishGame", **parameters))["game"]
    shown = (await town.invoke("game", game))["parameters"]
    return shown["retailTariff"], shown["feedInTariff"]


async def test_a_game_takes_the_tariffs_of_its_slots_start(town: Market) -> None:
    for hours, tariffs in (
        (0.5, DEFAULTS),
        (1, (Decimal("0.4"), Decimal("0.05"))),
        (1.75, (Decimal("0.4"), Decimal("0.05"))),
        (24, (Decimal("-0.01"), Decimal("-0.012"))),
    ):
        slot = iso_time(START_MS + int(hours * HOUR_MS))
        assert await tariffs_of_game(town, deliverySlot=slot) == tariffs


async def test_a_game_without_a_slots_time_takes_those_of_its_publication(town: Market) -> None:
    assert await tariffs_of_game(town, deliverySlot="now") == DEFAULTS
    town.now_ms += HOUR_MS
    assert await tariffs_of_game(town, deliverySlot="later") == (Decimal("0.4"), Decimal("0.05"))


async def test_what_a_game_states_itself_counts(town: Market) -> None:
    slot = iso_time(START_MS + HOUR_MS)
    assert await tariffs_of_game(town, deliverySlot=slot, retailTariff="0.5") == (Decimal("0.5"), Decimal("0.05"))


async def test_a_game_keeps_the_tariffs_that_it_was_published_with(town: Market) -> None:
    game = (await town.do("operator", "publishGame", deliverySlot=iso_time(START_MS + HOUR_MS)))["game"]
    await town.do("operator", "setTariffs", tariffs=[line(START_MS, "0.9", "0.8")])
    assert (await town.invoke("game", game))["parameters"]["retailTariff"] == Decimal("0.4")
    assert await tariffs_of_game(town, deliverySlot="new") == (Decimal("0.9"), Decimal("0.8"))


async def test_the_table_is_shown_and_survives_a_reset(town: Market) -> None:
    await town.do("operator", "resetMarket")
    assert await town.invoke("tariffs") == {
        "tariffs": [
            {"from": iso_time(START_MS + HOUR_MS), "retail": Decimal("0.4"), "feedIn": Decimal("0.05")},
            {"from": iso_time(START_MS + 2 * HOUR_MS), "retail": Decimal("-0.01"), "feedIn": Decimal("-0.012")},
        ],
        "defaultRetail": DEFAULTS[0],
        "defaultFeedIn": DEFAULTS[1],
    }
    await town.do("operator", "setTariffs", tariffs=[])
    assert (await town.invoke("tariffs"))["tariffs"] == []


async def test_only_operators_set_tariffs(town: Market) -> None:
    assert await town.rejection("S1", "setTariffs", tariffs=[]) == "OPERATORS_ONLY"


@pytest.mark.parametrize(
    "table",
    [
        [{"from": "2026-11-01T05:15", "retail": "0.3", "feedIn": "0.1"}],
        [{"from": "noon", "retail": "0.3", "feedIn": "0.1"}],
        [{"from": "2026-11-01T05:15Z", "retail": "0.1", "feedIn": "0.3"}],
        [{"from": "2026-11-01T05:15Z", "retail": "-1000001", "feedIn": "-2000000"}],
        [
            {"from": "2026-11-01T05:15Z", "retail": "0.3", "feedIn": "0.1"},
            {"from": "2026-11-01T06:15+01:00", "retail": "0.2", "feedIn": "0.1"},
        ],
    ],
)
async def test_a_table_that_cannot_be_is_refused(town: Market, table: list[dict[str, str]]) -> None:
    assert await town.rejection_of_form("setTariffs", tariffs=table) == "MALFORMED_COMMAND"


async def test_a_game_whose_energy_would_be_bought_to_be_fed_in_is_refused(town: Market) -> None:
    assert await town.rejection("operator", "publishGame", retailTariff="0.1") == "TARIFFS_CROSSED"


@given(
    times=st.lists(st.integers(0, 50), unique=True, max_size=9).map(sorted),
    at_ms=st.integers(-1, 51),
)
def test_the_latest_line_that_has_begun_is_in_force(times: list[int], at_ms: int) -> None:
    table = TariffTable(tariffs=[Tariffs(from_ms=t, retail=Price(t), feed_in=Price(-t)) for t in times])
    begun = [t for t in times if t <= at_ms]
    assert in_force(table, at_ms) == ((begun[-1], -begun[-1]) if begun else (USUAL_RETAIL_TARIFF, USUAL_FEED_IN_TARIFF))
