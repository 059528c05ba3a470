"""Evaluate, endorse, submit, commit: transactions through the gateway service."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Self

import structlog
from fabric_protos.common.common_pb2 import Block, Envelope
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

from ledger.fabric.gateway.backoff import attempts
from ledger.fabric.gateway.blocks import BlockStream
from ledger.fabric.gateway.connections import Connection, Connections
from ledger.fabric.gateway.decoding import ChannelBlock, decode_block, decode_envelope
from ledger.fabric.gateway.errors import EndorsementMismatch, GatewayError, GatewayUnavailable, TransactionInvalid
from ledger.fabric.gateway.events import ChaincodeEvent, Checkpoint, chaincode_events
from ledger.fabric.gateway.identity import SigningIdentity
from ledger.fabric.gateway.messages import Invocation, propose, seek_blocks, sign_envelope
from ledger.fabric.profile import FabricProfile

_QUERIES = "qscc"
"""Every peer's chaincode that answers questions about blocks."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
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


class GatewayClient:
    """A client of one channel, speaking to several gateways."""

    def __init__(
        self,
        channel: str,
        identity: SigningIdentity,
        connections: Connections,
        *,
        endorsing_organisations: tuple[str, ...] = (),
        patience: Patience | None = None,
    ) -> None:
        self._channel = channel
        self._identity = identity
        self._connections = connections
        self._endorsers = endorsing_organisations
        self._patience = patience or Patience()

    @classmethod
    def open(cls, profile: FabricProfile, patience: Patience | None = None) -> Self:
        """Prepare a client from a profile; connections are made with the first call.

        Raises
        ------
        UnusableIdentity, OSError
        """
        identity = SigningIdentity.read(profile.msp_id, profile.client_certificate, profile.client_key)
        connections = Connections([Connection.to(gateway) for gateway in profile.gateways])
        organisations = profile.endorsing_organisations
        return cls(profile.channel, identity, connections, endorsing_organisations=organisations, patience=patience)

    async def evaluate(self, invocation: Invocation) -> bytes:
        """Ask one peer and change nothing.

        Raises
        ------
        ContractRefused, GatewayUnavailable, GatewayRefused
        """
        proposal = propose(self._identity, self._channel, invocation)
        request = EvaluateRequest(
            transaction_id=proposal.transaction_id, channel_id=self._channel, proposed_transaction=proposal.signed
        )
        answer = await self._connections.call(
            lambda connection: connection.gateway.Evaluate, request, timeout_s=self._patience.evaluate
        )
        payload: bytes = answer.result.payload
        return payload

    async def height(self) -> int:
        """Return the number of blocks that a gateway's peer has.

        Raises
        ------
        GatewayUnavailable, GatewayRefused
        """
        answer = await self.evaluate(Invocation(_QUERIES, "GetChainInfo", (self._channel,)))
        height: int = BlockchainInfo.FromString(answer).height
        return height

    async def highest(self) -> int:
        """Return the number of blocks that the gateway's peer has which has most.

        Raises
        ------
        GatewayUnavailable
        """
        proposal = propose(self._identity, self._channel, Invocation(_QUERIES, "GetChainInfo", (self._channel,)))
        request = EvaluateRequest(
            transaction_id=proposal.transaction_id, channel_id=self._channel, proposed_transaction=proposal.signed
        )
        answers = await self._connections.ask_all(
            lambda connection: connection.gateway.Evaluate, request, timeout_s=self._patience.evaluate
        )
        heights: list[int] = [BlockchainInfo.FromString(answer.result.payload).height for answer in answers]
        return max(heights)

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

    async def transact(self, invocation: Invocation) -> Committed:
        """Endorse, order and commit a transaction.

        Conflicts with other transactions and peers that disagree are met by endorsing again.

        Raises
        ------
        ContractRefused, GatewayRefused
            It had and will have no effect.
        EndorsementMismatch, TransactionInvalid
            The peers kept disagreeing, or others kept getting in between; it had no effect.
        GatewayUnavailable
            It is not known whether it will take effect.
        """
        deadline = asyncio.get_running_loop().time() + self._patience.transaction
        last: GatewayError = GatewayUnavailable("there was no time left")
        async for _ in attempts(deadline):
            try:
                endorsed = await self.endorse(invocation)
            except (EndorsementMismatch, GatewayUnavailable) as failure:
                last = failure
                continue
            status = await self._order(endorsed, deadline)
            if status.result == TxValidationCode.VALID:
                return Committed(endorsed.transaction_id, status.block_number, endorsed.result)
            last = invalid = TransactionInvalid(endorsed.transaction_id, TxValidationCode.Name(status.result))
            if not invalid.is_worth_repeating:
                break
            _log.info("endorsing again", transaction=endorsed.transaction_id, code=invalid.code)
        raise last

    async def endorse(self, invocation: Invocation) -> Endorsed:
        """Have a new transaction simulated and signed by the endorsing organisations' peers.

        Raises
        ------
        ContractRefused, EndorsementMismatch, GatewayUnavailable, GatewayRefused
        """
        proposal = propose(self._identity, self._channel, invocation)
        request = EndorseRequest(
            transaction_id=proposal.transaction_id,
            channel_id=self._channel,
            proposed_transaction=proposal.signed,
            endorsing_organizations=self._endorsers,
        )
        answer = await self._connections.call(
            lambda connection: connection.gateway.Endorse,
            request,
            timeout_s=self._patience.endorse,
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
            lambda connection: connection.gateway.Submit, request, timeout_s=self._patience.submit
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
            timeout_s=self._patience.commit,
            everywhere=False,
        )

    async def blocks(self, first: int) -> AsyncGenerator[ChannelBlock, None]:
        """Yield the channel's blocks from a number on, then new ones as they commit, without a gap.

        Raises
        ------
        GatewayUnavailable, GatewayRefused
        """
        seek = partial(seek_blocks, self._identity, self._channel)
        stream = BlockStream(self._connections, seek, self.height)
        async with aclosing(stream.blocks(first)) as blocks:
            async for block in blocks:
                yield decode_block(block)

    def chaincode_events(self, chaincode: str, after: Checkpoint) -> AsyncGenerator[ChaincodeEvent, None]:
        """Yield a chaincode's events after a checkpoint, then new ones as they commit.

        Raises
        ------
        GatewayUnavailable
            The stream broke; go on with the last event's checkpoint.
        GatewayRefused
        """
        return chaincode_events(self._channel, self._identity, self._connections, chaincode, after)

    async def close(self) -> None:
        """Close the connections; open calls and streams end."""
        await self._connections.close()

    async def _order(self, endorsed: Endorsed, deadline: float) -> CommitStatusResponse:
        """Submit the same envelope until its fate is known."""
        last = GatewayUnavailable("there was no time left")
        async for _ in attempts(deadline):
            try:
                await self.submit(endorsed)
                status = await self.commit_status(endorsed.transaction_id)
                if status.result == TxValidationCode.DUPLICATE_TXID:
                    # Two of our copies met in one block; what stands in the ledger under the id is the first.
                    status = await self.commit_status(endorsed.transaction_id)
            except GatewayUnavailable as failure:
                last = failure
                _log.warning("submitting again", transaction=endorsed.transaction_id, reason=str(failure))
            else:
                return status
        raise last
