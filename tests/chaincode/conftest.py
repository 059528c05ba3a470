"""A market in a dictionary: the contract over the simplest stub there can be, audited after every transaction."""

import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pytest
import simplejson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings

from energy_market_chaincode import GRID_OPERATOR, units
from energy_market_chaincode.canonical import read_exact_json
from energy_market_chaincode.contract import invoke
from energy_market_chaincode.game import Supply, best_response_with_grid, bill
from energy_market_chaincode.identity import public_key_text, sign
from energy_market_chaincode.records import Account, Escrow
from tests.chaincode.state import State

START_MS = 1_790_000_000_000

settings.register_profile(
    "chaincode",
    deadline=None,
    derandomize=True,
    max_examples=40,
    # The fixtures that properties use make markets; what they made before is no part of the next example.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("chaincode")


@dataclass
class DictStub:
    """One transaction over a dictionary; like Fabric's, it does not show a transaction its own writes."""

    committed: State
    transaction_id: str
    timestamp_ms: int
    writes: dict[str, bytes | None] = field(default_factory=dict)
    event: tuple[str, bytes] | None = None

    async def get(self, key: str) -> bytes | None:
        return self.committed.get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.committed.get(key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        return self.committed.of(prefix)

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        return self.committed.between(start, end, limit)

    async def put(self, key: str, value: bytes) -> None:
        assert key
        assert value
        self.writes[key] = value

    async def delete(self, key: str) -> None:
        self.writes[key] = None

    async def set_event(self, name: str, payload: bytes) -> None:
        assert self.event is None
        self.event = (name, payload)


@lru_cache
def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0")[:32])


@lru_cache(maxsize=4096)
def _account(stored: bytes) -> Account:
    return Account.from_bytes(stored)


@lru_cache(maxsize=4096)
def _frozen(escrow: bytes) -> int:
    return Escrow.from_bytes(escrow).frozen


def supplies_in(event: Mapping[str, Any]) -> list[Supply]:
    """The sellers of a BuyBidEvent, as the game sees them."""
    fee_per_hop = units.price_from_currency_per_kwh(event["feePerHop"])
    return [
        Supply(
            capacity=units.energy_from_kwh(seller["capacity"]),
            price=units.price_from_currency_per_kwh(seller["price"]),
            others_load=units.energy_from_kwh(seller["othersLoad"]),
            fee=units.Price(fee_per_hop * seller["hops"]),
        )
        for seller in event["sellers"]
    ]


@dataclass
class Market:
    """The contract, its state, a clock that only moves when told, and everybody's keys."""

    state: State = field(default_factory=State, repr=False)
    now_ms: int = START_MS
    events: list[dict[str, Any]] = field(default_factory=list, repr=False)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    brought_in: int = 0
    journal: list[tuple[int, str, list[str]]] = field(default_factory=list, repr=False)

    async def invoke(self, function: str, *args: str) -> Any:
        stub = DictStub(self.state, f"tx{next(self.numbers)}", self.now_ms)
        answer = await invoke(stub, function, args)
        if function in ("init", "submit"):
            self.journal.append((self.now_ms, function, list(args)))
        for key, value in stub.writes.items():
            if value is None:
                self.state.remove(key)
            else:
                self.state[key] = value
        if stub.event is not None:
            self.events += read_exact_json(stub.event[1])
        return read_exact_json(answer)

    def replica(self) -> "Market":
        """A market that stands where this one stands and goes its own way."""
        return Market(state=State(self.state), now_ms=self.now_ms, brought_in=self.brought_in)

    # -- commands

    def command(self, prosumer: str, topic: str, /, **data: Any) -> dict[str, Any]:
        command: dict[str, Any] = {
            "id": str(uuid.UUID(int=next(self.numbers))),
            "topic": topic,
            "payload": {"prosumer": prosumer, "data": data},
        }
        return self.signed(command, prosumer)

    def signed(self, command: dict[str, Any], signer: str) -> dict[str, Any]:
        return {**command, "signature": sign(command, _key(signer))}

    def public_key(self, name: str) -> str:
        return public_key_text(_key(name).public_key())

    async def submit(self, *commands: Any) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = await self.invoke("submit", *map(simplejson.dumps, commands))
        for command, result in zip(commands, results, strict=True):
            took_effect = result["status"] == "committed" and not result.get("duplicate")
            if took_effect and command["topic"] == "topUpAccount":
                self.brought_in += units.money_from_currency(command["payload"]["data"]["amount"])
        self.audit()
        return results

    async def do(self, prosumer: str, topic: str, /, **data: Any) -> dict[str, Any]:
        """One command in a transaction of its own, which must not be rejected."""
        (result,) = await self.submit(self.command(prosumer, topic, **data))
        assert result["status"] == "committed", result
        return dict(result["result"])

    async def rejection(self, prosumer: str, topic: str, /, **data: Any) -> str:
        """One command in a transaction of its own, which must be rejected; return the code."""
        before = dict(self.state)
        (result,) = await self.submit(self.command(prosumer, topic, **data))
        assert result["status"] == "rejected", result
        assert self.changed_since(before) <= {f"command/{prosumer}/{result['id']}"}, "a rejection changed the state"
        assert result["message"].endswith(".")
        assert "{" not in result["message"]
        return str(result["code"])

    async def rejection_of_form(self, topic: str, /, **data: Any) -> str:
        """An operator's command that is not well formed; return the code. It leaves no trace."""
        before = dict(self.state)
        (result,) = await self.submit(self.command("operator", topic, **data))
        assert result["status"] == "rejected", result
        assert self.state == before
        return str(result["code"])

    # -- books

    def accounts(self) -> dict[str, Account]:
        return {key.removeprefix("account/"): _account(value) for key, value in self.state.of("account/")}

    def free(self, owner: str) -> int:
        return self.accounts()[owner].free

    def frozen(self, owner: str) -> int:
        return self.accounts()[owner].frozen

    def audit(self) -> None:
        """What holds after every transaction: money is conserved, nobody is in debt, all that is frozen is escrowed."""
        accounts = self.accounts()
        escrows: Counter[str] = Counter()
        for key, value in self.state.of("escrow/"):
            escrows[key.split("/")[2]] += _frozen(value)
        assert sum(account.free + account.frozen for account in accounts.values()) == self.brought_in
        assert all(account.free >= 0 for owner, account in accounts.items() if owner != GRID_OPERATOR)
        assert {owner: a.frozen for owner, a in accounts.items() if a.frozen} == {k: v for k, v in escrows.items() if v}

    def changed_since(self, before: Mapping[str, bytes]) -> set[str]:
        return {key for key in self.state.keys() | before.keys() if self.state.get(key) != before.get(key)}

    # -- whole phases

    async def enter(
        self, *names: str, funds: str = "1000", histories: Mapping[str, tuple[str, str]] | None = None
    ) -> None:
        """Register prosumers with money; ``histories`` maps names to (production, consumption) in kWh."""
        commands = []
        for name in names:
            production, consumption = (histories or {}).get(name, ("0", "0"))
            totals = {"totalProduction": production, "totalConsumption": consumption}
            key = self.public_key(name)
            commands.append(self.command("operator", "registerProsumer", id=name, publicKey=key, **totals))
            if funds != "0":
                commands.append(self.command("operator", "topUpAccount", prosumer=name, amount=funds))
        results = await self.submit(*commands)
        assert all(result["status"] == "committed" for result in results), results

    async def open_game(
        self, sellers: Mapping[str, tuple[str, str]], buyers: Mapping[str, str], hops: int = 1, **parameters: Any
    ) -> str:
        """Register sellers {name: (kWh, price)} and buyers {name: kWh}, each seller so many hops from each buyer.

        There is no imbalance penalty unless one is said.
        """
        await self.do("operator", "setTopology", hops={b: dict.fromkeys(sellers, hops) for b in buyers})
        terms = {"expectedParticipants": len(sellers) + len(buyers), "imbalancePenalty": "0", **parameters}
        game = await self.do("operator", "publishGame", **terms)
        offers = [
            self.command(seller, "publishOffer", game=game["game"], amount=amount, price=price)
            for seller, (amount, price) in sellers.items()
        ]
        demands = [self.command(b, "publishDemand", game=game["game"], amount=amount) for b, amount in buyers.items()]
        results = await self.submit(*offers, *demands)
        assert all(result["status"] == "committed" for result in results), results
        return str(game["game"])

    async def start_game(
        self, sellers: Mapping[str, tuple[str, str]], buyers: Mapping[str, str], hops: int = 1, **parameters: Any
    ) -> str:
        """Open a game and stop its registration."""
        game = await self.open_game(sellers, buyers, hops, **parameters)
        await self.do("operator", "stopGameRegistration", game=game)
        return game

    def turn(self, game: str) -> dict[str, Any] | None:
        """The BuyBidEvent that waits for an answer, None if the game does not wait for one."""
        told = [e for e in self.events if e["game"] == game and e["name"] in ("BuyBidEvent", "GameStopEvent")]
        return told[-1] if told and told[-1]["name"] == "BuyBidEvent" else None

    def best_reply(self, turn: Mapping[str, Any]) -> dict[str, str] | None:
        """The best response as bidAmounts; None where passing is as good."""
        supplies, demand = supplies_in(turn), units.energy_from_kwh(turn["demand"])
        tariff = units.price_from_currency_per_kwh(turn["retailTariff"])
        best = best_response_with_grid(demand, supplies, tariff)
        standing = turn["standingBid"] or {}
        amounts = [units.energy_from_kwh(standing.get(seller["seller"], 0)) for seller in turn["sellers"]]
        present = bill(amounts, demand, supplies, tariff)
        if present - bill(best, demand, supplies, tariff) <= turn["tolerance"] * present:
            return None
        return {s["seller"]: str(units.kwh(energy)) for s, energy in zip(turn["sellers"], best, strict=True)}

    async def play_out(self, game: str) -> dict[str, Any]:
        """Let everybody answer best until the game stops; return its GameStopEvent."""
        while turn := self.turn(game):
            reply = self.best_reply(turn)
            said = {"keepPlaying": False} if reply is None else {"bidAmounts": reply}
            await self.do(turn["buyerInTurn"], "publishBuyBid", game=game, **said)
        return next(event for event in self.events if event["name"] == "GameStopEvent" and event["game"] == game)

    async def read_meter(self, game: str, prosumer: str, taken: str = "0", fed_in: str = "0") -> None:
        """One reading under a number of its own."""
        reading = {"sequence": next(self.numbers), "inEnergy": taken, "outEnergy": fed_in}
        await self.do(prosumer, "publishMeterReading", game=game, **reading)

    async def transfers(self, game: str) -> list[dict[str, Any]]:
        return list((await self.invoke("transfers", game))["transfers"])

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["name"] == name]


@pytest.fixture
async def market() -> Market:
    """A market that knows its first operator only."""
    market = Market()
    await market.invoke("init", "operator", market.public_key("operator"))
    return market


@pytest.fixture
def new_market() -> Callable[[], Market]:
    """Make markets inside a property; each still needs its ``init``."""
    return Market


@pytest.fixture
def new_stub() -> type[DictStub]:
    """Make single transactions."""
    return DictStub
