"""The original's game on every ledger, from registration to settlement, each move a transaction of its own."""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.scenario import Scenario
from demo.scenario_file import SCENARIOS, load_scenario
from energy_market_chaincode import Topic, public_key_text, read_exact_json, settlement
from energy_market_chaincode.events import BuyBidEvent
from energy_market_chaincode.mechanisms import certified
from energy_market_chaincode.vocabulary import CERTIFIED, SEQUENTIAL_BEST_RESPONSE
from ledger import Ledger, LedgerEvent
from ledger.embedded import EmbeddedLedger
from prosumer_client.identity import Identity
from prosumer_client.turn import Turn
from tests.chaincode.solving import prices_of
from tests.ledger.conftest import OPERATOR, Hosted, memory

Move = tuple[str, str, dict[str, Any]]
"""Who, which topic, with which data."""


class Table:
    """A ledger at which the people of a scenario play once; their ids end with a mark, for others may have been there.

    Everybody has the operator's key, which is nobody's business here.
    """

    def __init__(self, hosted: Hosted, scenario: Scenario, mechanism: str = SEQUENTIAL_BEST_RESPONSE) -> None:
        self.mechanism = mechanism
        self.ledger: Ledger = hosted.ledger
        self._hosted = hosted
        self._scenario = scenario
        self._mark = f"-{uuid.uuid4()}"
        self.game = f"Game{self._mark}"

    def full(self, name: str) -> str:
        """A person's id on the ledger."""
        return name + self._mark

    def short(self, value: Any) -> Any:
        """An answer of the ledger with the scenario's own names, the times left out."""
        if isinstance(value, dict):
            return {self.short(k): self.short(v) for k, v in value.items() if not k.endswith(("At", "deadline"))}
        if isinstance(value, list):
            return [self.short(item) for item in value]
        return value.removesuffix(self._mark) if isinstance(value, str) else value

    async def say(self, *moves: Move) -> list[dict[str, Any]]:
        """Commit moves as one transaction; none may be rejected. Return their results."""
        commands = [Identity(who, self._hosted.key).command(topic, data).body.decode() for who, topic, data in moves]
        results = (await self.ledger.submit(commands)).results
        assert {result["status"] for result in results} == {"committed"}, results
        return [result["result"] for result in results]

    async def ask(self, function: str, *args: str) -> Any:
        return read_exact_json(await self.ledger.query(function, *args))

    async def enter(self) -> None:
        """Register everybody with money and a history, and lay the network."""
        sellers, buyers = self._scenario.sellers, self._scenario.buyers
        histories: dict[str, dict[str, Decimal]] = {
            **{name: {"totalProduction": s.total_production} for name, s in sellers.items()},
            **{
                name: {"totalProduction": b.total_production, "totalConsumption": b.total_consumption}
                for name, b in buyers.items()
            },
        }
        people: list[Move] = []
        for name, history in histories.items():
            key = Identity(name, self._hosted.key).public_key
            people.append((OPERATOR, Topic.REGISTER_PROSUMER, {"id": self.full(name), "publicKey": key, **history}))
            people.append((OPERATOR, Topic.TOP_UP_ACCOUNT, {"prosumer": self.full(name), "amount": "1000"}))
        hops = {
            self.full(buyer): {self.full(seller): n for seller, n in row.items()}
            for buyer, row in self._scenario.hop_distances().items()
        }
        # other tests of this ledger may have left games with an open gate, whose people this topology would leave out
        await self.say(*people, (OPERATOR, Topic.RESET_MARKET, {}), (OPERATOR, Topic.SET_TOPOLOGY, {"hops": hops}))

    async def register(self) -> None:
        """Open the game and let everybody in."""
        nr_people = len(self._scenario.sellers) + len(self._scenario.buyers)
        terms = {"game": self.game, "deliverySlot": self.game, "expectedParticipants": nr_people}
        more = {"turnDeadlineMs": 600_000, "mechanism": self.mechanism}
        await self.say((OPERATOR, Topic.PUBLISH_GAME, terms | more))
        offers = [
            (self.full(name), Topic.PUBLISH_OFFER, {"game": self.game, "amount": s.capacity, "price": s.price})
            for name, s in self._scenario.sellers.items()
        ]
        demands = [
            (self.full(name), Topic.PUBLISH_DEMAND, {"game": self.game, "amount": b.demand})
            for name, b in sorted(self._scenario.buyers.items())
        ]
        await self.say(*offers, *demands)

    async def play(self) -> list[LedgerEvent]:
        """Let whoever is in turn answer best until the market is closed; return the game's events."""
        start = await self.ledger.end()
        told: list[LedgerEvent] = []
        await self.say((OPERATOR, Topic.STOP_GAME_REGISTRATION, {"game": self.game}))
        async with aclosing(cast(Any, self.ledger.events(start))) as events:
            async for event in events:
                told.append(event)
                if event.name == "BuyBidEvent":
                    await self._answer(Turn.from_event(BuyBidEvent.model_validate(event.data)))
                elif event.name == "ClearingOpenEvent":
                    prices = prices_of(await self.ask("game", self.game))
                    data = {"game": self.game, "arena": event.data["arena"], "prices": prices}
                    await self.say((OPERATOR, Topic.PUBLISH_CLEARING, data))
                elif event.name == "GameStopEvent":
                    await self.deliver()
                elif event.name == "MarketClosedEvent":
                    break
        return told

    async def _answer(self, turn: Turn) -> None:
        best = turn.best_response()
        move = {"bidAmounts": best.amounts} if turn.is_worthwhile(best) else {"keepPlaying": False}
        await self.say((turn.buyer, Topic.PUBLISH_BUY_BID, {"game": self.game, **move}))

    async def deliver(self) -> int:
        """Everybody delivers and takes what was contracted; then the market closes. Return what its settlement left."""
        transfers = (await self.ask("transfers", self.game))["transfers"]
        readings = [self._reading(name, transfers) for name in (*self._scenario.sellers, *self._scenario.buyers)]
        await self.say(*readings)
        (result,) = await self.say((OPERATOR, Topic.CLOSE_MARKET, {"game": self.game}))
        return int(result["left"])

    def _reading(self, name: str, transfers: Sequence[dict[str, Any]]) -> Move:
        who = self.full(name)
        energy = {side: sum(t["energy"] for t in transfers if t[side] == who) for side in ("seller", "buyer")}
        data = {"game": self.game, "sequence": 1, "outEnergy": energy["seller"], "inEnergy": energy["buyer"]}
        return who, Topic.PUBLISH_METER_READING, data

    async def outcome(self) -> dict[str, Any]:
        """All that the ledger shows of the game and of its people, but for the times and the public key."""
        people = [
            await self.ask("prosumer", self.full(name)) for name in (*self._scenario.sellers, *self._scenario.buyers)
        ]
        for person in people:
            del person["publicKey"]
        shown = {question: await self.ask(question, self.game) for question in ("game", "bids", "transfers")}
        return dict(self.short(shown | {"people": people}))


