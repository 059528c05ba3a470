"""A large slot is settled part by part: to the same money as at once, and a reading that comes meanwhile counts."""

from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import pytest

from energy_market_chaincode import administration, settlement
from energy_market_chaincode.events import SlotSettlingEvent
from energy_market_chaincode.mechanisms import certified
from energy_market_chaincode.records import Arena
from tests.chaincode.conftest import Market
from tests.chaincode.solving import clearing_of
from tests.chaincode.test_metering import CLOSES_MS, ENDS_MS, contract, install, report

SELLERS = {f"S{j}": (f"{3 + j}.5", f"0.0{8 - j}") for j in range(4)}
BUYERS = {f"B{i}": f"{2 + i}.25" for i in range(7)}
AT_ONCE = 10**9
PROVED_IN_PARTS = "certified in parts"


async def delivered(market: Market, mechanism: str, chance: Random) -> str:
    """Play a self-metered game up to its close; some deliver too little, some too much, some are silent."""
    await market.enter(*SELLERS, *BUYERS, "idle", funds="10")
    named = mechanism.removesuffix(" in parts")
    game = await market.start_game(SELLERS, BUYERS, mechanism=named, imbalancePenalty="0.3")
    if named == "certified":
        await market.do("B1", "publishClearing", **await clearing_of(market, game))
    else:
        await market.play_out(game)
    for name, (amount, _) in SELLERS.items():
        if chance.random() < 0.8:
            await market.read_meter(game, name, fed_in=str(round(float(amount) * chance.choice([0.5, 1, 1.2]), 4)))
    for name, amount in BUYERS.items():
        if chance.random() < 0.8:
            await market.read_meter(game, name, taken=str(round(float(amount) * chance.choice([0.5, 1, 1.2]), 4)))
    market.now_ms += 3_600_000
    return game


def replica_of(market: Market) -> Market:
    replica = market.replica()
    replica.numbers = count(10**6)
    return replica


async def close_all(market: Market, game: str) -> list[int]:
    """Settle to the end; return what each part left."""
    left: list[int] = []
    while not left or left[-1]:
        left.append((await market.do("operator", "closeMarket", game=game))["left"])
    return left


async def outcome(market: Market, game: str) -> Any:
    shown = await market.invoke("game", game)
    lines = (await market.invoke("lines", game))["lines"]
    fulfilled = sorted((e["buyer"], e["seller"]) for e in market.named("TransferFulfilledEvent"))
    return shown["phase"], shown["settlement"], lines, await market.transfers(game), fulfilled, market.accounts()


@pytest.mark.parametrize("mechanism", ["certified", PROVED_IN_PARTS, "sequential-best-response"])
@pytest.mark.parametrize("seed", range(4))
async def test_parts_of_any_size_come_to_the_same_to_the_unit(
    market: Market, monkeypatch: pytest.MonkeyPatch, mechanism: str, seed: int
) -> None:
    if mechanism == PROVED_IN_PARTS:
        monkeypatch.setattr(certified, "PROVED_AT_ONCE", 0)
    game = await delivered(market, mechanism, Random(seed))  # noqa: S311  it makes a game, no secret
    whole = replica_of(market)
    monkeypatch.setattr(settlement, "PART", AT_ONCE)
    assert await close_all(whole, game) == [0]
    for size in (1, 25, 70):
        parts = replica_of(market)
        monkeypatch.setattr(settlement, "PART", size)
        left = await close_all(parts, game)
        assert len(left) > 1
        assert left == sorted(left, reverse=True)
        assert await outcome(parts, game) == await outcome(whole, game)
        assert not any(account.frozen for account in parts.accounts().values())
        assert not any(key.startswith("settling/") for key in parts.state)


async def test_a_part_that_somebody_did_is_not_done_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    game = await delivered(market, "certified", Random(1))  # noqa: S311  it makes a game, no secret
    monkeypatch.setattr(settlement, "PART", 3 * settlement.MATCHED)
    first = (await market.do("operator", "closeMarket", game=game))["left"]
    assert first == len(SELLERS) + 2 * len(BUYERS) - 3
    (told,) = market.named("SlotSettlingEvent")
    assert SlotSettlingEvent.model_validate(told).left == first
    assert (await market.invoke("game", game))["left"] == first
    second = (await market.do("operator", "closeMarket", game=game, left=first))["left"]
    assert second == first - 3
    assert await market.rejection("operator", "closeMarket", game=game, left=first) == "PART_DONE"
    assert (await market.invoke("game", game))["phase"] == "delivery"
    assert (await market.invoke("game", game))["readingsAwaited"] == 0
    assert await market.rejection("S1", "publishMeterReading", game=game, sequence=9, inEnergy=0, outEnergy=1) == (
        "WRONG_PHASE"
    )
    while second:
        second = (await market.do("operator", "closeMarket", game=game, left=second))["left"]
    assert (await market.invoke("game", game))["phase"] == "closed"


