"""A market on a real network with a game in play, to be disturbed and then looked through."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.scenario import Scenario
from demo.stage import enter, make_keys
from energy_market_chaincode import Topic
from fabric_network.launcher import Network
from ledger import LedgerKind
from market_host import Processes
from prosumer_client import Receipt
from prosumer_client.client import MarketClient
from prosumer_client.events import FROM_NOW, MarketEvent
from prosumer_client.participant import run_together
from prosumer_client.roster import Roster

OPERATOR = "operator"
GIFT = "0.000001"
"""What each of the bystander's commands brings to the grid operator's account."""


class Witness:
    """Reads one stream of events from its beginning to the end, and lets others wait for what it sees."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self._changed = asyncio.Condition()

    async def listen(self, market: MarketClient, is_listening: asyncio.Event) -> None:
        """Listen without end."""

        async def begin() -> None:
            is_listening.set()

        async with aclosing(market.events(FROM_NOW, on_now=begin)) as events:
            async for event in events:
                async with self._changed:
                    self.events.append(event)
                    self._changed.notify_all()

    async def sees(self, number: int, wanted: Callable[[MarketEvent], bool] = lambda _: True) -> None:
        """Wait until so many events of a kind came, those before this call included."""
        async with self._changed:
            await self._changed.wait_for(lambda: sum(map(wanted, self.events)) >= number)


class Bystander:
    """Somebody who gives one command after the other all the time and keeps what was acknowledged."""

    def __init__(self, market: MarketClient) -> None:
        self._market = market
        self._is_told_to_stop = False
        self._has_stopped = asyncio.Event()
        self.acknowledged: list[Receipt] = []

    async def give(self) -> None:
        """Give commands until told to stop, each as soon as the one before is decided."""
        while not self._is_told_to_stop:
            receipt = await self._market.post(Topic.TOP_UP_ACCOUNT, {"prosumer": "grid-operator", "amount": GIFT})
            self.acknowledged.append(receipt)
            await self._market.outcome(receipt)
        self._has_stopped.set()

    async def stop(self) -> None:
        """Let the command that is under way be the last, and wait until it is decided."""
        self._is_told_to_stop = True
        await self._has_stopped.wait()


@dataclass(frozen=True)
class MarketInPlay:
    """Queue and clock as processes of their own, the prosumers in this one, and one game among them.

    Attributes
    ----------
    first_block
        The first that is about all this.
    witness
        Hears every event from before the game on.
    """

    network: Network
    services: Processes
    operator: MarketClient
    first_block: int
    game: str
    witness: Witness
    bystander: Bystander

    async def turns(self, number: int) -> None:
        """Wait for so many turns of the game in all."""
        await self.witness.sees(number, self._is_turn)

    async def further_turns(self, number: int) -> None:
        """Wait for so many turns beyond those seen so far."""
        await self.turns(sum(map(self._is_turn, self.witness.events)) + number)

    async def end(self) -> None:
        """Wait until the game is settled."""
        await self.witness.sees(1, lambda event: event.name == "MarketClosedEvent" and event.game == self.game)

    def _is_turn(self, event: MarketEvent) -> bool:
        return event.name == "BuyBidEvent" and event.game == self.game


@asynccontextmanager
async def market_in_play(network: Network, home: Path, scenario: Scenario) -> AsyncIterator[MarketInPlay]:
    """Open the market of a network for a scenario's people, and publish their game.

    The queue, should it be killed, is started again at once. A killed node stays away until somebody restarts it.

    Parameters
    ----------
    home
        An empty folder for queue and keys; the operator's key is taken from the network's home.
    """
    keys = network.folder.root.parent / "keys"
    identities = make_keys(keys, [OPERATOR, *scenario.sellers, *scenario.buyers])
    operator = identities.pop(OPERATOR)
    async with Processes(_show) as services:
        queue_url = await _start_services(services, network, home)
        async with MarketClient(queue_url, operator) as market, asyncio.TaskGroup() as background:
            await enter(market, scenario, identities, keys)
            first_block = (await market.blocks(limit=1)).height
            witness, bystander, is_listening = Witness(), Bystander(market), asyncio.Event()
            people = list(_roster(scenario).participants(market, keys, None))
            endless = [
                background.create_task(services.while_alive(asyncio.Event().wait())),
                background.create_task(witness.listen(market, is_listening)),
                background.create_task(run_together(market, people)),
            ]
            await is_listening.wait()
            background.create_task(bystander.give())
            game = (await market.submit(Topic.PUBLISH_GAME, scenario.game_parameters()))["game"]
            yield MarketInPlay(network, services, market, first_block, game, witness, bystander)
            await bystander.stop()
            for task in endless:
                task.cancel()


def _show(process: str, line: str) -> None:
    """Print what a process says, for pytest to show after a failure; that a request was served is no news."""
    if '"event": "request"' not in line:
        print(f"{process}: {line}")


def settings_on(network: Network, home: Path) -> dict[str, str]:
    """Return the settings of services whose ledger a network is."""
    return {
        "ENERGY_MARKET_HOME": str(home),
        "ENERGY_MARKET_LEDGER": LedgerKind.FABRIC.value,
        "ENERGY_MARKET_FABRIC_PROFILE": str(network.profile()),
        "ENERGY_MARKET_OPERATOR": OPERATOR,
        "ENERGY_MARKET_LOG_FORMAT": "json",
    }


async def _start_services(services: Processes, network: Network, home: Path) -> str:
    """Start queue and clock; return the queue's address."""
    settings = settings_on(network, home)
    queue_url = await services.start_service("tx_queue", home / "tx_queue", 0, settings)
    keys = home / "keys"
    keys.symlink_to(network.folder.root.parent / "keys")
    await services.start_service(
        "market_clock", home / "market_clock", 0, settings | {"ENERGY_MARKET_QUEUE_URL": queue_url}
    )
    return queue_url


def _roster(scenario: Scenario) -> Roster:
    sellers = [
        {"id": name, "role": "seller", "capacity": seller.capacity, "price": seller.price}
        for name, seller in scenario.sellers.items()
    ]
    buyers = [{"id": name, "role": "buyer", "demand": buyer.demand} for name, buyer in scenario.buyers.items()]
    return Roster.check({"prosumers": sellers + buyers}, "the scenario")