async def played(hosted: Hosted, mechanism: str = SEQUENTIAL_BEST_RESPONSE) -> tuple[Table, list[LedgerEvent]]:
    table = Table(hosted, load_scenario(SCENARIOS / "original.yaml"), mechanism)
    await table.enter()
    await table.register()
    return table, await table.play()


async def test_the_originals_game_comes_to_the_same_on_every_ledger(hosted: Hosted) -> None:
    before = read_exact_json(await hosted.ledger.query("market"))
    table, events = await played(hosted)
    async with memory() as reference:
        expected, expected_events = await played(reference)
        assert await table.outcome() == await expected.outcome()
    assert [table.short(event.data) for event in events] == [expected.short(event.data) for event in expected_events]
    stop = next(event.data for event in events if event.name == "GameStopEvent")
    assert stop["reason"] == "equilibrium"
    assert stop["totalCost"] == Decimal("36.750654")
    after = read_exact_json(await hosted.ledger.query("market"))
    assert after["money"] - before["money"] == 1000 * 11
    assert after["frozenFunds"] == 0, "the market was emptied before, and the game is over"


async def test_a_clearing_of_the_originals_game_is_proved_and_paid_alike_on_every_ledger(hosted: Hosted) -> None:
    table, events = await played(hosted, CERTIFIED)
    async with memory() as reference:
        expected, _ = await played(reference, CERTIFIED)
        shown, reference_shown = await table.outcome(), await expected.outcome()
    for each in (shown, reference_shown):  # its hash is of names that differ
        del each["game"]["clearing"]["arena"], each["game"]["clearing"]["certificate"]["certificate"]
    assert shown == reference_shown
    stop = next(event.data for event in events if event.name == "GameStopEvent")
    assert abs(stop["totalCost"] / Decimal("36.060") - 1) < Decimal("0.0001")


