"""The chaincode protocol's messages: what a peer takes, and how its answers are read."""

from dataclasses import dataclass
from typing import TypeVar

from fabric_protos.peer.chaincode_pb2 import ChaincodeAdditionalParams
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from google.protobuf.message import DecodeError

from ledger.fabric.chaincode_server.errors import PeerRefusal, ProtocolViolation

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
"""What a peer takes and sends at most in one message."""

Parsed = TypeVar("Parsed")


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
