"""A ledger has an id, and a command that names another ledger's never changes this one."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import Topic, iso_time
from energy_market_chaincode.records import Market as Beginning
from tests.chaincode.conftest import START_MS, Market

ALL_TOPICS = {str(topic) for topic in Topic} - {"skipTurn", "publishClearing", "proveClearing", "stopGame", "fallBack"}


def naming(market: Market, ledger: str | None, command: dict[str, Any]) -> dict[str, Any]:
    """The same command, said by the same prosumer, for a ledger."""
    payload = {**command["payload"], "ledger": ledger}
    return market.signed({**command, "payload": payload}, payload["prosumer"])


def top_up(market: Market, ledger: str, amount: int = 5) -> dict[str, Any]:
    return naming(market, ledger, market.command("operator", "topUpAccount", prosumer="operator", amount=amount))


async def ledger_of(market: Market) -> str:
    return str((await market.invoke("market"))["ledger"])


async def begun_at(number: int) -> Market:
    """A market like every other one, with the same first operator, whose transactions are numbered from here."""
    market = Market(numbers=itertools.count(number))
    await market.invoke("init", "operator", market.public_key("operator"))
    return market


async def test_a_ledger_is_called_after_the_transaction_that_began_it() -> None:
    assert [await ledger_of(await begun_at(number)) for number in (0, 7)] == ["tx0", "tx7"]


async def test_a_repeated_init_changes_nothing(market: Market) -> None:
    before, ledger = dict(market.state), await ledger_of(market)
    await market.invoke("init", "operator", market.public_key("operator"))
    assert (market.state, await ledger_of(market)) == (before, ledger)


async def test_a_command_counts_on_the_ledger_it_names_and_one_that_names_none_on_any(market: Market) -> None:
    bare = market.command("operator", "topUpAccount", prosumer="operator", amount=5)
    nothing = naming(market, None, market.command("operator", "topUpAccount", prosumer="operator", amount=5))
    results = await market.submit(top_up(market, await ledger_of(market)), bare, nothing)
    assert [result["status"] for result in results] == ["committed"] * 3


async def test_a_command_for_another_ledger_leaves_no_trace_and_does_not_hurt_its_neighbours(market: Market) -> None:
    good = [top_up(market, await ledger_of(market)) for _ in range(2)]
    foreign = top_up(market, "tx7")
    alone = market.replica()
    await alone.submit(*good)
    first, refused, last = await market.submit(good[0], foreign, good[1])
    assert (first["status"], refused["code"], last["status"]) == ("committed", "LEDGER_DIFFERS", "committed")
    assert refused["message"] == "The command is for the ledger tx7; this is the ledger tx0."
    assert market.free("operator") == 10_000_000
    assert market.changed_since(alone.state) == set()


async def test_who_is_unknown_here_is_told_that_the_command_is_for_another_ledger(market: Market) -> None:
    foreign = naming(market, "tx7", market.command("stranger", "publishOffer", game="g", amount=1, price=1))
    (result,) = await market.submit(foreign)
    assert result["code"] == "LEDGER_DIFFERS"


async def test_a_command_for_another_ledger_does_not_use_up_its_id(market: Market) -> None:
    foreign = top_up(market, "tx7")
    refused, taken, again = await market.submit(foreign, naming(market, "tx0", foreign), foreign)
    assert (refused["code"], taken["status"], again["code"]) == ("LEDGER_DIFFERS", "committed", "LEDGER_DIFFERS")


async def test_the_name_of_the_ledger_is_signed(market: Market) -> None:
    foreign = top_up(market, "tx7")
    turned = {**foreign, "payload": {**foreign["payload"], "ledger": "tx0"}}
    stripped = {**foreign, "payload": {key: value for key, value in foreign["payload"].items() if key != "ledger"}}
    before = dict(market.state)
    assert [result["code"] for result in await market.submit(turned, stripped)] == ["BAD_SIGNATURE"] * 2
    assert market.state == before


@pytest.mark.parametrize("with_id", [True, False], ids=["with an id", "without an id"])
async def test_the_same_command_with_and_without_its_ledger_counts_once(market: Market, with_id: bool) -> None:
    bare = market.command("operator", "topUpAccount", prosumer="operator", amount=5)
    if not with_id:
        bare = market.signed({name: bare[name] for name in ("topic", "payload")}, "operator")
    first, named, again = await market.submit(bare, naming(market, "tx0", bare), bare)
    assert (first["status"], named["code"], again["duplicate"]) == ("committed", "COMMAND_ID_REUSED", True)
    assert named["id"] == first["id"]
    assert market.free("operator") == 5_000_000


@pytest.mark.parametrize("ledger", ["", "x" * 81, "a b", 7, ["tx0"]])
async def test_what_is_no_name_of_a_ledger_is_malformed(market: Market, ledger: Any) -> None:
    (result,) = await market.submit(top_up(market, ledger))
    assert (result["code"], result["errors"][0]["field"]) == ("MALFORMED_COMMAND", "payload.ledger")


async def test_a_ledger_that_older_rules_began_has_an_id_too_which_stays(market: Market) -> None:
    old = f'{{"first_operator":"operator","first_public_key":"K","initialised_at_ms":{START_MS}}}'
    market.state[Beginning.key()] = old.encode()
    ledger = await ledger_of(market)
    assert ledger == "1060071102d993105b17a7d840de85befe6f3cb4d0b65c0b3095835fa3a86b88"
    results = await market.submit(top_up(market, ledger), top_up(market, "tx0"))
    assert [result["status"] for result in results] == ["committed", "rejected"]
    await market.invoke("init", "operator", "K")
    assert market.state[Beginning.key()] == old.encode()


@pytest.fixture
async def recorded() -> list[dict[str, Any]]:
    """All that was said, and took effect, on a ledger with a whole game, every command with the ledger's name."""
    market = await begun_at(0)
    said: list[dict[str, Any]] = []

    async def say(prosumer: str, topic: str, /, **data: Any) -> None:
        said.append(naming(market, "tx0", market.command(prosumer, topic, **data)))
        (result,) = await market.submit(said[-1])
        assert result["status"] == "committed", result

    await say("operator", "simulateTime", start=iso_time(market.now_ms), factor=1)
    for name in ("S", "B"):
        await say("operator", "registerProsumer", id=name, publicKey=market.public_key(name))
        await say("operator", "topUpAccount", prosumer=name, amount=100)
    await say("operator", "setTopology", edges=[["S", "B"]])
    await say("operator", "setTariffs", tariffs=[{"from": "2026-01-01T00:00Z", "retail": "0.3", "feedIn": "0.1"}])
    await say("operator", "publishGame", game="g", expectedParticipants=2)
    await say("S", "publishOffer", game="g", amount=5, price="0.1")
    await say("B", "publishDemand", game="g", amount=4)
    await say("B", "publishOrders", orders=[{"game": "g", "demand": {"amount": 5}}])
    await say("operator", "stopGameRegistration", game="g")
    await say("B", "publishBuyBid", game="g", bidAmounts={"S": 5})
    await say("B", "publishBuyBid", game="g", keepPlaying=False)
    await say("S", "publishMeterReading", game="g", sequence=1, inEnergy=0, outEnergy=5)
    await say("B", "publishMeterReading", game="g", sequence=1, inEnergy=5, outEnergy=0)
    await say("operator", "closeMarket", game="g")
    await say("operator", "registerMeter", id="M", publicKey=market.public_key("M"), prosumer="B", powerKw=10)
    slot = {"deliverySlot": iso_time(market.now_ms + 1000), "slotDurationMs": 3_600_000}
    await say("operator", "publishGame", game="h", **slot)
    market.now_ms += 7_200_000
    await say("M", "publishReadings", readings=[{"game": "h", "inEnergy": 1, "outEnergy": 0}])
    await say("operator", "archiveSlots", games=["g"])
    await say("operator", "archiveLines", prosumers=["S", "B"], before="2020-01-01T00:00:00Z")
    await say("operator", "resetMarket")
    ahead, now = (iso_time(market.now_ms + lead) for lead in (400 * 86_400_000, 0))
    await say("operator", "setLedgerTime", oldTime=ahead, newTime=now)
    assert {command["topic"] for command in said} == ALL_TOPICS
    return said


@settings(max_examples=25)
@given(data=st.data())
async def test_what_was_signed_for_one_ledger_never_changes_another(
    recorded: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Wherever the other one stands that has the same keys: every command that would count there is refused."""
    other = await begun_at(1000)
    told = data.draw(st.integers(0, len(recorded)))
    for command in recorded[:told]:
        if command["topic"] == "publishReadings":
            other.now_ms += 7_200_000
        (result,) = await other.submit(naming(other, "tx1000", command))
        assert result["status"] == "committed", result
    before, events = dict(other.state), list(other.events)
    replayed = data.draw(st.lists(st.sampled_from(recorded), min_size=1))
    results = await other.submit(*replayed)
    assert {result["code"] for result in results} == {"LEDGER_DIFFERS"}
    assert (other.state, other.events) == (before, events)
