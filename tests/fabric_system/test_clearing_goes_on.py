"""Queue and chaincode servers die between parts of a proof and of a stop; the game comes to the same as at once."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.result import accounts_of
from demo.scenario import Scenario
from demo.scenario_file import SCENARIOS, load_scenario
from demo.stage import enter
from energy_market_chaincode import PublishGame, Topic
from energy_market_chaincode.vocabulary import CERTIFIED
from fabric_network.launcher import Network
from ledger import LedgerKind
from market_host import Processes
from prosumer_client import Identity, MarketClient, MarketError
from tests.chaincode.solving import prices_of
from tests.fabric_system.audit import peers_ledgers, world_state
from tests.fabric_system.by_hand import (
    CONTRACTS,
    further,
    kill_all_that_remembers,
    kill_queue,
    market_by_hand,
    market_on,
    speaking_as,
)
from tests.fabric_system.conftest import NewNetwork

pytestmark = pytest.mark.fabric

GAME, POSTER = "Game-in-parts", "S001"
HOSTING = {
    "CHAINCODE_CONTRACT": "tests.fabric_system.contract_in_parts:market_contract",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}


@pytest.fixture
def scenario() -> Scenario:
    """The original's game, to be cleared at once."""
    terms = {"game": GAME, "deliverySlot": "parts", "mechanism": CERTIFIED}
    original = load_scenario(SCENARIOS / "original.yaml")
    return original.model_copy(update={"game": PublishGame.model_validate(terms)})


async def test_a_proof_and_a_stop_go_on_after_queue_and_chaincode_servers_were_killed(
    start_network: NewNetwork, tmp_path: Path, scenario: Scenario
) -> None:
    hosting = dict.fromkeys(CONTRACTS, HOSTING)
    network = await asyncio.to_thread(start_network, environment_of=hosting, nr_orderers=1)
    async with Processes(lambda _, __: None) as services:
        async with market_on(network, tmp_path / "home", services) as market:
            begun = await post_clearing(market, scenario)
            assert await frozen_by(market, POSTER) > 0
            proof = {"game": GAME, "poster": POSTER}
            left = await further_despite_kills(market, network, services, Topic.PROVE_CLEARING, proof, begun["left"])
            while left:
                left = await further(market, Topic.PROVE_CLEARING, proof)
            stopping = await market.game(GAME, brief=True)
            assert stopping.phase == "playing"
            assert stopping.left
            left = await further_despite_kills(
                market, network, services, Topic.STOP_GAME, {"game": GAME}, stopping.left
            )
            while left:
                left = await further(market, Topic.STOP_GAME, {"game": GAME})
            shown = await settled(market, scenario)
        assert shown == await at_once(tmp_path / "other-home", market.identity, scenario)
    async with peers_ledgers(network) as peers:
        states = [await world_state(peer) for peer in peers]
    assert all(state == states[0] for state in states)
    assert not any(key.startswith(("proposal", "stopping")) for key in states[0])


async def further_despite_kills(
    market: MarketClient, network: Network, services: Processes, topic: Topic, data: Mapping[str, Any], left: int
) -> int:
    """Kill everybody before a part, and the queue in the midst of it; return how many steps it left."""
    await kill_all_that_remembers(network, services)
    receipt = await market.post(topic, {**data, "left": left})
    kill_queue(services)
    now_left: int = (await market.outcome(receipt))["left"]
    assert 0 < now_left < left
    with pytest.raises(MarketError, match=f"{now_left} steps are left"):
        await market.submit(topic, {**data, "left": left})
    return now_left


async def post_clearing(market: MarketClient, scenario: Scenario) -> dict[str, Any]:
    """Play up to gate closure, and let a prosumer post the equilibrium's prices; return the contract's answer."""
    names = [*scenario.sellers, *scenario.buyers]
    people = {name: Identity(name, market.identity.key) for name in names}
    await enter(market, scenario, people, Path("no keys"))
    await market.submit(Topic.TOP_UP_ACCOUNT, {"prosumer": POSTER, "amount": "1"})
    await market.submit(Topic.PUBLISH_GAME, scenario.game_parameters())
    offers = {name: {"amount": offer.capacity, "price": offer.price} for name, offer in scenario.sellers.items()}
    demands = {name: {"amount": buyer.demand} for name, buyer in scenario.buyers.items()}
    await all_say(market, Topic.PUBLISH_OFFER, offers)
    await all_say(market, Topic.PUBLISH_DEMAND, demands)
    await market.submit(Topic.STOP_GAME_REGISTRATION, {"game": GAME})
    game = await market.game(GAME)
    assert game.clearing is not None
    prices = prices_of(game.model_dump(by_alias=True))
    data = {"game": GAME, "arena": game.clearing.arena, "prices": prices}
    return await speaking_as(market, POSTER).submit(Topic.PUBLISH_CLEARING, data)


async def all_say(market: MarketClient, topic: Topic, of_each: Mapping[str, Mapping[str, Any]]) -> None:
    """Let people give a command about the game, all at the same time."""
    said = of_each.items()
    await asyncio.gather(*(speaking_as(market, name).submit(topic, {"game": GAME, **data}) for name, data in said))


async def frozen_by(market: MarketClient, name: str) -> Decimal:
    """What is frozen of somebody's money."""
    return (await market.prosumer(name)).frozen_funds


async def settled(market: MarketClient, scenario: Scenario) -> dict[str, Any]:
    """Deliver what was contracted, and close; return what it all came to, without times."""
    transfers = await market.transfers(GAME)
    sold = {name: sum(each.energy for each in transfers if each.seller == name) for name in scenario.sellers}
    bought = {name: sum(each.energy for each in transfers if each.buyer == name) for name in scenario.buyers}
    stopped = await market.game(GAME)
    assert stopped.phase == "delivery"
    readings = {
        name: {"sequence": 1, "outEnergy": sold.get(name, 0), "inEnergy": bought.get(name, 0)}
        for name in (*scenario.sellers, *scenario.buyers)
    }
    await all_say(market, Topic.PUBLISH_METER_READING, readings)
    await market.submit(Topic.CLOSE_MARKET, {"game": GAME})
    closed = await market.game(GAME)
    assert stopped.clearing is not None
    assert closed.settlement is not None
    return {
        "certificate": stopped.clearing.certificate,
        "stop": stopped.stop,
        "transfers": transfers,
        "bids": await market.bids(GAME),
        "settlement": closed.settlement.model_copy(update={"closed_at": None}),
        "lines": [line.model_copy(update={"begins": None}) for line in await market.lines(GAME)],
        "accounts": accounts_of(await market.prosumers(), await market.market()),
    }


async def at_once(home: Path, operator: Identity, scenario: Scenario) -> dict[str, Any]:
    """Play the same on an embedded ledger, whose contract proves and stops it in one command; return the same."""
    settings = {
        "ENERGY_MARKET_HOME": str(home),
        "ENERGY_MARKET_LEDGER": LedgerKind.EMBEDDED.value,
        "ENERGY_MARKET_OPERATOR": operator.prosumer,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator.public_key,
    }
    async with Processes(lambda _, __: None) as services, market_by_hand(services, home, settings, operator) as market:
        assert "left" not in await post_clearing(market, scenario)
        return await settled(market, scenario)
