"""A bid and the event that it causes go the way that docs/explanation/architecture.md says, module by module."""

import asyncio
import re
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from http_service.connections import HttpConnection
from prosumer_client import Identity, MarketClient
from tests.docs.pages import ROOT
from tx_queue import QueueSettings, create_queue_app

CALM_MOMENTS = 5
"""How often a bid is tried until nothing else goes on meanwhile."""
RULE = "energy_market_chaincode/mechanisms/sequential_best_response.py"
MODULES_TO_THE_RULE = 30
"""Who follows a bid reads no more of ours than these. Whoever needs another one on the way looks what it replaces."""
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text()


def way(heading: str) -> list[str]:
    """Return the modules of a table's steps, in their order."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| \d+ \| `([\w/]+\.py)` \|", section, re.MULTILINE)


class Footprints:
    """Which modules of ours are entered, in the order in which each is entered first."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self._seen: set[str] = set()
        self.is_on = False

    def forget(self) -> None:
        """Begin anew."""
        self.modules, self._seen = [], set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if self.is_on and event == "call" and frame.f_code.co_filename not in self._seen:
            self._seen.add(frame.f_code.co_filename)
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(ROOT) and not file.is_relative_to(sys.prefix):
                self.modules.append(file.relative_to(ROOT).as_posix())


@pytest.fixture
def footprints() -> Iterator[Footprints]:
    found = Footprints()
    threading.setprofile(found)
    sys.setprofile(found)
    yield found
    sys.setprofile(None)
    threading.setprofile(None)


class Server(uvicorn.Server):
    """One that leaves signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def identity(name: str) -> Identity:
    return Identity(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0")))


@asynccontextmanager
async def open_market(home: Path) -> AsyncIterator[MarketClient]:
    """Serve a queue on an embedded ledger in this process, and speak to it as its operator."""
    operator = identity("operator")
    settings = QueueSettings(home=home, operator_public_key=operator.public_key)
    app = create_queue_app(settings)
    app.state.limits = settings.limits
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=HttpConnection, lifespan="on", log_config=None, access_log=False)
        server = Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with MarketClient(f"http://127.0.0.1:{listener.getsockname()[1]}", operator) as market:
            yield market
        app.state.stopping.set()
        server.should_exit = True
        await serving


async def begin_game(market: MarketClient) -> MarketClient:
    """Bring a game to its only buyer's turn; return the buyer's client."""
    seller, buyer = market.speaking_as(identity("S1")), market.speaking_as(identity("B1"))
    await market.submit("setTopology", {"edges": [["S1", "B1"]]})
    for name in ("S1", "B1"):
        await market.submit("registerProsumer", {"id": name, "publicKey": identity(name).public_key})
        await market.submit("topUpAccount", {"prosumer": name, "amount": "100"})
    await market.submit("publishGame", {"game": "G", "expectedParticipants": 2})
    await seller.submit("publishOffer", {"game": "G", "amount": "10", "price": "0.1"})
    await buyer.submit("publishDemand", {"game": "G", "amount": "5"})
    await market.submit("stopGameRegistration", {"game": "G"})
    return buyer


async def bid_and_hear(home: Path, footprints: Footprints) -> list[str]:
    """Bid in a market of its own, until the event is heard; return which modules were entered meanwhile, in order."""
    footprints.forget()
    first_turn, second_turn = asyncio.Event(), asyncio.Event()
    async with open_market(home) as market:
        buyer = await begin_game(market)

        async def listen() -> None:
            async for event in market.events("0"):
                if event.name == "BuyBidEvent":
                    (first_turn if event.data["round"] == 1 else second_turn).set()

        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(listen())
            await first_turn.wait()
            footprints.is_on = True
            await buyer.submit("publishBuyBid", {"game": "G", "bidAmounts": {"S1": "5"}})
            await second_turn.wait()
            footprints.is_on = False
            listening.cancel()
    return footprints.modules


async def test_a_bid_and_its_event_go_the_way_that_the_page_says(tmp_path: Path, footprints: Footprints) -> None:
    command, event = way("The way of a command"), way("The way of an event")
    assert len(command) > len(event) > 5
    for market in range(CALM_MOMENTS):
        modules = await bid_and_hear(tmp_path / str(market), footprints)
        to_the_rule = modules[: modules.index(RULE) + 1]
        if [module for module in modules if module in command] == command and len(to_the_rule) <= MODULES_TO_THE_RULE:
            break  # else a thread was still busy with the command before: on a loaded machine its steps come between
    assert [module for module in modules if module in command] == command
    assert len(to_the_rule) <= MODULES_TO_THE_RULE, to_the_rule
    assert set(event) <= set(modules)
    from_the_block = event[event.index("ledger/embedded/ledger.py") :]
    assert [module for module in modules if module in from_the_block] == from_the_block
