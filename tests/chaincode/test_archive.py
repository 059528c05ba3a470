"""The archive: of a final slot lines and a hash stay, the work is bounded, and the hash says what was removed."""

import hashlib
from collections import Counter
from typing import Any

import pytest

from energy_market_chaincode import iso_time, statements
from energy_market_chaincode.errors import GameArchived, LinesArchived
from energy_market_chaincode.lines import Archive, Line, LineArchive
from energy_market_chaincode.units import Money, currency
from tests.chaincode.conftest import START_MS, Market

DAY_MS, QUARTER_MS = 24 * 3_600_000, 900_000
HOUSEHOLDS = 30


async def played(market: Market, starts_ms: int, households: int = 4, **parameters: Any) -> str:
    """Play, meter and settle a slot of as many buyers as sellers."""
    names = [f"P{number:02}" for number in range(households)]
    if not any(key.startswith("meter-of/") for key in market.state):
        await market.enter(*names, funds="1000")
        for name in names:
            meter = {"id": f"m-{name}", "publicKey": market.public_key(f"m-{name}")}
            await market.do("operator", "registerMeter", **meter, prosumer=name, powerKw="11.04")
    sellers = dict.fromkeys(names[::2], ("2.5", "0.1"))
    game = f"at-{starts_ms}"
    terms = {"deliverySlot": iso_time(starts_ms), "roundLimit": 3, **parameters}
    await market.start_game(sellers, dict.fromkeys(names[1::2], "2"), game=game, **terms)
    await market.play_out(game)
    market.now_ms = max(market.now_ms, starts_ms + QUARTER_MS)
    for number, name in enumerate(names):
        reading = {"game": game, "inEnergy": "2" if number % 2 else "0", "outEnergy": "0" if number % 2 else "2.5"}
        await market.do(f"m-{name}", "publishReadings", readings=[reading])
    await market.do("operator", "closeMarket", game=game)
    return game


def records_of(market: Market, game: str) -> dict[str, bytes]:
    """All that names a game, but the memory of commands."""
    found = {key: value for key, value in market.state.items() if game in key or f'"{game}"' in value.decode()}
    return {key: value for key, value in found.items() if not key.startswith("command/")}


def kinds(records: dict[str, bytes]) -> Counter[str]:
    return Counter(key.partition("/")[0] for key in records)


async def test_a_final_slot_leaves_its_lines_and_a_hash_of_what_was_removed(market: Market) -> None:
    game = await played(market, START_MS + DAY_MS)
    market.now_ms += 8 * DAY_MS
    before, lines = records_of(market, game), (await market.invoke("lines", game))["lines"]
    statement = await market.invoke("statement", "P01", "0", str(2 * START_MS), "3000")
    assert await market.do("operator", "archiveSlots", games=[game]) == {"archived": [game], "left": []}
    after = records_of(market, game)
    assert kinds(after) == {"line": 4, "archive": 1}
    removed = {key: value for key, value in before.items() if not key.startswith("line/")}
    ordered = sorted(removed, key=lambda key: (key.startswith("game/"), key.startswith("slot/"), key))
    digest = ""
    for key in ordered:
        digest = hashlib.sha256(f"{digest}{key}\n".encode() + removed[key]).hexdigest()
    left = Archive.from_bytes(after[f"archive/{game}"])
    assert (left.records, left.digest, left.is_whole) == (len(removed), digest, True)
    assert (await market.invoke("lines", game))["lines"] == lines
    assert await market.invoke("statement", "P01", "0", str(2 * START_MS), "3000") == statement


async def test_an_archived_game_says_so_to_whoever_asks_for_it_or_commands_something(market: Market) -> None:
    game = await played(market, START_MS + DAY_MS)
    market.now_ms += 8 * DAY_MS
    await market.do("operator", "archiveSlots", games=[game])
    for question in ("game", "bids", "transfers", "balance"):
        with pytest.raises(GameArchived, match="its lines are there"):
            await market.invoke(question, game)
    assert (await market.invoke("games"))["games"] == []
    assert await market.rejection("operator", "closeMarket", game=game) == "GAME_ARCHIVED"
    reading = {"game": game, "inEnergy": "0", "outEnergy": "0"}
    assert await market.rejection("m-P00", "publishReadings", readings=[reading]) == "GAME_ARCHIVED"
    again = {"game": game, "deliverySlot": iso_time(market.now_ms + DAY_MS)}
    assert await market.rejection("operator", "publishGame", **again) == "GAME_EXISTS"
    assert await market.do("operator", "archiveSlots", games=[game]) == {"archived": [game], "left": []}


