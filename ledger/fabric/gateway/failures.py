"""What a gateway's error means: its status code and the details of each peer and orderer that was asked."""

import re
from collections.abc import Collection
from typing import Any

import grpc
import grpc.aio
from fabric_protos.gateway.gateway_pb2 import ErrorDetail
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it has no stubs

from ledger.fabric.gateway.errors import (
    ContractRefused,
    EndorsementMismatch,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
)

_STATUS_DETAILS = "grpc-status-details-bin"
_FROM_CONTRACT = re.compile(r"chaincode response (\d+), (.*)", re.DOTALL)
_MISMATCH = "ProposalResponsePayloads do not match"
_REFUSED_BY_ORDERER = re.compile(r"status=(BAD_REQUEST|REQUEST_ENTITY_TOO_LARGE)")
_FINAL = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED,  # a message larger than either side takes
    grpc.StatusCode.OUT_OF_RANGE,
}
"""They hang on the call's content. That we may not call at all (PERMISSION_DENIED, FORBIDDEN, an expired certificate)
hangs on us and the network: whoever repairs that wants to find all that was asked meanwhile still waiting."""


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
    if refusals and (not endorsers or {detail.msp_id for detail, _ in refusals} >= set(endorsers)):
        status, message = refusals[0][1].groups()
        return ContractRefused(int(status), message)
    text = f"{gateway}: {error.code().name}: {error.details()}"
    if details:
        text += f" ({'; '.join(f'{detail.msp_id} {detail.address}: {detail.message}' for detail in details)})"
    if refusals or any(_MISMATCH in detail.message for detail in details):
        return EndorsementMismatch(text)
    if error.code() in _FINAL or _REFUSED_BY_ORDERER.search(error.details() or ""):
        return GatewayRefused(text)
    return GatewayUnavailable(text)


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