async def test_a_reading_that_comes_while_a_slot_is_settling_corrects_it_after_the_last_part(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    await market.enter("S", "B", "idle", funds="100")
    await install(market, "S", "B", "idle")
    await contract(market)
    market.now_ms = ENDS_MS
    await report(market, "S", fed_in="2")
    await report(market, "B", taken="2")
    market.now_ms = CLOSES_MS
    early = replica_of(market)
    await report(early, "idle", taken="1")
    await close_all(early, "g")
    monkeypatch.setattr(settlement, "PART", 1)
    await market.do("operator", "closeMarket", game="g")
    assert (await report(market, "idle", taken="0.5"))["corrected"] == []
    await report(market, "idle", taken="1")
    await close_all(market, "g")
    closed, corrected = market.named("MarketClosedEvent"), market.named("SettlementCorrectedEvent")
    assert (closed[0]["presumed"], corrected[0]["presumed"]) == (["idle"], [])
    assert {n: a.free for n, a in market.accounts().items()} == {n: a.free for n, a in early.accounts().items()}
    lines = {line["prosumer"]: line for line in (await market.invoke("lines", "g"))["lines"]}
    assert (lines["idle"]["inEnergy"], lines["idle"]["isPresumed"]) == (Decimal(1), False)


@pytest.mark.parametrize("size", [1, 4])
async def test_a_correction_goes_part_by_part_to_the_same_and_what_is_read_meanwhile_corrects_it_afterwards(
    market: Market, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    await market.enter("S", "B", "idle", funds="100")
    await install(market, "S", "B", "idle")
    await contract(market)
    market.now_ms = CLOSES_MS
    await report(market, "B", taken="2")
    await report(market, "S", fed_in="1")
    await close_all(market, "g")
    whole = replica_of(market)
    for prosumer, counted in (("S", {"fed_in": "2"}), ("idle", {"taken": "1"})):
        assert (await report(whole, prosumer, **counted))["corrected"] == ["g"]
    monkeypatch.setattr(settlement, "PART", size)
    assert (await report(market, "S", fed_in="2"))["corrected"] == ["g"]
    left = (await market.invoke("game", "g"))["left"]
    assert [event["left"] for event in market.named("SlotSettlingEvent")] == [left]
    assert await market.rejection("operator", "closeMarket", game="g", left=left + 1) == "PART_DONE"
    assert (await report(market, "idle", taken="1"))["corrected"] == []
    assert await market.rejection("operator", "archiveSlots", games=["g"]) == "SLOT_NOT_FINAL"
    await close_all(market, "g")
    assert await market.rejection("operator", "closeMarket", game="g") == "WRONG_PHASE"
    for question in ("game", "lines"):
        assert await market.invoke(question, "g") == await whole.invoke(question, "g")
    assert market.accounts() == whole.accounts()
    told = [event["corrections"] for event in market.named("SettlementCorrectedEvent")]
    assert told == [1, 2]


async def test_only_so_many_readings_are_kept_while_a_slot_is_settling(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    await market.enter("S", "B", "idle", funds="100")
    await install(market, "S", "B", "idle")
    await contract(market)
    market.now_ms = CLOSES_MS
    monkeypatch.setattr(settlement, "PART", 1)
    monkeypatch.setattr(settlement, "MOST_KEPT", 1)
    await market.do("operator", "closeMarket", game="g")
    await report(market, "S", fed_in="2")
    reading = {"game": "g", "inEnergy": "1", "outEnergy": "0"}
    assert await market.rejection("m-B", "publishReadings", readings=[reading]) == "SLOT_SETTLING"
    await close_all(market, "g")
    await report(market, "B", taken="1")


async def test_a_reset_in_the_midst_of_a_settlement_leaves_nothing_frozen(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = await delivered(market, "sequential-best-response", Random(3))  # noqa: S311  it makes a game, no secret
    monkeypatch.setattr(settlement, "PART", 4)
    await market.do("operator", "closeMarket", game=game)
    await market.do("operator", "resetMarket")
    assert not any(account.frozen for account in market.accounts().values())
    for name in (*SELLERS, *BUYERS):
        shown = await market.invoke("prosumer", name)
        whole = await market.invoke("statement", name, "0", str(market.now_ms + 1), "3000")
        assert whole["sums"]["movement"] == shown["accountBalance"] - shown["debt"]


async def test_a_reset_goes_part_by_part_and_comes_to_the_same(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    await delivered(market, "sequential-best-response", Random(2))  # noqa: S311  it makes a game, no secret
    open_game = await market.open_game(SELLERS, BUYERS, deliverySlot="later")
    whole = replica_of(market)
    assert (await whole.do("operator", "resetMarket"))["left"] == 0
    monkeypatch.setattr(administration, "RESET_PART", 3)
    answers = [await market.do("operator", "resetMarket")]
    assert await market.rejection("S1", "publishOffer", game=open_game, amount=1, price="0.1") == "UNKNOWN_GAME"
    assert await market.rejection("operator", "publishGame", game=open_game) == "MARKET_EMPTYING"
    while answers[-1]["left"]:
        answers.append(await market.do("operator", "resetMarket"))
    assert len(answers) > 5
    assert {(answer["games"], tuple(answer["cancelledGames"])) for answer in answers} == {
        (answers[0]["games"], tuple(answers[0]["cancelledGames"]))
    }
    assert len(market.named("MarketResetEvent")) == 1
    assert market.accounts() == whole.accounts()
    assert {key for key in market.state if not key.startswith("command/")} == {
        key for key in whole.state if not key.startswith("command/")
    }
    await market.do("operator", "publishGame", game=open_game)


def test_an_arena_is_read_as_earlier_rules_stored_it_too() -> None:
    earlier = (
        b'{"sellers":[{"seller":"S","capacity":25000,"price":100000000000000000,"arrived":[1790000000000,0]}],'
        b'"buyers":[{"buyer":"B","demand":20000,"production":1,"consumption":2,"arrived":[1790000000000,1]}],"hops":[[3]]}'
    )
    arena = Arena.from_bytes(earlier)
    assert (arena.sellers[0].price, arena.buyers[0].consumption, arena.hops) == (10**17, 2, [[3]])
    assert Arena.from_bytes(arena.to_bytes()) == arena
    assert len(arena.to_bytes()) < len(earlier) * 2 / 3