async def test_only_what_is_settled_for_good_is_archived(market: Market) -> None:
    game = await played(market, START_MS + DAY_MS)
    assert await market.rejection("operator", "archiveSlots", games=[game]) == "SLOT_NOT_FINAL"
    await market.do("operator", "publishGame", game="open")
    market.now_ms += 8 * DAY_MS
    assert await market.rejection("operator", "archiveSlots", games=[game, "open"]) == "SLOT_NOT_FINAL"
    assert await market.rejection("operator", "archiveSlots", games=["none"]) == "UNKNOWN_GAME"
    assert await market.rejection("P00", "archiveSlots", games=[game]) == "OPERATORS_ONLY"
    assert (await market.invoke("game", game))["game"] == game, "all of it or nothing"


async def test_it_is_done_in_bounded_parts_that_come_to_the_same(
    new_market: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for most in (1_000, 7, 1):
        market = new_market()
        await market.invoke("init", "operator", market.public_key("operator"))
        games = [await played(market, START_MS + (1 + number) * DAY_MS) for number in range(2)]
        market.now_ms += 8 * DAY_MS
        monkeypatch.setattr(statements, "MOST_REMOVED", most)
        left = games
        while left:
            before = len(market.state)
            left = (await market.do("operator", "archiveSlots", games=left))["left"]
            # The command's own memory and the archives that it began are new.
            assert before - len(market.state) <= most
            for game in left:
                if f"archive/{game}" in market.state:
                    with pytest.raises(GameArchived):
                        await market.invoke("game", game)
        states.append({key: value for key, value in market.state.items() if not key.startswith("command/")})
    assert states[0] == states[1] == states[2]


async def test_the_marks_of_readings_go_with_their_game(market: Market) -> None:
    await market.enter("S", "B", funds="100")
    for game in ("first", "second"):
        await market.start_game({"S": ("10", "0.1")}, {"B": "5"}, game=game, deliverySlot=game, roundLimit=1)
        await market.do("B", "publishBuyBid", game=game, bidAmounts={"S": "5"})
        await market.read_meter(game, "S", fed_in="5")
        await market.read_meter(game, "B", taken="5")
    await market.do("operator", "closeMarket", game="first")
    market.now_ms += DAY_MS
    await market.do("operator", "archiveSlots", games=["first"])
    readings = [key for key in market.state if key.startswith("reading")]
    assert len(readings) == 4, "two of the second game, and where they are from"
    assert kinds(records_of(market, "first")) == {"line": 2, "archive": 1}


async def test_30_households_leave_31_records_of_a_slot_and_no_more(market: Market) -> None:
    game = await played(market, START_MS + DAY_MS, HOUSEHOLDS)
    market.now_ms += 8 * DAY_MS
    before = records_of(market, game)
    await market.do("operator", "archiveSlots", games=[game])
    after = records_of(market, game)
    assert len(before) > 100
    assert kinds(after) == {"line": HOUSEHOLDS, "archive": 1}
    assert sum(len(key) + len(value) for key, value in after.items()) < 200 * (HOUSEHOLDS + 2)
    assert all(len(value) <= 200 for key, value in after.items() if key.startswith("line/"))


async def three_old_slots(market: Market) -> list[str]:
    """Play three slots a day apart; the second is corrected."""
    games = [await played(market, START_MS + (1 + number) * DAY_MS) for number in range(3)]
    reading = {"game": games[1], "inEnergy": "1.5", "outEnergy": "0"}
    assert (await market.do("m-P01", "publishReadings", readings=[reading]))["corrected"] == [games[1]]
    market.now_ms += 8 * DAY_MS
    await market.do("operator", "archiveSlots", games=games)
    return games


async def test_old_lines_leave_their_sum_and_a_hash_and_later_ones_stay(market: Market) -> None:
    games = await three_old_slots(market)
    before_ms = START_MS + 3 * DAY_MS
    whole = await market.invoke("statement", "P01", "0", str(market.now_ms), "3000")
    old = {
        key: value
        for key, value in market.state.items()
        if key.startswith(("line/P01/", "correction/P01/")) and key.split("/")[2] < iso_time(before_ms)
    }
    assert kinds(old) == {"line": 2, "correction": 1}
    said = {"prosumers": ["P01"], "before": iso_time(before_ms)}
    assert await market.do("operator", "archiveLines", **said) == {"archived": ["P01"], "left": []}
    assert not old.keys() & market.state.keys()
    digest = ""
    for key in sorted(old, key=lambda key: (key.split("/")[2:4], key.startswith("correction/"))):
        digest = hashlib.sha256(f"{digest}{key}\n".encode() + old[key]).hexdigest()
    left = LineArchive.from_bytes(market.state["archived-lines/P01"])
    net = Money(sum(Line.from_bytes(value).net for key, value in old.items() if key.startswith("line/")))
    assert left == LineArchive(before_ms=before_ms, lines=2, net=net, digest=digest)
    rest = await market.invoke("statement", "P01", str(before_ms), str(market.now_ms), "3000")
    assert [line["game"] for line in rest["lines"]] == games[2:]
    assert whole["sums"]["net"] == rest["sums"]["net"] + currency(net)
    with pytest.raises(LinesArchived, match=rf"2 lines of slots before .* archived[\s\S]*{digest}"):
        await market.invoke("statement", "P01", str(before_ms - 1), str(market.now_ms), "3000")
    with pytest.raises(LinesArchived):
        await market.invoke("lines", games[0])
    assert len((await market.invoke("lines", games[2]))["lines"]) == 4
    assert len((await market.invoke("statement", "P03", "0", str(market.now_ms), "3000"))["lines"]) == 3


async def test_only_lines_of_archived_games_that_have_been_are_archived(market: Market) -> None:
    game = await played(market, START_MS + DAY_MS)
    said = {"prosumers": ["P01"], "before": iso_time(market.now_ms)}
    assert await market.rejection("operator", "archiveLines", **said) == "SLOT_NOT_ARCHIVED"
    market.now_ms += 8 * DAY_MS
    await market.do("operator", "archiveSlots", games=[game])
    assert await market.rejection("P01", "archiveLines", **said) == "OPERATORS_ONLY"
    future = {"prosumers": ["P01"], "before": iso_time(market.now_ms + 60_000)}
    assert await market.rejection("operator", "archiveLines", **future) == "ARCHIVE_OF_FUTURE"
    unknown = {"prosumers": ["P01", "nobody"], "before": said["before"]}
    assert await market.rejection("operator", "archiveLines", **unknown) == "UNKNOWN_PROSUMER"
    assert "archived-lines/P01" not in market.state, "all of it or nothing"


async def test_lines_of_games_that_a_reset_removed_are_archived(market: Market) -> None:
    await played(market, START_MS + DAY_MS)
    market.now_ms += 8 * DAY_MS
    assert (await market.do("operator", "resetMarket"))["left"] == 0
    said = {"prosumers": ["P01", "P02"], "before": iso_time(market.now_ms)}
    assert await market.do("operator", "archiveLines", **said) == {"archived": ["P01", "P02"], "left": []}
    assert LineArchive.from_bytes(market.state["archived-lines/P01"]).lines == 1


async def test_lines_are_archived_in_bounded_parts_that_come_to_the_same(
    new_market: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for most in (500, 2, 1):
        market = new_market()
        await market.invoke("init", "operator", market.public_key("operator"))
        await three_old_slots(market)
        monkeypatch.setattr(statements, "MOST_LINES", most)
        left = ["P00", "P01", "P02", "P03"]
        while left:
            before = Counter(key.partition("/")[0] for key in market.state)
            said = {"prosumers": left, "before": iso_time(START_MS + 30 * DAY_MS)}
            market.now_ms = max(market.now_ms, START_MS + 30 * DAY_MS)
            left = (await market.do("operator", "archiveLines", **said))["left"]
            assert before["line"] - sum(key.startswith("line/") for key in market.state) <= most
        states.append({key: value for key, value in market.state.items() if not key.startswith("command/")})
    assert states[0] == states[1] == states[2]
    assert not [key for key in states[0] if key.startswith(("line/", "correction/"))]
