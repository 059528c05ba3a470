"""Evaluate, endorse, submit, commit: transactions through the gateway service."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

import stamina
from fabric_protos.common.common_pb2 import Block, Envelope
from fabric_protos.common.configtx_pb2 import Config
from fabric_protos.common.ledger_pb2 import BlockchainInfo
from fabric_protos.gateway.gateway_pb2 import (
    CommitStatusRequest,
    CommitStatusResponse,
    EndorseRequest,
    EvaluateRequest,
    SignedCommitStatusRequest,
    SubmitRequest,
)
from fabric_protos.peer.transaction_pb2 import TxValidationCode

from ledger.fabric.gateway.channel_blocks import (
    ChannelBlock,
    ProvenBlock,
    consenters_of,
    decode_block,
    decode_envelope,
    evidence_of,
)
from ledger.fabric.gateway.connections import (
    Connections,
    GatewayConnection,
    OrdererConnection,
    endorsing_obstacle,
    ordering_obstacle,
)
from ledger.fabric.gateway.errors import (
    ClaimedTimeRefused,
    EndorsementMismatch,
    FateUnknown,
    GatewayUnavailable,
    TransactionInvalid,
)
from ledger.fabric.gateway.identity import SigningIdentity
from ledger.fabric.gateway.messages import Invocation, propose, seek_blocks, seek_word, sign_envelope
from ledger.fabric.gateway.profile import FabricProfile
from ledger.fabric.gateway.streams import BlockStream, ChaincodeEvent, Checkpoint, chaincode_events
from market_time import SteadyTime

_QUERIES = "qscc"
"""Every peer's chaincode that answers questions about blocks."""
_CONFIGURATION = "cscc"
"""The one that answers questions about the channel's configuration."""
_ON_WRONG_TIME = stamina.AsyncRetryingCaller(attempts=3, wait_initial=0.1)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How many seconds each step may take.

    Attributes
    ----------
    commit
        For one look at a transaction's commit status. A successful submit is not durable: an orderer that dies may take
        the transaction with it. So the wait is short, and then the same envelope is sent again, which is idempotent.
    transaction
        For a whole transaction, from its first endorsement on.
    """

    evaluate: float = 10.0
    endorse: float = 32.0  # the peers let the contract compute for 30 s (executetimeout); a retry must not join it
    submit: float = 5.0
    commit: float = 3.0
    transaction: float = 45.0


@dataclass(frozen=True, slots=True)
class Endorsed:
    """A transaction that enough organisations endorsed, signed and ready to be ordered."""

    transaction_id: str
    envelope: Envelope
    result: bytes


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction that is valid and in effect."""

    transaction_id: str
    block: int
    result: bytes


@dataclass(frozen=True, slots=True)
class ChainTip:
    """Where a chain ends: its number of blocks, and the last one's hash, hexadecimal."""

    height: int
    hash: str


