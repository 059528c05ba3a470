"""A gateway that does what the test says."""

import asyncio
from functools import partialmethod
from typing import Any

import grpc
import grpc.aio
from fabric_protos.common.common_pb2 import (
    Block,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    Status,
)
from fabric_protos.gateway.gateway_pb2 import (
    CommitStatusResponse,
    EndorseResponse,
    ErrorDetail,
    EvaluateResponse,
    SubmitResponse,
)
from fabric_protos.orderer.ab_pb2 import DeliverResponse as OrdererDeliverResponse
from fabric_protos.orderer.ab_pb2 import SeekInfo
from fabric_protos.peer.events_pb2 import DeliverResponse
from fabric_protos.peer.proposal_pb2 import ChaincodeAction
from fabric_protos.peer.proposal_response_pb2 import ProposalResponsePayload, Response
from fabric_protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
    TxValidationCode,
)
from google.rpc.status_pb2 import Status as RpcStatus  # type: ignore[import-untyped]  # it has no stubs


class Failure(Exception):
    """What a gateway answers instead of a result."""

    def __init__(self, code: grpc.StatusCode, message: str, **details: str) -> None:
        self.code, self.message = code, message
        self.details = [ErrorDetail(msp_id=msp, address="peer:7051", message=text) for msp, text in details.items()]


UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "connection refused")
MISMATCH = Failure(grpc.StatusCode.ABORTED, "failed", Org2MSP="ProposalResponsePayloads do not match")


def valid(block: int = 7) -> CommitStatusResponse:
    return CommitStatusResponse(result=TxValidationCode.VALID, block_number=block)


def invalid(code: int) -> CommitStatusResponse:
    return CommitStatusResponse(result=code, block_number=7)


def prepared(result: bytes) -> Envelope:
    action = ChaincodeAction(response=Response(status=200, payload=result)).SerializeToString()
    endorsed = ProposalResponsePayload(extension=action).SerializeToString()
    payload = ChaincodeActionPayload(action=ChaincodeEndorsedAction(proposal_response_payload=endorsed))
    transaction = Transaction(actions=[TransactionAction(payload=payload.SerializeToString())])
    header = Header(channel_header=ChannelHeader(tx_id="t").SerializeToString())
    return Envelope(payload=Payload(header=header, data=transaction.SerializeToString()).SerializeToString())


def sought(request: Envelope) -> int:
    """From which block on a client asks for blocks."""
    number: int = SeekInfo.FromString(Payload.FromString(request.payload).data).start.specified.number
    return number


def empty_block(number: int) -> Block:
    return Block(header=BlockHeader(number=number), metadata=BlockMetadata(metadata=[b""] * 5))


class ScriptedGateway:
    """A peer that answers each method with the next of the answers laid out for it; the last is repeated."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {
            "Evaluate": [EvaluateResponse(result=Response(payload=b"seen"))],
            "Endorse": [EndorseResponse(prepared_transaction=prepared(b"done"))],
            "Submit": [SubmitResponse()],
            "CommitStatus": [valid()],
        }
        self.port = 0
        self.blocks: list[Block] = []
        self.called: list[str] = []
        self.requests: dict[str, list[Any]] = {}
        self.open_calls = self.most_open_calls = 0
        self.silent = asyncio.Event()

    async def _answer(self, method: str, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.called.append(method)
        self.requests.setdefault(method, []).append(request)
        self.open_calls += 1
        self.most_open_calls = max(self.most_open_calls, self.open_calls)
        await asyncio.sleep(0)
        self.open_calls -= 1
        laid_out = self.answers[method]
        answer = laid_out.pop(0) if len(laid_out) > 1 else laid_out[0]
        if answer is None:
            await asyncio.Event().wait()  # never answers
        if isinstance(answer, Failure):
            await self._fail(answer, context)
        return answer

    async def _fail(self, failure: Failure, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        status = RpcStatus(code=failure.code.value[0], message=failure.message)
        for detail in failure.details:
            status.details.add().Pack(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        await context.abort(failure.code, failure.message)

    Evaluate = partialmethod(_answer, "Evaluate")
    Endorse = partialmethod(_answer, "Endorse")
    Submit = partialmethod(_answer, "Submit")
    CommitStatus = partialmethod(_answer, "CommitStatus")

    async def ChaincodeEvents(self, request: Any, context: Any) -> None:  # noqa: N802 - gRPC's name
        await context.abort(grpc.StatusCode.UNAVAILABLE, "no events here")

    async def Deliver(self, requests: Any, context: Any) -> None:  # noqa: N802 - gRPC's name
        self.called.append("Deliver")
        first = sought(await anext(aiter(requests)))
        for block in self.blocks:
            if block.header.number >= first:
                await context.write(DeliverResponse(block=block))
        if not self.silent.is_set():
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the peer stops")
        await asyncio.Event().wait()

    DeliverFiltered = DeliverWithPrivateData = Deliver


class ScriptedOrderer:
    """An orderer that says of itself what the test wants, a block unless told otherwise; None: it hangs."""

    def __init__(self) -> None:
        self.port = 0
        self.says: int | None = Status.SUCCESS

    async def Deliver(self, requests: Any, context: Any) -> None:  # noqa: N802 - gRPC's name
        await anext(aiter(requests))
        if self.says is None:
            await asyncio.Event().wait()
        if self.says == Status.SUCCESS:
            await context.write(OrdererDeliverResponse(block=Block()))
        await context.write(OrdererDeliverResponse(status=self.says))

    Broadcast = Deliver
