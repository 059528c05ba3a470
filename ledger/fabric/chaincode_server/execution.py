"""Run a contract for one transaction, on a thread of its own choice, and word the answer to its peer."""

import asyncio
import json
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from fabric_protos.peer.proposal_response_pb2 import Response

from ledger.fabric.chaincode_server.errors import ContractFailure, PeerGone, PeerRefusal, ProtocolViolation
from ledger.fabric.chaincode_server.transaction import Ask, ChaincodeTransaction, TransactionProposal
from ledger.fabric.chaincode_server.wire import PeerLimits, check_size
from market_time import SteadyTime

Chaincode = Callable[[ChaincodeTransaction, str, Sequence[str]], Awaitable[bytes]]
"""``chaincode(transaction, function, args) -> payload``; raises ContractFailure for what the client should read."""

CLOCK_DIFFERS = "CLOCK_DIFFERS"
"""The code of a refusal that a new proposal, with another time, may escape."""

DEFECT = "the contract failed; the chaincode server's log says where"

_OK = 200
_INTERNAL = 500
_END_S = 2.0
_log = structlog.get_logger()
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HostedChaincode:
    """A chaincode and what it runs under: the same for all peers."""

    chaincode: Chaincode
    max_clock_difference_s: float
    workers: "Workers"
    time: SteadyTime = field(default_factory=SteadyTime)

    async def run(self, message: ChaincodeMessage, limits: PeerLimits, ask: Ask) -> ChaincodeMessage:
        """Run a transaction on a worker; see :func:`execute`."""
        return await self.workers.run(execute(message, self, limits, ask))

    def check_claimed_time(self, claimed_ms: int) -> None:
        """Raise ContractFailure for a time that the client cannot have read off a right clock."""
        difference_s = claimed_ms / 1000 - self.time.now().timestamp()
        if abs(difference_s) > (most := self.max_clock_difference_s):
            said = f"the claimed time is {difference_s:+.1f} s from the endorser's clock; {most:g} s may be"
            if (trouble := self.time.trouble) is not None:
                said = f"{said}. The endorser says: {trouble}"
            raise ContractFailure(json.dumps({"code": CLOCK_DIFFERS, "message": said}), status=409)


async def execute(message: ChaincodeMessage, hosted: HostedChaincode, limits: PeerLimits, ask: Ask) -> ChaincodeMessage:
    """Run a transaction and return the message that answers it.

    A contract's failure is a COMPLETED with a status of 400 or more, which a gateway passes on as the contract's word.
    What the peer refused is an ERROR, for which a gateway asks another peer. The log never holds arguments, values, or
    the text of an exception, which may hold them.
    """
    log = _log.bind(transaction=message.txid, channel=message.channel_id)
    started = time.perf_counter()
    try:
        transaction = ChaincodeTransaction(TransactionProposal.of_message(message), limits, ask)
        hosted.check_claimed_time(transaction.timestamp_ms)
        payload = await hosted.chaincode(transaction, transaction.proposal.function, transaction.proposal.args)
        await transaction.flush()
        answer = _completed(message, Response(status=_OK, payload=payload), transaction)
    except PeerGone:
        raise
    except ContractFailure as failure:
        log.debug("the contract refused a transaction", status=failure.status)
        return _completed(message, Response(status=failure.status, message=failure.message))
    except (PeerRefusal, ProtocolViolation) as refusal:
        log.warning("the peer refused what a transaction needs", error=type(refusal).__name__)
        return error(message, str(refusal))
    except Exception as defect:
        log.error("the contract failed", error=type(defect).__name__, at=traceback.format_tb(defect.__traceback__))
        return _completed(message, Response(status=_INTERNAL, message=DEFECT))
    log.debug("executed a transaction", duration_ms=round((time.perf_counter() - started) * 1000, 1))
    return answer


def error(message: ChaincodeMessage, reason: str) -> ChaincodeMessage:
    """Answer a message with an ERROR."""
    return ChaincodeMessage(
        type=ChaincodeMessage.ERROR, txid=message.txid, channel_id=message.channel_id, payload=reason.encode()
    )


def _completed(
    message: ChaincodeMessage, response: Response, transaction: ChaincodeTransaction | None = None
) -> ChaincodeMessage:
    answer = ChaincodeMessage(
        type=ChaincodeMessage.COMPLETED,
        txid=message.txid,
        channel_id=message.channel_id,
        payload=response.SerializeToString(),
        chaincode_event=transaction.event if transaction else None,
    )
    check_size(answer)
    return answer


class _Worker:
    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.running = 0
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self.loop)
        self._thread.join(_END_S)
        if not self._thread.is_alive():
            self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.loop.call_soon(self.loop.stop)


class Workers:
    """Run coroutines on the least busy of several threads.

    The interpreter's lock lets one thread compute at a time, but takes turns every few milliseconds: a transaction that
    computes for seconds slows the others and stops none.
    """

    def __init__(self, count: int) -> None:
        self._workers = [_Worker(f"contract-{number}") for number in range(count)]

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on a worker and return its result; being cancelled here cancels it there."""
        worker = min(self._workers, key=lambda worker: worker.running)
        worker.running += 1
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, worker.loop))
        finally:
            worker.running -= 1

    def close(self) -> None:
        """Cancel what is running and stop the threads; one that computes without end dies with the process."""
        for worker in self._workers:
            worker.close()
