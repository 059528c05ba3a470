"""A Fabric ledger is checked from outside: hashes, signatures, every peer's blocks, the rules, and the state."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fabric_protos.common.common_pb2 import TRANSACTIONS_FILTER, Block
from fabric_protos.peer.lifecycle.lifecycle_pb2 import QueryChaincodeDefinitionResult

from energy_market_chaincode import Stub
from ledger import LedgerUnavailable
from ledger.contract import Contract
from ledger.fabric import verification
from ledger.fabric.gateway import (
    Authorities,
    FabricProfile,
    GatewayAddress,
    Invocation,
    NotVouchedFor,
    configuration_of,
    evidence_of,
)
from tests.fabric.signed_chain import ANSWER, CHAINCODE, VERSION, Organisation, Said, SignedChain

WRITES: list[dict[str, str | None]] = [{"a": "1"}, {"b": "2", "c": "3"}, {"a": "4", "c": None}]
STATE = {"a": "4", "b": "2"}


async def contract(stub: Stub, function: str, args: Sequence[str]) -> bytes:
    """Write what it is asked to."""
    writes = json.loads(args[0])
    if "refused" in writes:
        raise ValueError("no such thing")
    for key, value in writes.items():
        await (stub.put(key, value.encode()) if value is not None else stub.delete(key))
    await stub.set_event("market", b'[{"name": "Event"}]')
    return ANSWER


class Peer:
    """A peer that has what the test gives it."""

    def __init__(self, blocks: list[Block]) -> None:
        self.chain = blocks
        self.state = dict(STATE)
        self.more: list[Block] = []

    async def height(self) -> int:
        return len(self.chain)

    async def whole_blocks(self, first: int) -> AsyncGenerator[Block, None]:
        for found in self.chain[first:]:
            yield found

    async def evaluate(self, question: Invocation) -> bytes:
        if question.chaincode == "_lifecycle":
            definition: bytes = QueryChaincodeDefinitionResult(version=VERSION).SerializeToString()
            return definition
        self.chain += self.more
        self.more = []
        return json.dumps(sorted(self.state.items())).encode()

    async def __aenter__(self) -> "Peer":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class Channel:
    """Two organisations with a peer each, orderers of their own, and a stranger who calls itself one of them."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = Organisation("Org1", folder), Organisation("Org2", folder)
        self.orderers = Organisation("OrdererMSP", folder)
        self.stranger = Organisation("Org2", folder / "strange")
        self.said = [Said(writes) for writes in WRITES]

    def begun(self) -> SignedChain:
        return SignedChain([self.ours, self.theirs], self.orderers)

    def written(self, chain: SignedChain | None = None) -> SignedChain:
        chain = chain or self.begun()
        for said in self.said:
            chain.add(said)
        return chain


