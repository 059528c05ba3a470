"""A Fabric ledger is checked from outside: hashes, every peer's blocks, and the state that follows from them."""

import hashlib
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from fabric_protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, KVWrite
from fabric_protos.ledger.rwset.rwset_pb2 import NsReadWriteSet, TxReadWriteSet

from ledger import LedgerUnavailable
from ledger.fabric import verification
from ledger.fabric.gateway import (
    ChannelBlock,
    ChannelTransaction,
    FabricProfile,
    GatewayAddress,
    GatewayClient,
    Invocation,
)

CHAINCODE = "market"


def block(number: int, previous: str, writes: dict[str, str | None]) -> ChannelBlock:
    written = KVRWSet(
        writes=[
            KVWrite(key=key, is_delete=value is None, value=(value or "").encode()) for key, value in writes.items()
        ]
    )
    foreign = NsReadWriteSet(namespace="_lifecycle", rwset=KVRWSet(writes=[KVWrite(key="k")]).SerializeToString())
    own = NsReadWriteSet(namespace=CHAINCODE, rwset=written.SerializeToString())
    transaction = ChannelTransaction(
        0, f"t{number}", 0, CHAINCODE, (b"submit", b"[]"), b"[]", "", b"",
        TxReadWriteSet(ns_rwset=[foreign, own]).SerializeToString(),
    )  # fmt: skip
    content = hashlib.sha256(repr(writes).encode()).hexdigest()
    own_hash = hashlib.sha256(f"{number}{previous}{content}".encode()).hexdigest()
    return ChannelBlock(number, own_hash, previous, content, content, b"\0", (transaction,))


def chain() -> list[ChannelBlock]:
    blocks: list[ChannelBlock] = []
    for number, writes in enumerate([{"a": "1"}, {"b": "2", "c": "3"}, {"a": "4", "c": None}]):
        blocks.append(block(number, blocks[-1].hash if blocks else "", cast(Any, writes)))
    return blocks


class Peer:
    """A peer that has what the test gives it."""

    def __init__(self) -> None:
        self.chain = chain()
        self.state = {"a": "4", "b": "2"}
        self.more: list[ChannelBlock] = []

    async def height(self) -> int:
        return len(self.chain)

    async def blocks(self, first: int) -> AsyncGenerator[ChannelBlock, None]:
        for found in self.chain[first:]:
            yield found

    async def evaluate(self, _question: Invocation) -> bytes:
        self.chain += self.more
        self.more = []
        return json.dumps(sorted(self.state.items())).encode()

    async def __aenter__(self) -> "Peer":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> list[Peer]:
    two = [Peer(), Peer()]
    waiting = iter(two)
    monkeypatch.setattr(GatewayClient, "open", lambda _profile: next(waiting))
    return two


async def verified() -> verification.FabricVerification:
    peers = tuple(GatewayAddress(address=f"peer{n}:1", organisation=f"Org{n}", tls_ca=Path()) for n in (1, 2))
    profile = FabricProfile(
        channel="market",
        chaincode=CHAINCODE,
        msp_id="Org1",
        client_certificate=Path(),
        client_key=Path(),
        gateways=peers,
        endorsing_organisations=("Org1", "Org2"),
    )
    return await verification.verify_network(profile)


async def test_a_ledger_that_was_left_alone_fits(peers: list[Peer]) -> None:
    found = await verified()
    assert (found.fault, found.blocks, found.transactions) == (None, 3, 3)
    assert found.head == peers[0].chain[-1].hash
    assert found.peers == ("peer1:1", "peer2:1")
    assert any("signatures" in trusted for trusted in found.trusted)


async def test_blocks_that_come_meanwhile_are_checked_as_well(peers: list[Peer]) -> None:
    for peer in peers:
        peer.more = [block(3, peer.chain[-1].hash, {"b": None})]
    peers[0].state = peers[1].state = {"a": "4"}
    assert (await verified()).blocks == 4


def another_transaction(peers: list[Peer]) -> None:
    for peer in peers:
        peer.chain[1] = replace(peer.chain[1], content_hash="0" * 64)


def a_block_in_anothers_place(peers: list[Peer]) -> None:
    for peer in peers:
        peer.chain[1] = block(1, "0" * 64, {"b": "2"})


def another_block_at_one_peer(peers: list[Peer]) -> None:
    peers[1].chain[2] = block(2, peers[1].chain[1].hash, {"a": "5"})


def another_word_on_validity(peers: list[Peer]) -> None:
    peers[1].chain[2] = replace(peers[1].chain[2], validity=b"\x0b")


def another_value_at_one_peer(peers: list[Peer]) -> None:
    peers[1].state["b"] = "1000000"


def a_key_that_no_block_wrote(peers: list[Peer]) -> None:
    for peer in peers:
        peer.state["z"] = "from nowhere"


def a_key_that_is_gone(peers: list[Peer]) -> None:
    for peer in peers:
        del peer.state["b"]


@pytest.mark.parametrize(
    ("tamper", "said", "blocks"),
    [
        (another_transaction, "block 1: its transactions", 1),
        (a_block_in_anothers_place, "block 1 does not follow", 1),
        (another_block_at_one_peer, "block 2: peer2:1 has another one than peer1:1", 2),
        (another_word_on_validity, "block 2: peer2:1 has another one", 2),
        (another_value_at_one_peer, "the state of peer2:1 has another value of 'b'", 3),
        (a_key_that_no_block_wrote, "another value of 'z'", 3),
        (a_key_that_is_gone, "another value of 'b'", 3),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_was_tampered_with_is_named(
    peers: list[Peer], tamper: Callable[[list[Peer]], None], said: str, blocks: int
) -> None:
    tamper(peers)
    found = await verified()
    assert found.fault is not None
    assert said in found.fault
    assert found.blocks == blocks


async def test_a_peer_that_stays_behind_is_no_fault_of_the_ledger(peers: list[Peer]) -> None:
    peers[1].chain.pop()
    with pytest.raises(LedgerUnavailable, match="'peer2:1': 2"):
        await verified()
