"""Ledgers under test, and a small contract that is easier to steer than the market's."""

import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import Stub, UnknownGame, exact_json, public_key_text, read_exact_json, sign
from energy_market_chaincode.errors import AlreadyInitialised, UnknownFunction
from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.setup import operator_of_key
from ledger import Ledger, LedgerKind, LedgerSettings, open_ledger, open_memory_ledger
from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger
from prosumer_client import Identity
from prosumer_client.identity import key_file, load_key

OPERATOR = "operator"


# -- every ledger, with the market's contract


@dataclass(frozen=True)
class Hosted:
    """A ledger and the key of its first operator. It need not be fresh: others may have used it before."""

    ledger: Ledger
    key: Ed25519PrivateKey


@asynccontextmanager
async def embedded(_: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Hosted]:
    key = Ed25519PrivateKey.generate()
    ledger = await EmbeddedLedger.open(folder / "ledger.sqlite", OPERATOR, public_key_text(key.public_key()))
    yield Hosted(ledger, key)
    await ledger.close()


@asynccontextmanager
async def memory(*_: object) -> AsyncIterator[Hosted]:
    key = Ed25519PrivateKey.generate()
    ledger = await open_memory_ledger(OPERATOR, public_key_text(key.public_key()))
    yield Hosted(ledger, key)
    await ledger.close()


@asynccontextmanager
async def fabric(release: str, request: pytest.FixtureRequest, _: Path) -> AsyncIterator[Hosted]:
    home: Path = request.getfixturevalue("fabric_home")(release)
    ledger = await open_ledger(LedgerSettings(ledger=LedgerKind.FABRIC, home=home))
    yield Hosted(ledger, load_key(key_file(home / "keys", OPERATOR)))
    await ledger.close()


@pytest.fixture(scope="session")
def fabric_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Give the home of a running Fabric network of a release; one network per release serves all tests."""
    homes: dict[str, Path] = {}

    def home_of(release: str) -> Path:
        if release not in homes:
            homes[release] = home = tmp_path_factory.mktemp(f"fabric-{release}")
            operator = operator_of_key(OPERATOR, key_file(home / "keys", OPERATOR))
            Network(home).up({"base_port": ANY_FREE_PORTS, "release_name": release}, operator)
        return homes[release]

    yield home_of
    for home in homes.values():
        Network(home).wipe()


# The one place where a further ledger enters the conformance tests, with a mark of its own if it needs one.
LEDGERS: list[Any] = [
    pytest.param(embedded, id="embedded"),
    pytest.param(memory, id="memory"),
    pytest.param(partial(fabric, "3.1"), id="fabric", marks=pytest.mark.fabric),
    pytest.param(partial(fabric, "2.5"), id="fabric-2.5", marks=pytest.mark.fabric),
]


@pytest.fixture(params=LEDGERS)
async def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hosted]:
    host: Callable[[pytest.FixtureRequest, Path], AbstractAsyncContextManager[Hosted]] = request.param
    async with host(request, tmp_path) as hosted:
        yield hosted


@pytest.fixture
def ledger(hosted: Hosted) -> Ledger:
    """Every ledger in turn."""
    return hosted.ledger


@pytest.fixture
def command_for(hosted: Hosted) -> Callable[..., str]:
    """Make a signed command of the ledger's operator for a ledger: ``command_for(ledger, topic, **data)``."""

    def make(ledger: str | None, topic: str, /, **data: Any) -> str:
        payload = {"prosumer": OPERATOR, "ledger": ledger, "data": data}
        unsigned = {"id": str(uuid.uuid4()), "topic": topic, "payload": payload}
        return json.dumps({**unsigned, "signature": sign(unsigned, hosted.key)})

    return make


@pytest.fixture
def ending_command(hosted: Hosted) -> Callable[[str, datetime], str]:
    """Make a top-up by 1 that is for a ledger and until a time."""

    def make(ledger: str, ends: datetime) -> str:
        operator = Identity(OPERATOR, hosted.key)
        data = {"prosumer": OPERATOR, "amount": "1"}
        return operator.command("topUpAccount", data, ledger=ledger, valid_until=ends).body.decode()

    return make


@pytest.fixture
def command(command_for: Callable[..., str]) -> Callable[..., str]:
    """Make a signed command of the ledger's operator: ``command(topic, **data)``."""
    return partial(command_for, None)


@pytest.fixture
async def game_command(ledger: Ledger, command: Callable[..., str]) -> Callable[[], str]:
    """Make a command that opens a new game and so causes one event; the topology that it needs is there."""
    await ledger.submit([command("setTopology", edges=[["seller", "buyer"]])])

    def make() -> str:
        name = f"Game-{uuid.uuid4()}"
        return command("publishGame", game=name, deliverySlot=name)

    return make


# -- the embedded ledger, with a small contract


async def keep_notes(stub: Stub, function: str, args: Sequence[str]) -> bytes:
    """Do as each command says: {"put": {key: text}, "delete": [key], "events": [...], "fail": "rejection"}.

    The result of a command is what its keys held before the transaction.
    """
    if function == "init":
        known = await stub.get("init")
        if known not in (None, exact_json(list(args))):
            raise AlreadyInitialised(operator=args[0])
        await stub.put("init", exact_json(list(args)))
        return b"null"
    if function == "read":
        return exact_json({key: value.decode() for key, value in await stub.range(args[0])})
    if function != "submit":
        raise UnknownFunction(function=function)
    results, events = [], []
    for order in map(read_exact_json, args):
        _fail_if_told(order)
        keys = [*order.get("put", {}), *order.get("delete", [])]
        before = await stub.get_many(keys)
        results.append({key: value and value.decode() for key, value in zip(keys, before, strict=True)})
        for key, text in order.get("put", {}).items():
            await stub.put(key, text.encode())
        for key in order.get("delete", []):
            await stub.delete(key)
        events += order.get("events", [])
    if events:
        await stub.set_event("market", exact_json(events))
    return exact_json(results)


def _fail_if_told(order: dict[str, Any]) -> None:
    match order.get("fail"):
        case "rejection":
            raise UnknownGame(game="G")
        case "defect":
            raise ZeroDivisionError


@pytest.fixture(scope="session")
def notes() -> Contract:
    """A contract that keeps notes, see :func:`keep_notes`."""
    return keep_notes


@pytest.fixture
async def notebook(tmp_path: Path) -> AsyncIterator[EmbeddedLedger]:
    """An embedded ledger of notes in ``tmp_path / "ledger.sqlite"``."""
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", OPERATOR, "key", contract=keep_notes)
    yield ledger
    await ledger.close()
