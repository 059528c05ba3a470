"""The chaincode protocol's messages: how requests are built and answers are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fabric_protos.peer.chaincode_pb2 import ChaincodeAdditionalParams, ChaincodeID
from fabric_protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    DelState,
    GetHistoryForKey,
    GetState,
    GetStateByRange,
    GetStateMultiple,
    PutState,
    QueryMetadata,
    QueryStateClose,
    QueryStateNext,
    WriteBatchState,
    WriteRecord,
)
from google.protobuf.message import DecodeError

from ledger.fabric.chaincode_server.errors import PeerRefusal, ProtocolViolation

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
"""What a peer takes and sends at most in one message."""

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Request:
    """What a transaction asks of its peer."""

    type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """How many writes and reads a peer takes in one message; 1: it takes no batches."""

    writes: int = 1
    reads: int = 1

    @classmethod
    def announced(cls, ready: bytes) -> "PeerLimits":
        """Read the payload of a READY message; peers before Fabric 3.1 send it empty."""
        parameters = parse(ChaincodeAdditionalParams, ready)
        return cls(
            writes=max(1, parameters.max_size_write_batch) if parameters.use_write_batch else 1,
            reads=max(1, parameters.max_size_get_multiple_keys) if parameters.use_get_multiple_keys else 1,
        )


def parse(message_type: type[Parsed], data: bytes) -> Parsed:
    """Read a protobuf message; raises ProtocolViolation if it is none of that type."""
    try:
        message: Parsed = message_type.FromString(data)  # type: ignore[attr-defined]  # protobuf's classes are untyped
    except DecodeError as error:
        raise ProtocolViolation(f"the peer sent a malformed {message_type.__name__}: {error}") from None
    return message


def check_size(message: ChaincodeMessage) -> None:
    """Raise PeerRefusal for a message that would break the stream, and every other transaction on it."""
    size = message.ByteSize()
    if size > MAX_MESSAGE_BYTES:
        raise PeerRefusal(f"a message of {size} bytes is more than a peer takes ({MAX_MESSAGE_BYTES})")


def type_name(message: ChaincodeMessage) -> str:
    """Return the name of a message's type, or its number if the protos do not know it."""
    names = ChaincodeMessage.Type
    return names.Name(message.type) if message.type in names.values() else str(message.type)


def register(chaincode_id: str) -> ChaincodeMessage:
    """Introduce a chaincode to the peer by its package id."""
    return ChaincodeMessage(type=ChaincodeMessage.REGISTER, payload=ChaincodeID(name=chaincode_id).SerializeToString())


def get(key: str) -> Request:
    """Ask for one value."""
    return Request(ChaincodeMessage.GET_STATE, GetState(key=key).SerializeToString())


def get_multiple(keys: Sequence[str]) -> Request:
    """Ask for many values at once."""
    return Request(ChaincodeMessage.GET_STATE_MULTIPLE, GetStateMultiple(keys=keys).SerializeToString())


def write(key: str, value: bytes | None) -> Request:
    """Set one key, or delete it where the value is None."""
    if value is None:
        return Request(ChaincodeMessage.DEL_STATE, DelState(key=key).SerializeToString())
    return Request(ChaincodeMessage.PUT_STATE, PutState(key=key, value=value).SerializeToString())


def write_batch(writes: Iterable[tuple[str, bytes | None]]) -> Request:
    """Set and delete many keys at once."""
    records = [
        WriteRecord(type=WriteRecord.DEL_STATE, key=key)
        if value is None
        else WriteRecord(type=WriteRecord.PUT_STATE, key=key, value=value)
        for key, value in writes
    ]
    return Request(ChaincodeMessage.WRITE_BATCH_STATE, WriteBatchState(rec=records).SerializeToString())


def scan(start: str, end: str) -> Request:
    """Open an iterator over the keys from ``start`` up to, not including, ``end``; empty texts mean no bound."""
    return Request(ChaincodeMessage.GET_STATE_BY_RANGE, GetStateByRange(startKey=start, endKey=end).SerializeToString())


def page(start: str, end: str, size: int, bookmark: str) -> Request:
    """Ask for one page of a range."""
    metadata = QueryMetadata(pageSize=size, bookmark=bookmark).SerializeToString()
    query = GetStateByRange(startKey=start, endKey=end, metadata=metadata)
    return Request(ChaincodeMessage.GET_STATE_BY_RANGE, query.SerializeToString())


def history(key: str) -> Request:
    """Open an iterator over all committed modifications of a key."""
    return Request(ChaincodeMessage.GET_HISTORY_FOR_KEY, GetHistoryForKey(key=key).SerializeToString())


def next_results(iterator: str) -> Request:
    """Ask an open iterator for more."""
    return Request(ChaincodeMessage.QUERY_STATE_NEXT, QueryStateNext(id=iterator).SerializeToString())


def close_iterator(iterator: str) -> Request:
    """Close an iterator before its end."""
    return Request(ChaincodeMessage.QUERY_STATE_CLOSE, QueryStateClose(id=iterator).SerializeToString())