class GatewayClient:
    """A client of one channel, speaking to several gateways; connections are made with the first call.

    Attributes
    ----------
    time
        What it claims to be the time: a jump of this machine's clock is not claimed.

    Raises
    ------
    UnusableIdentity, OSError
        The profile's client, or the authorities of its nodes, cannot be used.
    """

    def __init__(self, profile: FabricProfile, limits: TimeLimits | None = None) -> None:
        self.time = SteadyTime()
        self._channel = profile.channel
        self._identity = SigningIdentity.read(profile.msp_id, profile.client_certificate, profile.client_key)
        self._connections = Connections([GatewayConnection(gateway) for gateway in profile.gateways])
        self._endorsers = profile.endorsing_organisations
        self._orderers = [OrdererConnection(orderer) for orderer in profile.orderers]
        self._quorum = profile.ordering_quorum
        self._limits = limits or TimeLimits()

    async def evaluate(self, invocation: Invocation) -> bytes:
        """Ask one peer and change nothing.

        Raises
        ------
        ContractRefused, GatewayUnavailable, GatewayRefused, ClaimedTimeRefused
        """

        async def ask() -> bytes:
            answer = await self._connections.call(
                lambda connection: connection.gateway.Evaluate,
                self._question(invocation),
                timeout_s=self._limits.evaluate,
            )
            payload: bytes = answer.result.payload
            return payload

        return await _ON_WRONG_TIME(ClaimedTimeRefused, ask)

    async def height(self) -> int:
        """Return the number of blocks that a gateway's peer has.

        Raises
        ------
        GatewayUnavailable, GatewayRefused
        """
        return _height(await self.evaluate(Invocation(_QUERIES, "GetChainInfo", (self._channel,))))

    async def highest(self, beyond: int | None = None) -> int:
        """Return the number of blocks of the longest chain; as :meth:`tip`."""
        return (await self.tip(beyond)).height

    async def tip(self, beyond: int | None = None) -> ChainTip:
        """Return where the chain ends at the gateway's peer which has most of it.

        Parameters
        ----------
        beyond
            Do not wait for the others once a peer has more blocks than that.

        Raises
        ------
        GatewayUnavailable
        """
        answers = await self._connections.ask_all(
            lambda connection: connection.gateway.Evaluate,
            self._question(Invocation(_QUERIES, "GetChainInfo", (self._channel,))),
            timeout_s=self._limits.evaluate,
            is_enough=lambda answer: beyond is not None and _height(answer.result.payload) > beyond,
        )
        longest = max((answer.result.payload for answer in answers), key=_height)
        return ChainTip(_height(longest), BlockchainInfo.FromString(longest).currentBlockHash.hex())

    async def block(self, number: int) -> ChannelBlock:
        """Return one block.

        Raises
        ------
        ContractRefused
            There is none.
        GatewayUnavailable, GatewayRefused
        """
        answer = await self.evaluate(Invocation(_QUERIES, "GetBlockByNumber", (self._channel, str(number))))
        return decode_block(Block.FromString(answer))

    async def evidence(self, number: int) -> ProvenBlock:
        """Return what one block proves by itself; raises as :meth:`block`."""
        answer, configuration = await asyncio.gather(
            self.evaluate(Invocation(_QUERIES, "GetBlockByNumber", (self._channel, str(number)))),
            self.evaluate(Invocation(_CONFIGURATION, "GetChannelConfig", (self._channel,))),
        )
        return evidence_of(Block.FromString(answer), consenters_of(Config.FromString(configuration)))

    async def transact(self, invocation: Invocation) -> Committed:
        """Endorse, order and commit a transaction.

        Conflicts with other transactions and peers that disagree are met by endorsing again.

        Raises
        ------
        ContractRefused, GatewayRefused
            It had and will have no effect.
        EndorsementMismatch, ClaimedTimeRefused, TransactionInvalid
            The peers kept disagreeing, also on what the time is, or others kept getting in between; it had no effect.
        GatewayUnavailable
            It had no effect; FateUnknown if that is not known.
        IdentityExpired
        """
        deadline = asyncio.get_running_loop().time() + self._limits.transaction

        async def endorse_and_order() -> Committed:
            endorsed = await self.endorse(invocation)
            status = await self._order(endorsed, deadline)
            if status.result != TxValidationCode.VALID:
                raise TransactionInvalid(endorsed.transaction_id, TxValidationCode.Name(status.result))
            return Committed(endorsed.transaction_id, status.block_number, endorsed.result)

        return await _retrying(self._limits.transaction)(_is_worth_endorsing_again, endorse_and_order)

    async def endorse(self, invocation: Invocation) -> Endorsed:
        """Have a new transaction simulated and signed by the endorsing organisations' peers.

        Raises
        ------
        ContractRefused, EndorsementMismatch, GatewayUnavailable, GatewayRefused
        """
        proposal = propose(self._identity, self._channel, invocation, self.time.now())
        request = EndorseRequest(
            transaction_id=proposal.transaction_id,
            channel_id=self._channel,
            proposed_transaction=proposal.signed,
            endorsing_organizations=self._endorsers,
        )
        answer = await self._connections.call(
            lambda connection: connection.gateway.Endorse,
            request,
            timeout_s=self._limits.endorse,
            endorsers=self._endorsers,
        )
        envelope = sign_envelope(self._identity, answer.prepared_transaction)
        return Endorsed(proposal.transaction_id, envelope, decode_envelope(envelope).result)

    async def submit(self, endorsed: Endorsed) -> None:
        """Hand a transaction to the orderers; that they took it does not mean that they will keep it.

        Raises
        ------
        GatewayUnavailable, GatewayRefused
        """
        request = SubmitRequest(
            transaction_id=endorsed.transaction_id, channel_id=self._channel, prepared_transaction=endorsed.envelope
        )
        await self._connections.call(
            lambda connection: connection.gateway.Submit, request, timeout_s=self._limits.submit
        )

    async def commit_status(self, transaction_id: str) -> CommitStatusResponse:
        """Wait, not for long, until a transaction stands in a block; return its validation code and the block.

        Raises
        ------
        GatewayUnavailable
            The time is over, or the gateway did not answer; the next call asks another gateway.
        """
        request = CommitStatusRequest(
            transaction_id=transaction_id, channel_id=self._channel, identity=self._identity.creator
        ).SerializeToString()
        return await self._connections.call(
            lambda connection: connection.gateway.CommitStatus,
            SignedCommitStatusRequest(request=request, signature=self._identity.sign(request)),
            timeout_s=self._limits.commit,
        )

    async def blocks(self, first: int) -> AsyncGenerator[ChannelBlock, None]:
        """Yield the channel's blocks from a number on, then new ones as they commit, without a gap.

        Raises
        ------
        GatewayUnavailable, GatewayRefused
        """
        async with aclosing(self.whole_blocks(first)) as blocks:
            async for block in blocks:
                yield decode_block(block)

    def whole_blocks(self, first: int) -> AsyncGenerator[Block, None]:
        """Yield blocks with all that is signed of them, for who checks it; otherwise as :meth:`blocks`."""

        def seek(number: int) -> Envelope:
            return seek_blocks(self._identity, self._channel, number, self.time.now())

        return BlockStream(self._connections, seek, self.highest).blocks(first)

    def chaincode_events(self, chaincode: str, after: Checkpoint) -> AsyncGenerator[ChaincodeEvent, None]:
        """Yield a chaincode's events after a checkpoint, then new ones as they commit.

        Raises
        ------
        GatewayUnavailable
            The stream broke; go on with the last event's checkpoint.
        GatewayRefused
        """
        return chaincode_events(self._channel, self._identity, self._connections, chaincode, after)

    async def obstacle(self, probe: Invocation) -> str | None:
        """Return what keeps transactions from being committed now, part by part; None if nothing is known to.

        Parameters
        ----------
        probe
            A question that every organisation's chaincode can answer, or refuse.
        """
        proposal = propose(self._identity, self._channel, probe, self.time.now())

        def question(organisation: str) -> EvaluateRequest:
            return EvaluateRequest(
                transaction_id=proposal.transaction_id,
                channel_id=self._channel,
                proposed_transaction=proposal.signed,
                target_organizations=[organisation],
            )

        peers = {organisation: self._connections.of(organisation) for organisation in self._endorsers}
        found = await asyncio.gather(
            endorsing_obstacle(peers, question),
            ordering_obstacle(self._orderers, self._quorum, seek_word(self._identity, self._channel, self.time.now())),
        )
        return "; ".join(filter(None, found)) or None

    async def close(self) -> None:
        """Close the connections; open calls and streams end."""
        await self._connections.close()
        await asyncio.gather(*(orderer.channel.close(grace=None) for orderer in self._orderers))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _question(self, invocation: Invocation) -> EvaluateRequest:
        proposal = propose(self._identity, self._channel, invocation, self.time.now())
        return EvaluateRequest(
            transaction_id=proposal.transaction_id, channel_id=self._channel, proposed_transaction=proposal.signed
        )

    async def _order(self, endorsed: Endorsed, deadline: float) -> CommitStatusResponse:
        """Submit the same envelope until its fate is known."""
        rest = max(0.001, deadline - asyncio.get_running_loop().time())

        async def order() -> CommitStatusResponse:
            await self.submit(endorsed)
            status = await self.commit_status(endorsed.transaction_id)
            if status.result == TxValidationCode.DUPLICATE_TXID:
                # Two of our copies met in one block; what stands in the ledger under the id is the first.
                status = await self.commit_status(endorsed.transaction_id)
            return status

        try:
            return await _retrying(rest)(GatewayUnavailable, order)
        except GatewayUnavailable as last:
            raise FateUnknown(str(last)) from None


def _retrying(seconds: float) -> stamina.AsyncRetryingCaller:
    """Try again for some seconds, less and less often; pauses are random, lest two stay in each other's way."""
    return stamina.AsyncRetryingCaller(
        attempts=None, timeout=seconds, wait_initial=0.02, wait_max=1.0, wait_jitter=0.02
    )


def _height(chain_info: bytes) -> int:
    height: int = BlockchainInfo.FromString(chain_info).height
    return height


def _is_worth_endorsing_again(failure: Exception) -> bool:
    if isinstance(failure, TransactionInvalid):
        return failure.is_worth_repeating
    may_pass = isinstance(failure, EndorsementMismatch | ClaimedTimeRefused | GatewayUnavailable)
    return may_pass and not isinstance(failure, FateUnknown)