async def test_a_settlement_in_parts_goes_on_where_a_host_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    public_key = public_key_text(key.public_key())
    monkeypatch.setattr(settlement, "PART", 2)
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", OPERATOR, public_key)
    table = Table(Hosted(ledger, key), load_scenario(SCENARIOS / "original.yaml"), CERTIFIED)
    await table.enter()
    await table.register()
    await table.say((OPERATOR, Topic.STOP_GAME_REGISTRATION, {"game": table.game}))
    view = await table.ask("game", table.game)
    data = {"game": table.game, "arena": view["clearing"]["arena"], "prices": prices_of(view)}
    await table.say((OPERATOR, Topic.PUBLISH_CLEARING, data))
    left = await table.deliver()
    while left:
        await ledger.close()
        ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", OPERATOR, None)
        table.ledger = ledger
        (result,) = await table.say((OPERATOR, Topic.CLOSE_MARKET, {"game": table.game, "left": left}))
        assert result["left"] < left
        left = result["left"]
    shown = await table.outcome()
    await ledger.close()
    monkeypatch.undo()
    async with memory() as reference:
        whole, _ = await played(reference, CERTIFIED)
        assert shown["people"] == (await whole.outcome())["people"]
        assert shown["game"]["settlement"] == (await whole.outcome())["game"]["settlement"]


async def killed_once_it_said(word: str, path: Path, key: Ed25519PrivateKey, game: str) -> list[str]:
    """Let a process go on with a game, kill it once a part left so much (any: the first), and return what it said."""
    host = [str(Path(__file__).parent / "parts_host.py"), str(path), key.private_bytes_raw().hex(), game]
    process = await asyncio.create_subprocess_exec(sys.executable, *host, stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = list[str]()
    while not said or said[-1] != word != "any":
        said.append((await process.stdout.readline()).decode().strip())
        assert said[-1], "the host ended by itself"
    process.kill()
    await process.wait()
    return said


async def test_a_proof_and_a_stop_in_parts_go_on_where_a_host_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, path = Ed25519PrivateKey.generate(), tmp_path / "ledger.sqlite"
    ledger = await EmbeddedLedger.open(path, OPERATOR, public_key_text(key.public_key()))
    table = Table(Hosted(ledger, key), load_scenario(SCENARIOS / "original.yaml"), CERTIFIED)
    await table.enter()
    await table.register()
    await table.say((OPERATOR, Topic.STOP_GAME_REGISTRATION, {"game": table.game}))
    view = await table.ask("game", table.game)
    data = {"game": table.game, "arena": view["clearing"]["arena"], "prices": prices_of(view)}
    with monkeypatch.context() as large:
        large.setattr(certified, "PROVED_AT_ONCE", 0)
        large.setattr(certified, "PART_PAIRS", 12)
        (begun,) = await table.say((OPERATOR, Topic.PUBLISH_CLEARING, data))
    await ledger.close()
    first = await killed_once_it_said("any", path, key, table.game)
    proved = await killed_once_it_said("0", path, key, table.game)
    stopped = await killed_once_it_said("delivery", path, key, table.game)
    assert begun["left"] > int(first[0]) > int(proved[0])
    assert len(stopped) > 2
    table.ledger = ledger = await EmbeddedLedger.open(path, OPERATOR, None)
    shown = await table.outcome()
    await ledger.close()
    async with memory() as reference:
        whole = Table(reference, load_scenario(SCENARIOS / "original.yaml"), CERTIFIED)
        await whole.enter()
        await whole.register()
        await whole.say((OPERATOR, Topic.STOP_GAME_REGISTRATION, {"game": whole.game}))
        arena = (await whole.ask("game", whole.game))["clearing"]["arena"]
        prices = {whole.full(str(table.short(seller))): price for seller, price in data["prices"].items()}
        posted = {"game": whole.game, "arena": arena, "prices": prices}
        await whole.say((OPERATOR, Topic.PUBLISH_CLEARING, posted))
        expected = await whole.outcome()
    for each in (shown, expected):  # its hash is of names that differ
        del each["game"]["clearing"]["arena"], each["game"]["clearing"]["certificate"]["certificate"]
    assert shown == expected
