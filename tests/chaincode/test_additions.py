"""Whoever adds a topic, a kind of record or a mechanism declares it once, and all that lists them knows it."""

from collections.abc import Iterator
from typing import Any

import pytest

from energy_market_chaincode.commands import COMMANDS, CommandData
from energy_market_chaincode.context import RULES, Context, rule
from energy_market_chaincode.mechanisms import MECHANISMS
from energy_market_chaincode.records import RECORDS, Game, Play, Record
from energy_market_chaincode.stopping import stop
from energy_market_chaincode.units import Energy
from energy_market_chaincode.views import View
from energy_market_chaincode.vocabulary import Role
from tests.chaincode.conftest import Market


@pytest.fixture(autouse=True)
def catalogues() -> Iterator[None]:
    """Let additions be those of one test."""
    known: list[tuple[dict[Any, Any], dict[Any, Any]]] = [
        (catalogue, dict(catalogue)) for catalogue in (COMMANDS, MECHANISMS, RECORDS, RULES)
    ]
    yield
    for catalogue, before in known:
        catalogue.clear()
        catalogue.update(before)


async def test_a_topic_is_a_model_and_its_rule(market: Market) -> None:
    class Greet(CommandData, topic="greet", by=Role.OPERATOR):
        """Greet somebody."""

        whom: str

    class Greeted(View):
        greeting: str

    @rule
    async def greet(context: Context, data: Greet) -> Greeted:
        return Greeted(greeting=f"{context.signer} greets {data.whom}")

    await market.enter("P", funds="0")
    assert await market.do("operator", "greet", whom="P") == {"greeting": "operator greets P"}
    assert await market.rejection("P", "greet", whom="P") == "OPERATORS_ONLY"
    assert await market.rejection_of_form("greet", who="P") == "MALFORMED_COMMAND"


@pytest.mark.parametrize("reset", [True, False])
async def test_a_record_knows_its_keys_and_whether_a_reset_removes_it(market: Market, reset: bool) -> None:
    class Note(Record, prefix="note", reset=reset):
        text: str

    class Noted(View):
        key: str

    class WriteNote(CommandData, topic="writeNote"):
        text: str

    @rule
    async def write_note(context: Context, data: WriteNote) -> Noted:
        context.save(Note(text=data.text), context.signer)
        return Noted(key=Note.key(context.signer))

    assert await market.do("operator", "writeNote", text="hello") == {"key": "note/operator"}
    assert market.state["note/operator"] == b'{"text":"hello"}'
    await market.do("operator", "resetMarket")
    assert ("note/operator" in market.state) is not reset


async def test_a_mechanism_is_one_function_under_its_name(market: Market) -> None:
    class AllPass(CommandData, topic="allPass", by=Role.OPERATOR):
        game: str

    class Passed(View):
        game: str

    async def begin(context: Context, game: Game) -> None:
        """Wait for an operator."""
        arena = await context.arena(game)
        loads = [Energy(0)] * len(arena.sellers)
        context.save(Play(round=1, turn=0, deadline_ms=0, passes=len(arena.buyers), loads=loads), game.id)

    @rule
    async def all_pass(context: Context, data: AllPass) -> Passed:
        game = await context.load(Game, data.game)
        await stop(context, game, await context.arena(game), await context.load(Play, data.game))
        return Passed(game=data.game)

    await market.enter("S", "B")
    assert await market.rejection_of_form("publishGame", mechanism="all-pass") == "MALFORMED_COMMAND"
    MECHANISMS["all-pass"] = begin
    game = await market.start_game({"S": ("10", "0.1")}, {"B": "5"}, game="g", mechanism="all-pass")
    bid = {"game": game, "bidAmounts": {"S": "5"}}
    assert await market.rejection("B", "publishBuyBid", **bid) == "OTHER_MECHANISM"
    await market.do("operator", "allPass", game=game)
    (stopped,) = market.named("GameStopEvent")
    assert stopped["reason"] == "all-passed"
    shown = await market.invoke("game", game)
    assert (shown["mechanism"], shown["phase"]) == ("all-pass", "delivery")


def test_every_topic_has_a_rule_and_every_record_keys_of_its_own() -> None:
    assert set(RULES) == set(COMMANDS.values())
    prefixes = sorted(f"{prefix}/" for prefix in RECORDS)
    nested = {(a, b) for a in prefixes for b in prefixes if a != b and b.startswith(a)}
    assert {outer for outer, _ in nested} == {"topology/"}
