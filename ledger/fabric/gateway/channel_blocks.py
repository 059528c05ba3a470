"""What stands in a channel's blocks and in the transactions that gateways prepare."""

import hashlib
from dataclasses import dataclass

from fabric_protos.common.common_pb2 import (
    ENDORSER_TRANSACTION,
    TRANSACTIONS_FILTER,
    Block,
    ChannelHeader,
    Envelope,
    Payload,
)
from fabric_protos.peer.chaincode_event_pb2 import ChaincodeEvent
from fabric_protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from fabric_protos.peer.proposal_pb2 import ChaincodeAction, ChaincodeProposalPayload
from fabric_protos.peer.proposal_response_pb2 import ProposalResponsePayload
from fabric_protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction, TxValidationCode


@dataclass(frozen=True, slots=True)
class ChannelTransaction:
    """A chaincode's transaction as it was endorsed.

    Attributes
    ----------
    index
        Its place in the block, counted from 0 over all of the block's transactions.
    version
        Of the chaincode, by which the channel went when it was endorsed.
    args
        The function, then its arguments.
    event_name
        Empty where the transaction set no event.
    """

    index: int
    id: str
    at_ms: int
    chaincode: str
    version: str
    args: tuple[bytes, ...]
    result: bytes
    event_name: str
    event_payload: bytes
    rwset: bytes
    answers_proposal: bool
    """Whether what was endorsed is the outcome of what the client proposed, and of nothing else."""


@dataclass(frozen=True, slots=True)
class ChannelBlock:
    """A block with those of its transactions that are valid and a chaincode's; hashes are hexadecimal SHA-256.

    Attributes
    ----------
    data_hash, content_hash
        Of the block's transactions: as the header says, and as they are.
    validity
        The peer's validation code of each transaction, a byte each, invalid ones and configurations included.
    """

    number: int
    hash: str
    previous_hash: str
    data_hash: str
    content_hash: str
    validity: bytes
    transactions: tuple[ChannelTransaction, ...]


def decode_block(block: Block) -> ChannelBlock:
    """Read a block; invalid transactions, and those of the channel's configuration, are left out."""
    flags = block.metadata.metadata[TRANSACTIONS_FILTER]
    transactions = []
    for index, (data, flag) in enumerate(zip(block.data.data, flags, strict=True)):
        if flag != TxValidationCode.VALID:
            continue
        payload = Payload.FromString(Envelope.FromString(data).payload)
        header = ChannelHeader.FromString(payload.header.channel_header)
        if header.type == ENDORSER_TRANSACTION:
            transactions.append(_transaction(index, payload))
    return ChannelBlock(
        number=block.header.number,
        hash=block_hash(block.header.number, block.header.previous_hash, block.header.data_hash),
        previous_hash=block.header.previous_hash.hex(),
        data_hash=block.header.data_hash.hex(),
        content_hash=hashlib.sha256(b"".join(block.data.data)).hexdigest(),
        validity=flags,
        transactions=tuple(transactions),
    )


def decode_envelope(envelope: Envelope) -> ChannelTransaction:
    """Read a transaction before it stands in a block; its index is 0."""
    payload = Payload.FromString(envelope.payload)
    return _transaction(0, payload)


def block_hash(number: int, previous_hash: bytes, data_hash: bytes) -> str:
    """Hash a block's header as Fabric does: SHA-256 over its ASN.1 DER, a sequence of the three fields."""
    return hashlib.sha256(header_bytes(number, previous_hash, data_hash)).hexdigest()


def header_bytes(number: int, previous_hash: bytes, data_hash: bytes) -> bytes:
    """Write a block's header as it is hashed and signed."""
    return _der(0x30, _der_integer(number) + _der(0x04, previous_hash) + _der(0x04, data_hash))


def _der_integer(number: int) -> bytes:
    size = number.bit_length() // 8 + 1  # room for the sign, for DER integers have one
    return _der(0x02, number.to_bytes(size, "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _transaction(index: int, payload: Payload) -> ChannelTransaction:
    header = ChannelHeader.FromString(payload.header.channel_header)
    action_payload = ChaincodeActionPayload.FromString(Transaction.FromString(payload.data).actions[0].payload)
    proposed = action_payload.chaincode_proposal_payload
    specification = ChaincodeInvocationSpec.FromString(ChaincodeProposalPayload.FromString(proposed).input)
    endorsed = ProposalResponsePayload.FromString(action_payload.action.proposal_response_payload)
    action = ChaincodeAction.FromString(endorsed.extension)
    event = ChaincodeEvent.FromString(action.events)
    own_hash = hashlib.sha256(payload.header.channel_header + payload.header.signature_header + proposed).digest()
    return ChannelTransaction(
        index=index,
        id=header.tx_id,
        at_ms=header.timestamp.seconds * 1000 + header.timestamp.nanos // 1_000_000,
        chaincode=specification.chaincode_spec.chaincode_id.name,
        version=action.chaincode_id.version,
        args=tuple(specification.chaincode_spec.input.args),
        result=action.response.payload,
        event_name=event.event_name,
        event_payload=event.payload,
        rwset=action.results,
        answers_proposal=endorsed.proposal_hash == own_hash,
    )
