"""However commands are repeated, reordered, grouped and mixed with bad ones: each counts once and hurts no other."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaincode.conftest import Market

Stage = tuple[Market, list[dict[str, Any]]]


@pytest.fixture
async def stage(market: Market) -> Stage:
    """A game that waits for registrations, and all that will be said in it, good and bad."""
    await market.enter("S1", "S2", "B1", "B2", "B3", funds="5")
    await market.do("operator", "setTopology", edges=[["S1", "B1"], ["B1", "S2"], ["S2", "B2"], ["B2", "B3"]])
    terms = {"expectedParticipants": 4, "roundLimit": 2, "registrationDurationMs": 10**6, "imbalancePenalty": "0"}
    await market.do("operator", "publishGame", game="g", **terms)

    def said(prosumer: str, topic: str, /, **data: Any) -> dict[str, Any]:
        return market.command(prosumer, topic, game="g", **data)

    return market, [
        said("S1", "publishOffer", amount=10, price="0.1"),
        said("B1", "publishDemand", amount=6),
        said("S2", "publishOffer", amount=10, price="0.1"),
        said("B2", "publishDemand", amount=8),
        said("B3", "publishDemand", amount=900),
        said("operator", "stopGameRegistration"),
        said("B2", "publishBuyBid", bidAmounts={"S1": 8}),
        said("B1", "publishBuyBid", bidAmounts={"S1": 6}),
        market.command("operator", "topUpAccount", prosumer="B1", amount=1),
        said("B1", "publishBuyBid", bidAmounts={"S1": 3, "S2": 3}),
        said("B2", "publishBuyBid", bidAmounts={"S1": 4, "S2": 4}),
        said("B2", "publishBuyBid", bidAmounts={"S1": 9, "S2": 0}),
        said("B1", "publishBuyBid", keepPlaying=False),
        said("B2", "publishBuyBid", keepPlaying=False),
        said("S1", "publishMeterReading", sequence=1, inEnergy=0, outEnergy=7),
        said("S2", "publishMeterReading", sequence=1, inEnergy=0, outEnergy=7),
        said("S2", "publishMeterReading", sequence=1, inEnergy=0, outEnergy=9),
        said("B1", "publishMeterReading", sequence=1, inEnergy=6, outEnergy=0),
        said("B2", "publishMeterReading", sequence=1, inEnergy=8, outEnergy=0),
        said("operator", "closeMarket"),
        said("B1", "closeMarket"),
    ]


@st.composite
def deliveries(draw: st.DrawFn, commands: int) -> list[list[int]]:
    """Which commands each transaction carries: roughly in order, each up to three times, in groups of any size."""
    copies = [(place + draw(st.integers(0, 5)), place) for place in range(commands) for _ in range(draw(SOME))]
    order = [place for _, place in sorted(copies)]
    groups: list[list[int]] = []
    while order:
        size = draw(st.integers(1, 6))
        groups.append(order[:size])
        order = order[size:]
    return groups


SOME = st.sampled_from([1, 1, 2, 3])


async def run(market: Market, groups: list[list[Any]]) -> list[dict[str, Any]]:
    results = []
    for group in groups:
        market.now_ms += 15_000
        results += await market.submit(*group)
    return results


@settings(max_examples=25)
@given(data=st.data())
async def test_repeated_and_reordered_commands_take_effect_once(stage: Stage, data: st.DataObject) -> None:
    market, commands = stage
    groups = data.draw(deliveries(len(commands)))
    once, heard = market.replica(), set[int]()
    first_times: list[list[Any]] = []
    for group in groups:
        first_times.append([])
        for place in group:
            first_times[-1].append(None if place in heard else commands[place])
            heard.add(place)
    often = market.replica()
    all_results = await run(often, [[commands[place] for place in group] for group in groups])
    first_results = await run(once, first_times)
    decided: dict[str, dict[str, Any]] = {}
    for result, first in zip(all_results, first_results, strict=True):
        if result["id"] in decided:
            assert result == {**decided[result["id"]], "duplicate": True}
        else:
            assert result == first
            decided[result["id"]] = result
    assert often.state == once.state
    assert often.events == once.events


@settings(max_examples=25)
@given(data=st.data())
async def test_a_transaction_is_what_it_would_be_without_its_rejected_commands(
    stage: Stage, data: st.DataObject
) -> None:
    market, commands = stage
    groups = [[commands[place] for place in group] for group in data.draw(deliveries(len(commands)))]
    mixed, clean = market.replica(), market.replica()
    results = await run(mixed, groups)
    left = iter(results)
    accepted = [[c if next(left)["status"] == "committed" else None for c in group] for group in groups]
    clean_results = await run(clean, accepted)
    for result, alone in zip(results, clean_results, strict=True):
        assert alone["code"] == "MALFORMED_COMMAND" if result["status"] == "rejected" else alone == result
    rejected = {f"command/{r['prosumer']}/{r['id']}" for r in results if r["status"] == "rejected"}
    assert {key: value for key, value in mixed.state.items() if key not in rejected} == clean.state
    assert [event for event in mixed.events if event["name"] != "AccountTopUpRequired"] == clean.events


async def test_told_in_order_the_story_comes_to_its_end(stage: Stage) -> None:
    """The properties above are about something: in order, all but the bad commands count."""
    market, commands = stage
    results = await run(market, [[command] for command in commands])
    codes = [result.get("code") for result in results if result["status"] == "rejected"]
    assert codes == [
        "INSUFFICIENT_FUNDS", *["NOT_YOUR_TURN"] * 3, "READING_REPEATED", "OPERATORS_ONLY",
    ]  # fmt: skip
    assert market.named("MarketClosedEvent")
