"""A market in a dictionary: the contract over the simplest stub there can be."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import simplejson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode.canonical import read_exact_json
from energy_market_chaincode.contract import invoke
from energy_market_chaincode.identity import public_key_text, sign

START_MS = 1_790_000_000_000


@dataclass
class DictStub:
    """One transaction over a dictionary; like Fabric's, it does not show a transaction its own writes."""

    committed: dict[str, bytes]
    transaction_id: str
    timestamp_ms: int
    writes: dict[str, bytes | None] = field(default_factory=dict)
    event: tuple[str, bytes] | None = None

    async def get(self, key: str) -> bytes | None:
        return self.committed.get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.committed.get(key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        return sorted((key, value) for key, value in self.committed.items() if key.startswith(prefix))

    async def put(self, key: str, value: bytes) -> None:
        assert key
        assert value
        self.writes[key] = value

    async def delete(self, key: str) -> None:
        self.writes[key] = None

    async def set_event(self, name: str, payload: bytes) -> None:
        assert self.event is None
        self.event = (name, payload)


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0")[:32])


@dataclass
class Market:
    """The contract, its state, a clock that only moves when told, and everybody's keys."""

    state: dict[str, bytes] = field(default_factory=dict)
    now_ms: int = START_MS
    events: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def invoke(self, function: str, *args: str) -> Any:
        stub = DictStub(self.state, f"tx{next(self.numbers)}", self.now_ms)
        answer = await invoke(stub, function, args)
        for key, value in stub.writes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        if stub.event is not None:
            self.events += read_exact_json(stub.event[1])
        return read_exact_json(answer)

    def command(self, prosumer: str, topic: str, /, **data: Any) -> dict[str, Any]:
        command: dict[str, Any] = {
            "id": str(uuid.UUID(int=next(self.numbers))),
            "topic": topic,
            "payload": {"prosumer": prosumer, "data": data},
        }
        return {**command, "signature": sign(command, _key(prosumer))}

    def resigned(self, command: dict[str, Any], signer: str) -> dict[str, Any]:
        return {**command, "signature": sign(command, _key(signer))}

    def public_key(self, name: str) -> str:
        return public_key_text(_key(name).public_key())

    async def submit(self, *commands: Any) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = await self.invoke("submit", simplejson.dumps(commands))
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
        changed = {key for key in self.state if self.state[key] != before.get(key)} | (set(before) - set(self.state))
        assert all(key.startswith("command/") for key in changed), "a rejected command changed the state"
        return str(result["code"])

    async def enter(self, *names: str, funds: str = "1000", **history: dict[str, Any]) -> None:
        """Register prosumers with money; ``history`` maps names to metered totals."""
        for name in names:
            totals = history.get(name, {})
            await self.do("operator", "registerProsumer", id=name, publicKey=self.public_key(name), **totals)
            if funds != "0":
                await self.do("operator", "topUpAccount", prosumer=name, amount=funds)

    async def money(self) -> Any:
        return (await self.invoke("market"))["money"]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["name"] == name]


@pytest.fixture
async def empty_market() -> Market:
    """A market that knows its first operator only."""
    market = Market()
    await market.invoke("init", "operator", market.public_key("operator"))
    return market


@pytest.fixture
def new_market() -> Callable[[], Market]:
    """Make markets inside a property."""
    return Market
