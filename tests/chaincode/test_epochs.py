"""An operator sets a ledger's time right that is ahead: a new epoch, in which what was signed before counts no more."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from energy_market_chaincode import iso, iso_time
from tests.chaincode.conftest import START_MS, Market

AHEAD_MS = 400 * 86_400_000
ROOFS = {"S": ("5", "0.1")}
HOMES = {"B": "5"}
RIGHT = {"oldTime": iso_time(START_MS + AHEAD_MS), "newTime": iso_time(START_MS)}


async def set_right(market: Market, right_ms: int = START_MS) -> dict[str, Any]:
    """Set the ledger's time back from where it is, as on a machine whose time is right again."""
    wrong, market.now_ms = iso_time(market.now_ms), right_ms
    return await market.do("operator", "setLedgerTime", oldTime=wrong, newTime=iso_time(right_ms))


def naming(market: Market, ledger: str, command: dict[str, Any]) -> dict[str, Any]:
    payload = {**command["payload"], "ledger": ledger}
    return market.signed({**command, "payload": payload}, payload["prosumer"])


def top_up(market: Market, ledger: str) -> dict[str, Any]:
    return naming(market, ledger, market.command("operator", "topUpAccount", prosumer="operator", amount=5))


def set_back(time: str) -> str:
    """A time of the wrong clock as the right one has it."""
    return iso(datetime.fromisoformat(time) - timedelta(milliseconds=AHEAD_MS))


async def test_old_and_new_time_stand_on_the_ledger_and_are_told_to_everybody(market: Market) -> None:
    market.now_ms += AHEAD_MS
    begun = await set_right(market)
    assert begun == {"number": 1, "ledger": "tx0.1", **RIGHT}
    shown = await market.invoke("market")
    assert (shown["ledger"], shown["epoch"]) == ("tx0.1", begun)
    assert market.events[-1] == {"name": "LedgerTimeSetEvent", "game": None, **begun}
    market.now_ms += AHEAD_MS
    assert (await set_right(market))["ledger"] == "tx0.2"


async def test_what_was_signed_for_the_old_epoch_counts_no_more_from_the_very_next_command_on(market: Market) -> None:
    begin = naming(market, "tx0", market.command("operator", "setLedgerTime", **RIGHT))
    commands = [top_up(market, "tx0"), begin, top_up(market, "tx0"), top_up(market, "tx0.1")]
    results = await market.submit(*commands)
    assert [result.get("code", "counts") for result in results] == ["counts", "counts", "LEDGER_DIFFERS", "counts"]
    assert results[2]["message"] == "The command is for the ledger tx0; this is the ledger tx0.1."
    (late,) = await market.submit(top_up(market, "tx0"))
    assert late["code"] == "LEDGER_DIFFERS"


async def test_what_was_decided_before_stays_decided_when_it_is_delivered_again(market: Market) -> None:
    command = top_up(market, "tx0")
    begin = naming(market, "tx0", market.command("operator", "setLedgerTime", **RIGHT))
    decided = await market.submit(command, begin)
    again = await market.submit(command, begin)
    assert again == [{**result, "duplicate": True} for result in decided]
    assert market.free("operator") == 5_000_000


@pytest.mark.parametrize("apart_ms", [-60_001, 60_001])
async def test_the_new_time_is_the_transaction_s(market: Market, apart_ms: int) -> None:
    times = {"oldTime": RIGHT["oldTime"], "newTime": iso_time(START_MS + apart_ms)}
    assert await market.rejection("operator", "setLedgerTime", **times) == "TIME_NOT_PRESENT"


@pytest.mark.parametrize(
    "times",
    [
        {"oldTime": RIGHT["newTime"], "newTime": RIGHT["newTime"]},
        {"oldTime": RIGHT["newTime"], "newTime": RIGHT["oldTime"]},
        {**RIGHT, "oldTime": "2028-01-02T12:00:00"},
        {**RIGHT, "oldTime": 1_900_000_000},
        {"newTime": RIGHT["newTime"]},
    ],
    ids=["no fall", "a rise", "a local time", "a number", "no old time"],
)
async def test_times_that_make_no_sense_are_refused(market: Market, times: dict[str, Any]) -> None:
    assert await market.rejection_of_form("setLedgerTime", **times) == "MALFORMED_COMMAND"


async def test_a_prosumer_sets_no_time(market: Market) -> None:
    await market.enter("S")
    assert await market.rejection("S", "setLedgerTime", **RIGHT) == "OPERATORS_ONLY"


async def test_who_was_given_time_by_the_wrong_clock_has_as_much_of_it_left(market: Market) -> None:
    await market.enter("S", "B")
    market.now_ms += AHEAD_MS
    delivering = await market.start_game(ROOFS, HOMES, game="delivering", deliverySlot="three")
    await market.play_out(delivering)
    waiting = await market.open_game(ROOFS, HOMES, game="waiting", deliverySlot="one", expectedParticipants=9)
    playing = await market.start_game(ROOFS, HOMES, game="playing", deliverySlot="two")
    before = {game: await market.invoke("game", game) for game in (waiting, playing, delivering)}
    market.now_ms += 3_000
    await set_right(market, START_MS + 3_000)
    for game, field in ((waiting, "registrationEndsAt"), (playing, "deadline"), (delivering, "deliveryEndsAt")):
        after = await market.invoke("game", game)
        assert after["publishedAt"] == iso_time(START_MS)
        assert after[field] == set_back(before[game][field])
    await market.play_out(playing)


async def test_times_from_before_the_wrong_ones_are_right_and_stay(market: Market) -> None:
    await market.enter("S", "B")
    early = await market.open_game(ROOFS, HOMES, deliverySlot="one", registrationDurationMs=3_600_000)
    ends = (await market.invoke("game", early))["registrationEndsAt"]
    market.now_ms += AHEAD_MS
    await set_right(market, START_MS + 60_000)
    assert (await market.invoke("game", early))["registrationEndsAt"] == ends == iso_time(START_MS + 3_600_000)
    await market.do("operator", "stopGameRegistration", game=early)
    market.now_ms += AHEAD_MS
    await set_right(market, START_MS + 61_000)
    assert (await market.invoke("game", early))["deadline"] == iso_time(START_MS + 70_000)


async def test_a_slot_that_is_an_instant_stays_that_instant(market: Market) -> None:
    await market.enter("S", "B")
    market.now_ms += AHEAD_MS
    game = await market.open_game(ROOFS, HOMES, deliverySlot=iso_time(market.now_ms + 3_600_000))
    before = await market.invoke("game", game)
    await set_right(market)
    assert await market.invoke("game", game) == before