@pytest.fixture(scope="module")
def organisations(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    folder = tmp_path_factory.mktemp("organisations")
    (folder / "strange").mkdir()
    return Channel(folder)


@pytest.fixture
def channel(organisations: Channel) -> Channel:
    organisations.said = [Said(writes) for writes in WRITES]
    return organisations


Verify = Callable[..., Any]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Verify a network: ``await verified(peers, contract=None)``."""

    async def verify(peers: list[Peer], contract: Contract | None = contract) -> verification.FabricVerification:
        waiting = iter(peers)
        monkeypatch.setattr("ledger.fabric.verification.GatewayClient", lambda _profile: next(waiting))
        gateways = tuple(GatewayAddress(address=f"peer{n}:1", organisation=f"Org{n}", tls_ca=Path()) for n in (1, 2))
        profile = FabricProfile(
            channel="market",
            chaincode=CHAINCODE,
            msp_id="Org1",
            client_certificate=Path(),
            client_key=Path(),
            gateways=gateways,
            endorsing_organisations=("Org1", "Org2"),
        )
        return await verification.verify_network(profile, contract)

    return verify


def peers_with(chain: SignedChain) -> list[Peer]:
    return [Peer(list(chain.blocks)), Peer(list(chain.blocks))]


async def test_a_ledger_that_was_left_alone_fits(channel: Channel, verified: Verify) -> None:
    found = await verified(peers_with(channel.written()))
    assert (found.fault, found.blocks, found.transactions, found.events) == (None, 4, 3, 3)
    assert found.signatures == 3 * 4  # of each block an orderer's, a client's, two endorsers'
    assert len(found.head) == 64
    assert found.peers == ("peer1:1", "peer2:1")
    assert not any("rules were not run" in trusted for trusted in found.trusted)


async def test_it_is_said_on_what_the_rules_were_not_run(channel: Channel, verified: Verify) -> None:
    channel.said[0].version = "0.9"
    channel.said[0].result = b"as rules said then"
    found = await verified(peers_with(channel.written()))
    assert found.fault is None
    assert any("on 1 transactions of version 0.9, where version 1.0 counts" in trusted for trusted in found.trusted)
    replayed = await verified(peers_with(channel.written()), contract=None)
    assert any("on 3 transactions, nor" in trusted for trusted in replayed.trusted)


async def test_blocks_that_come_meanwhile_are_checked_as_well(channel: Channel, verified: Verify) -> None:
    chain = channel.written()
    peers = peers_with(chain)
    chain.add(Said({"b": None}))
    for peer in peers:
        peer.more = chain.blocks[-1:]
        peer.state = {"a": "4"}
    assert (await verified(peers)).blocks == 5


def changed(block: Block) -> Block:
    copy = Block()
    copy.CopyFrom(block)
    return copy


def another_transaction(peers: list[Peer], _: Channel) -> None:
    for peer in peers:
        peer.chain[2] = changed(peer.chain[2])
        peer.chain[2].data.data[0] = peer.chain[1].data.data[0]


def a_block_in_anothers_place(peers: list[Peer], channel: Channel) -> None:
    channel.said[0] = Said({"a": "7"})
    other = channel.written().blocks[2]
    for peer in peers:
        peer.chain[2] = other


def another_block_at_one_peer(peers: list[Peer], channel: Channel) -> None:
    channel.said[2] = Said({"a": "5"})
    peers[1].chain[3] = channel.written().blocks[3]


def another_word_on_validity(peers: list[Peer], _: Channel) -> None:
    peers[1].chain[3] = changed(peers[1].chain[3])
    peers[1].chain[3].metadata.metadata[TRANSACTIONS_FILTER] = b"\x0b"


def another_value_at_one_peer(peers: list[Peer], _: Channel) -> None:
    peers[1].state["b"] = "1000000"


def a_key_that_no_block_wrote(peers: list[Peer], _: Channel) -> None:
    for peer in peers:
        peer.state["z"] = "from nowhere"


def a_key_that_is_gone(peers: list[Peer], _: Channel) -> None:
    for peer in peers:
        del peer.state["b"]


@pytest.mark.parametrize(
    ("tamper", "said", "blocks"),
    [
        (another_transaction, "block 2: its transactions", 2),
        (a_block_in_anothers_place, "block 2 does not follow", 2),
        (another_block_at_one_peer, "block 3: peer2:1 has another one than peer1:1", 3),
        (another_word_on_validity, "block 3: peer2:1 has another one", 3),
        (another_value_at_one_peer, "the state of peer2:1 has another value of 'b'", 4),
        (a_key_that_no_block_wrote, "another value of 'z'", 4),
        (a_key_that_is_gone, "another value of 'b'", 4),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_was_tampered_with_is_named(
    channel: Channel, verified: Verify, tamper: Callable[[list[Peer], Channel], None], said: str, blocks: int
) -> None:
    peers = peers_with(channel.written())
    tamper(peers, channel)
    found = await verified(peers)
    assert found.fault is not None
    assert said in found.fault
    assert found.blocks == blocks


def no_orderer(chain: SignedChain, _: Channel) -> None:
    chain.orderer = None


def a_member_as_orderer(chain: SignedChain, channel: Channel) -> None:
    chain.orderer = channel.ours


def a_stranger_as_client(chain: SignedChain, channel: Channel) -> None:
    chain.client = channel.stranger


def one_endorser_alone(chain: SignedChain, channel: Channel) -> None:
    chain.endorsers = [channel.ours]


def a_stranger_as_endorser(chain: SignedChain, channel: Channel) -> None:
    chain.endorsers = [channel.ours, channel.stranger]


def an_orderer_as_endorser(chain: SignedChain, channel: Channel) -> None:
    chain.endorsers = [channel.ours, channel.theirs, channel.orderers]


@pytest.mark.parametrize(
    ("sign_otherwise", "said"),
    [
        (no_orderer, "block 1: 0 orderers signed it, where 1 have to"),
        (a_member_as_orderer, "block 1: it is signed by one whom the channel does not know as orderer of Org1"),
        (a_stranger_as_client, "block 1: its transaction 0 is signed by one whom the channel does not know as client"),
        (one_endorser_alone, "block 1: Org2 did not endorse its transaction 0"),
        (a_stranger_as_endorser, "one whom the channel does not know as endorser of Org2"),
        (an_orderer_as_endorser, "one whom the channel does not know as endorser of OrdererMSP"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_signature_that_is_missing_or_does_not_count_is_named(
    channel: Channel, verified: Verify, sign_otherwise: Callable[[SignedChain, Channel], None], said: str
) -> None:
    chain = channel.begun()
    sign_otherwise(chain, channel)
    found = await verified(peers_with(channel.written(chain)))
    assert said in (found.fault or "")
    assert found.blocks == 1


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (Said({"a": "1"}, result=b"other"), "the answer of its transaction 0 are not what the rules say"),
        (Said({"a": "1"}, written={"a": "2"}), "the writes of its transaction 0 are not what the rules say"),
        (Said({"a": "1"}, event="Other"), "the events of its transaction 0 are not what the rules say"),
        (Said({"refused": "1"}), "the rules refuse its transaction 0: ValueError('no such thing')"),
        (Said({"a": "1"}, proposed={"a": "9"}), "what was endorsed of its transaction 0 is not what was proposed"),
    ],
)
async def test_what_organisations_endorsed_against_the_rules_is_named(
    channel: Channel, verified: Verify, outcome: Said, fault: str
) -> None:
    channel.said[1] = outcome
    found = await verified(peers_with(channel.written()))
    assert found.fault == f"block 2: {fault}"
    assert found.blocks == 2


@pytest.mark.parametrize("which", range(4), ids=["orderer", "client", "endorser", "other endorser"])
async def test_a_signature_over_something_else_is_named(channel: Channel, which: int) -> None:
    blocks = channel.written().blocks
    config = configuration_of(blocks[0])
    assert config is not None
    authorities = Authorities.of(config)
    proven = evidence_of(blocks[1], {})
    authorities.check(proven)
    vouchers = list(proven.vouchers)
    vouchers[which] = replace(vouchers[which], signed=vouchers[which].signed + b"more")
    with pytest.raises(NotVouchedFor, match=f"has a signature that is not that of the {vouchers[which].role}"):
        authorities.check(replace(proven, vouchers=tuple(vouchers)))


async def test_a_peer_that_stays_behind_is_no_fault_of_the_ledger(channel: Channel, verified: Verify) -> None:
    peers = peers_with(channel.written())
    peers[1].chain.pop()
    with pytest.raises(LedgerUnavailable, match="'peer2:1': 3"):
        await verified(peers)
