"""Why a call of the gateway failed, told apart by who has to do something about it, and whether a retry helps."""

import re
from collections.abc import Collection
from typing import Any

import grpc
import grpc.aio
from fabric_protos.gateway.gateway_pb2 import ErrorDetail
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it has no stubs

_WORTH_REPEATING = {
    "MVCC_READ_CONFLICT",
    "PHANTOM_READ_CONFLICT",
    "EXPIRED_CHAINCODE",
    "CHAINCODE_VERSION_CONFLICT",
}
_OF_ITS_CONTENT = {"BAD_RWSET", "ILLEGAL_WRITESET", "INVALID_WRITESET", "BAD_PAYLOAD", "NIL_TXACTION"}

_STATUS_DETAILS = "grpc-status-details-bin"
_FROM_CONTRACT = re.compile(r"chaincode response (\d+), (.*)", re.DOTALL)
_CLOCK_DIFFERS = '"CLOCK_DIFFERS"'
"""As our own chaincode server says it; another one may, too."""
_MISMATCH = "ProposalResponsePayloads do not match"
_REFUSED_BY_ORDERER = re.compile(r"status=(BAD_REQUEST|REQUEST_ENTITY_TOO_LARGE)")
_EXPIRED = re.compile(r"identity (has )?expired|certificate has expired", re.IGNORECASE)
_TOO_LARGE = re.compile(r"larger than (the )?max", re.IGNORECASE)
_FINAL = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE}
"""They hang on the call's content. That we may not call at all (PERMISSION_DENIED, FORBIDDEN) hangs on us and the
network: whoever repairs that wants to find all that was asked meanwhile still waiting."""


class GatewayError(Exception):
    """A call of the gateway failed."""


class ContractRefused(GatewayError):
    """The contract itself refused; asking again changes nothing while the state is the same.

    Attributes
    ----------
    status
        The chaincode's: 4xx where the client is at fault, 500 where the contract has a defect.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class EndorsementMismatch(GatewayError):
    """The organisations' peers came to different results, as happens while one of them lags; endorse again."""


class ClaimedTimeRefused(GatewayError):
    """An organisation's clock is too far from the time that our proposal claims; a new one claims another."""


class GatewayUnavailable(GatewayError):
    """A gateway, a peer or the orderers did not answer, or take nothing from us now; ask again, or elsewhere."""


class FateUnknown(GatewayUnavailable):
    """A transaction went to the orderers, and it is not known whether it will take effect."""


class GatewayRefused(GatewayError):
    """The network does not take this call, for what it says or for its size; making it again changes nothing."""


class IdentityExpired(GatewayError):
    """The client's certificate is no longer valid: nothing can be asked until it is renewed, and all can be then."""


class TransactionInvalid(GatewayError):
    """The transaction was ordered, but the peers found it invalid, and it had no effect.

    Attributes
    ----------
    code
        Fabric's validation code, for instance ``MVCC_READ_CONFLICT``.
    is_worth_repeating
        Whether the state or the chaincode's definition changed between endorsement and commit, so that a new
        endorsement may do better.
    hangs_on_content
        Whether what the transaction writes is the reason. If not, it is the network's set-up (an endorsement policy
        that changed, an identity that expired), and the same transaction is good once that is repaired.
    """

    def __init__(self, transaction_id: str, code: str) -> None:
        super().__init__(f"transaction {transaction_id} is invalid: {code}")
        self.code = code
        self.is_worth_repeating = code in _WORTH_REPEATING
        self.hangs_on_content = code in _OF_ITS_CONTENT


def failure_of(error: grpc.aio.AioRpcError, gateway: str, endorsers: Collection[str] = ()) -> GatewayError:
    """Tell what a failed call means.

    Parameters
    ----------
    endorsers
        MSP ids of the organisations that were asked to endorse. One alone that refuses may lag behind the others; the
        contract's word counts when all of them say it.
    """
    details = error_details(error)
    refusals = [(detail, found) for detail in details if (found := _FROM_CONTRACT.search(detail.message))]
    clocks = [detail for detail, found in refusals if _CLOCK_DIFFERS in found[2]]
    if clocks:
        return ClaimedTimeRefused("; ".join(f"{clock.msp_id} {clock.address}: {clock.message}" for clock in clocks))
    if refusals and (not endorsers or {detail.msp_id for detail, _ in refusals} >= set(endorsers)):
        status, message = refusals[0][1].groups()
        return ContractRefused(int(status), message)
    text = f"{gateway}: {error.code().name}: {error.details()}"
    if details:
        text += f" ({'; '.join(f'{detail.msp_id} {detail.address}: {detail.message}' for detail in details)})"
    if refusals or any(_MISMATCH in detail.message for detail in details):
        return EndorsementMismatch(text)
    return _kind_of(error.code(), text)(text)


def _kind_of(code: grpc.StatusCode, text: str) -> type[GatewayError]:
    if _EXPIRED.search(text):  # an orderer calls that a BAD_REQUEST, too
        return IdentityExpired
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:  # a message larger than either side takes, or too many calls at once
        return GatewayRefused if _TOO_LARGE.search(text) else GatewayUnavailable
    return GatewayRefused if code in _FINAL or _REFUSED_BY_ORDERER.search(text) else GatewayUnavailable


def error_details(error: grpc.aio.AioRpcError) -> list[ErrorDetail]:
    """Return what each peer or orderer that took part said."""
    trailing: Any = error.trailing_metadata()  # the type stubs know it only as an object
    packed = trailing.get(_STATUS_DETAILS) if trailing is not None else None
    if not isinstance(packed, bytes):
        return []
    details = []
    for part in Status.FromString(packed).details:
        detail = ErrorDetail()
        if part.Unpack(detail):
            details.append(detail)
    return details
