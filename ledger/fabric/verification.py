"""Checking a Fabric ledger from outside: its chain, who signed it, what all peers have, and what the rules say."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass

from fabric_protos.common.common_pb2 import Block
from fabric_protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from fabric_protos.ledger.rwset.rwset_pb2 import TxReadWriteSet
from fabric_protos.peer.lifecycle.lifecycle_pb2 import QueryChaincodeDefinitionArgs, QueryChaincodeDefinitionResult

from energy_market_chaincode import invoke
from ledger.contract import Call, Contract
from ledger.embedded.execution import Replica, RulesDiffer
from ledger.embedded.store import TransactionRecord
from ledger.fabric.gateway import (
    Authorities,
    ChannelTransaction,
    FabricProfile,
    GatewayClient,
    GatewayError,
    Invocation,
    NotVouchedFor,
    ProvenBlock,
    configuration_of,
    decode_block,
    evidence_of,
)
from ledger.fabric.market_blocks import events_of
from ledger.interface import LedgerUnavailable

_LOOKS = 50

_TRUSTED = (
    "that the authorities which the channel's first block names are the organisations', that changes of its "
    "configuration were allowed, and that no certificate was revoked or expired when it was used",
    "that not every peer lies in the same way when it says that a transaction had no effect, for its reads were "
    "outdated for instance: their word on it was compared",
    "that the connection profile names the network's peers and the organisations that have to endorse, and that the "
    "market was founded by one who might",
)
_NOT_RUN = (
    "that organisations endorsed what their own copy of the rules said: the rules were not run again on {number} "
    "transactions{reason}, nor their commands' signatures checked, which the rules do"
)


class LedgersDiffer(Exception):
    """Something does not fit; the message says what, and in which block."""


@dataclass(frozen=True, slots=True)
class FabricVerification:
    """What a network's ledger was found to hold.

    Attributes
    ----------
    peers
        The addresses of those that were compared.
    blocks, transactions, events
        How many fit, counted to the first fault; transactions and events are the market's.
    signatures
        How many were checked: of orderers, clients and endorsers.
    head
        The hash of the last block that fits. Whoever noted it once can tell later that no other chain was put in its
        place.
    fault
        None if everything fits.
    trusted
        What the verification took for granted.
    """

    peers: Sequence[str]
    blocks: int
    transactions: int
    events: int
    signatures: int
    head: str
    fault: str | None
    trusted: Sequence[str]


async def verify_network(profile: FabricProfile, contract: Contract | None = invoke) -> FabricVerification:
    """Recompute what a channel's blocks hold, and compare blocks and state of all peers that the profile names.

    Parameters
    ----------
    contract
        Runs every transaction again that was endorsed by the version that the channel goes by now: its results, events
        and writes must be what the rules say. None replays the recorded writes alone.

    Raises
    ------
    LedgerUnavailable
        A peer does not answer, or transactions came in faster than all peers could be asked for their state.
    """
    async with AsyncExitStack() as opened:
        peers = {
            gateway.address: await opened.enter_async_context(
                GatewayClient(profile.model_copy(update={"gateways": (gateway,)}))
            )
            for gateway in profile.gateways
        }
        chain = _Chain(profile, opened.enter_context(closing(Replica())), contract)
        try:
            if contract is not None:
                chain.version = await _version(next(iter(peers.values())), profile.chaincode)
            fault = await _Comparison(peers, chain).fault()
        except GatewayError as failure:
            raise LedgerUnavailable(str(failure)) from None
        return FabricVerification(
            tuple(peers), chain.blocks, chain.transactions, chain.events, chain.signatures, chain.head, fault,
            (*_TRUSTED, *chain.not_run()),
        )  # fmt: skip


async def _version(peer: GatewayClient, chaincode: str) -> str:
    """Ask by which version of a chaincode the channel goes."""
    name = QueryChaincodeDefinitionArgs(name=chaincode).SerializeToString().decode()
    answer = await peer.evaluate(Invocation("_lifecycle", "QueryChaincodeDefinition", (name,)))
    version: str = QueryChaincodeDefinitionResult.FromString(answer).version
    return version


class _Chain:
    """The blocks checked so far, and the state that follows from them."""

    def __init__(self, profile: FabricProfile, replica: Replica, contract: Contract | None) -> None:
        self.chaincode = profile.chaincode
        self.version = ""
        self.blocks = self.transactions = self.events = self.signatures = 0
        self.head = ""
        self._endorsing = frozenset(profile.endorsing_organisations)
        self._replica = replica
        self._contract = contract
        self._authorities: Authorities | None = None
        self._not_run: Counter[str] = Counter()

    def take(self, block: Block) -> None:
        """Check the next block, and put what it wrote into the state; raises LedgersDiffer."""
        found = decode_block(block)
        if found.content_hash != found.data_hash:
            raise LedgersDiffer(f"block {found.number}: its transactions are not those that its header names")
        if found.previous_hash != self.head:
            raise LedgersDiffer(f"block {found.number} does not follow on the block before it")
        ours = [each for each in found.transactions if each.chaincode == self.chaincode]
        try:
            self._check_signatures(block, ours)
            for transaction in ours:
                self._replay(transaction)
        except (NotVouchedFor, RulesDiffer) as fault:
            raise LedgersDiffer(f"block {found.number}: {fault}") from None
        self.blocks, self.head = found.number + 1, found.hash

    def state(self) -> dict[str, str]:
        """Return what the blocks wrote."""
        return {key: value.decode() for key, value in self._replica.state()}

    def not_run(self) -> Iterator[str]:
        """Say of which transactions the rules were not run again."""
        if number := sum(self._not_run.values()):
            versions = ", ".join(sorted(self._not_run))
            yield _NOT_RUN.format(
                number=number,
                reason="" if self._contract is None else f" of version {versions}, where version {self.version} counts",
            )

    def _check_signatures(self, block: Block, ours: Sequence[ChannelTransaction]) -> None:
        """Check who vouches for a block, by the configuration before it; the first block brings its own."""
        configured = configuration_of(block)
        if self._authorities is None:
            if configured is None:
                raise NotVouchedFor("it is the first one and does not configure the channel")
            self._authorities = Authorities.of(configured)
        proven = evidence_of(block, self._authorities.consenters)
        self._authorities.check(proven)
        for transaction in ours:
            self._check_endorsements(proven, transaction)
        self.signatures += len(proven.vouchers)
        if configured is not None:
            self._authorities = Authorities.of(configured)

    def _check_endorsements(self, block: ProvenBlock, transaction: ChannelTransaction) -> None:
        endorsed_by = {
            voucher.organisation
            for voucher in block.vouchers
            if (voucher.role, voucher.transaction) == ("endorser", transaction.index)
        }
        if missing := self._endorsing - endorsed_by:
            raise NotVouchedFor(f"{', '.join(sorted(missing))} did not endorse its transaction {transaction.index}")
        if not transaction.answers_proposal:
            raise NotVouchedFor(f"what was endorsed of its transaction {transaction.index} is not what was proposed")

    def _replay(self, transaction: ChannelTransaction) -> None:
        record = _record(transaction, self.chaincode)
        if self._contract is None or transaction.version != self.version:
            self._not_run[transaction.version] += 1
        else:
            self._replica.compare(record, self._contract, f"its transaction {transaction.index}")
        self._replica.take(record)
        self.transactions += 1
        self.events += len(record.events)


class _Comparison:
    """Goes through the blocks once, with every peer at the same block."""

    def __init__(self, peers: dict[str, GatewayClient], chain: _Chain) -> None:
        self._peers = peers
        self._chain = chain

    async def fault(self) -> str | None:
        """Return the first thing that does not fit."""
        try:
            for _ in range(_LOOKS):
                # Blocks go on being written: what one look missed the next one compares.
                await self._compare_up_to(min(await self._heights()))
                if await self._states_fit():
                    return None
        except LedgersDiffer as fault:
            return str(fault)
        heights = dict(zip(self._peers, await self._heights(), strict=True))
        raise LedgerUnavailable(f"the peers did not come to have the same blocks for a moment ({heights}); try again")

    async def _heights(self) -> list[int]:
        return await asyncio.gather(*(peer.height() for peer in self._peers.values()))

    async def _compare_up_to(self, height: int) -> None:
        async with AsyncExitStack() as opened:
            streams = [
                await opened.enter_async_context(aclosing(peer.whole_blocks(self._chain.blocks)))
                for peer in self._peers.values()
            ]
            while self._chain.blocks < height:
                block, *others = await asyncio.gather(*map(anext, streams))
                for peer, other in zip(list(self._peers)[1:], others, strict=True):
                    if _compared(other) != _compared(block):
                        first = next(iter(self._peers))
                        raise LedgersDiffer(f"block {block.header.number}: {peer} has another one than {first}")
                self._chain.take(block)

    async def _states_fit(self) -> bool:
        """Compare every peer's state with what the blocks wrote; False if there are more blocks meanwhile."""
        question = Invocation(self._chain.chaincode, "state", ("",))
        states = await asyncio.gather(*(peer.evaluate(question) for peer in self._peers.values()))
        if max(await self._heights()) > self._chain.blocks:
            return False
        written = self._chain.state()
        for peer, state in zip(self._peers, states, strict=True):
            found = dict(json.loads(state))
            for key in sorted(found.keys() | written.keys()):
                if found.get(key) != written.get(key):
                    raise LedgersDiffer(f"the state of {peer} has another value of {key!r} than the blocks wrote")
        return True


def _compared(block: Block) -> tuple[str, str, bytes]:
    """Return what has to be the same at every peer; who of the orderers signed a block may differ."""
    found = decode_block(block)
    return found.hash, found.content_hash, found.validity


def _record(transaction: ChannelTransaction, chaincode: str) -> TransactionRecord:
    """Return a transaction as the rules are compared with it."""
    function, *arguments = [arg.decode() for arg in transaction.args]
    writes: dict[str, str | None] = {}
    for namespace in TxReadWriteSet.FromString(transaction.rwset).ns_rwset:
        if namespace.namespace == chaincode:
            for write in KVRWSet.FromString(namespace.rwset).writes:
                writes[write.key] = None if write.is_delete else write.value.decode()
    call = Call(transaction.id, transaction.at_ms, function, tuple(arguments))
    return TransactionRecord(call, transaction.result.decode(), writes, events_of(transaction))
