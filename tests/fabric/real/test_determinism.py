"""Every organisation's machine computes the same writes, byte for byte, whatever its hash seed, time zone or locale."""

import json
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fabric_protos.peer.peer_pb2_grpc import EndorserStub
from fabric_protos.peer.proposal_pb2 import ChaincodeAction
from fabric_protos.peer.proposal_response_pb2 import ProposalResponse, ProposalResponsePayload

from energy_market_chaincode import public_key_text, read_exact_json
from ledger.contract import SUBMIT
from ledger.fabric.gateway import FabricProfile, GatewayClient, Invocation, SigningIdentity
from ledger.fabric.gateway.messages import propose

pytestmark = pytest.mark.fabric

Command = Callable[..., str]
SELLERS = [f"S{number:02}" for number in range(5)]
BUYERS = [f"B{number:02}" for number in range(9)]
ROUNDS = 25
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().rjust(32, b".")) for name in SELLERS + BUYERS}


class Endorsers:
    """The peers of all organisations, asked one by one and compared."""

    def __init__(self, profile: FabricProfile) -> None:
        self._profile = profile
        self.chaincode = profile.chaincode
        self._identity = SigningIdentity.read(profile.msp_id, profile.client_certificate, profile.client_key)
        self._channels = [
            grpc.aio.secure_channel(peer.address, grpc.ssl_channel_credentials(peer.tls_ca.read_bytes()))
            for peer in profile.gateways
        ]
        self.clients = [GatewayClient(profile.model_copy(update={"gateways": (peer,)})) for peer in profile.gateways]
        self.compared = 0

    async def commit(self, commands: list[str]) -> list[dict[str, Any]]:
        """Have each organisation endorse the same proposal, compare, then commit the commands; return their events."""
        invocation = Invocation(self._profile.chaincode, SUBMIT, tuple(commands))
        signed = propose(self._identity, self._profile.channel, invocation, datetime.now(UTC)).signed
        responses = [await EndorserStub(channel).ProcessProposal(signed) for channel in self._channels]
        ours, *others = [action_of(response) for response in responses]
        assert ours.results
        for theirs in others:
            assert theirs.results == ours.results
            assert theirs.events == ours.events
            assert theirs.response == ours.response
        self.compared += len(commands)
        done = await self.clients[0].transact(invocation)
        for client in self.clients:
            await client.commit_status(done.transaction_id)
        results = read_exact_json(done.result)
        assert [result["status"] for result in results] == ["committed"] * len(commands), results
        (transaction,) = (await self.clients[0].block(done.block)).transactions
        return list(read_exact_json(transaction.event_payload)) if transaction.event_payload else []

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        for channel in self._channels:
            await channel.close(grace=None)


def action_of(response: ProposalResponse) -> ChaincodeAction:
    assert response.response.status == 200, response.response.message
    return ChaincodeAction.FromString(ProposalResponsePayload.FromString(response.payload).extension)


@pytest.fixture
async def endorsers(profile: FabricProfile) -> AsyncIterator[Endorsers]:
    endorsers = Endorsers(profile)
    yield endorsers
    await endorsers.close()


def any_bid(turn: dict[str, Any], dice: random.Random) -> dict[str, str]:
    """Split a demand among the sellers at random, within what is left of their capacities."""
    left = int(turn["demand"] * 10_000)
    sellers = dice.sample(turn["sellers"], len(turn["sellers"]))
    rooms = {seller["seller"]: int((seller["capacity"] - seller["othersLoad"]) * 10_000) for seller in sellers}
    bid = dict.fromkeys(rooms, 0)
    for share in (dice.random(), 1.0):
        for seller, room in rooms.items():
            taken = min(left, int((room - bid[seller]) * share))
            bid[seller] += taken
            left -= taken
    assert left == 0
    return {seller: str(Decimal(amount) / 10_000) for seller, amount in bid.items()}


def registration(command: Command, unique: str, name: str, dice: random.Random) -> str:
    key = public_key_text(KEYS[name].public_key())
    totals = {"totalProduction": str(dice.randint(1, 900)), "totalConsumption": str(dice.randint(1, 900))}
    return command("registerProsumer", id=f"{name}-{unique}", publicKey=key, **totals)


async def test_organisations_with_different_machines_endorse_a_whole_game_alike(
    endorsers: Endorsers, command: Command, unique: str
) -> None:
    dice = random.Random(20181123)  # noqa: S311 - the same game at every run
    game = f"Game-{unique}"
    await endorsers.commit([registration(command, unique, name, dice) for name in KEYS])
    hops = {f"{b}-{unique}": {f"{s}-{unique}": dice.randint(1, 4) for s in SELLERS} for b in BUYERS}
    await endorsers.commit([command("setTopology", hops=hops)])
    top_ups = [command("topUpAccount", prosumer=f"{name}-{unique}", amount="100000") for name in KEYS]
    await endorsers.commit(top_ups)
    times = {"registrationDurationMs": 600_000, "turnDeadlineMs": 600_000}
    limits = {"roundLimit": ROUNDS, "expectedParticipants": len(KEYS)}
    await endorsers.commit([command("publishGame", game=game, deliverySlot=unique, **times, **limits)])

    def said_by(name: str, topic: str, **data: Any) -> str:
        return command(topic, f"{name}-{unique}", KEYS[name], game=game, **data)

    offers = [said_by(name, "publishOffer", amount=str(dice.randint(40, 99)), price="0.0837605151") for name in SELLERS]
    demands = [said_by(name, "publishDemand", amount=f"{dice.randint(5, 19)}.5") for name in BUYERS]
    await endorsers.commit(offers + demands)
    events = await endorsers.commit([command("stopGameRegistration", game=game)])
    while (turn := events[-1])["name"] == "BuyBidEvent":
        buyer = turn["buyerInTurn"].removesuffix(f"-{unique}")
        events = await endorsers.commit([said_by(buyer, "publishBuyBid", bidAmounts=any_bid(turn, dice))])
    assert turn["name"] == "GameStopEvent"
    assert turn["totalNrRounds"] > 3, "bids at random seldom save anything, and then count as passes"
    readings = [
        said_by(name, "publishMeterReading", sequence=1, inEnergy=str(dice.randint(1, 20)), outEnergy="15")
        for name in KEYS
    ]
    await endorsers.commit(readings)
    await endorsers.commit([command("resetMarket")])
    assert endorsers.compared > 100
    ours, theirs = [await state_of(client, endorsers.chaincode) for client in endorsers.clients]
    assert len(ours) > 200
    assert ours == theirs


async def state_of(client: GatewayClient, chaincode: str) -> dict[str, str]:
    return dict(json.loads(await client.evaluate(Invocation(chaincode, "state", ("",)))))
