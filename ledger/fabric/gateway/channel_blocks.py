"""What stands in a channel's blocks and in the transactions that gateways prepare, and what a block proves by itself.

That is the bytes that its hash covers, and who signed what of it. Nothing is verified here; whoever doubts recomputes
the hashes and checks the signatures (ECDSA P-256 over SHA-256), as :mod:`ledger.fabric.gateway.authorities` does.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from fabric_protos.common.common_pb2 import (
    ENDORSER_TRANSACTION,
    SIGNATURES,
    TRANSACTIONS_FILTER,
    Block,
    ChannelHeader,
    Envelope,
    IdentifierHeader,
    Metadata,
    MetadataSignature,
    Payload,
    SignatureHeader,
)
from fabric_protos.common.configtx_pb2 import Config
from fabric_protos.common.configuration_pb2 import Orderers
from fabric_protos.msp.identities_pb2 import SerializedIdentity
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


Role = Literal["orderer", "client", "endorser"]


@dataclass(frozen=True, slots=True)
class BlockSignature:
    """Somebody's signature.

    An ``orderer`` signs the block's header, a ``client`` its transaction, an ``endorser`` what came out of it.

    Attributes
    ----------
    transaction
        The place of the transaction in the block; None for orderers.
    organisation
        The id of its membership service.
    certificate
        PEM, issued by that organisation.
    signed
        The bytes that the signature covers.
    """

    role: Role
    transaction: int | None
    organisation: str
    certificate: str
    signature: bytes
    signed: bytes


@dataclass(frozen=True, slots=True)
class ProvenBlock:
    """What a block's hash covers, and its vouchers.

    Attributes
    ----------
    previous_hash
        Hexadecimal.
    data
        The block's envelopes; the SHA-256 over all of them is the header's data hash.
    """

    number: int
    previous_hash: str
    data: tuple[bytes, ...]
    vouchers: tuple[BlockSignature, ...]


Consenters = Mapping[int, SerializedIdentity]
"""The orderers of a BFT channel by the numbers under which they sign."""


def consenters_of(config: Config) -> Consenters:
    """Read who orders from a channel's configuration; empty on a Raft channel, whose orderers sign by name."""
    value = config.channel_group.groups["Orderer"].values.get("Orderers")
    if value is None:
        return {}
    known = Orderers.FromString(value.value).consenter_mapping
    return {each.id: SerializedIdentity(mspid=each.msp_id, id_bytes=each.identity) for each in known}


def evidence_of(block: Block, consenters: Consenters) -> ProvenBlock:
    """Gather a block's evidence; signatures of orderers that the channel no longer has are left out.

    Nobody signs a channel's first block: its hash is what everybody agreed upon.
    """
    signers = (voucher for index, data in enumerate(block.data.data) for voucher in _of_transaction(index, data))
    return ProvenBlock(
        number=block.header.number,
        previous_hash=block.header.previous_hash.hex(),
        data=tuple(block.data.data),
        vouchers=(*_orderers(block, consenters), *signers),
    )


def _orderers(block: Block, consenters: Consenters) -> list[BlockSignature]:
    header = header_bytes(block.header.number, block.header.previous_hash, block.header.data_hash)
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    found = []
    for signature in metadata.signatures:
        signer = _signer(signature, consenters)
        if signer is not None:
            signed = metadata.value + (signature.signature_header or signature.identifier_header) + header
            found.append(_voucher("orderer", signer, signature.signature, signed))
    return found


def _signer(signature: MetadataSignature, consenters: Consenters) -> SerializedIdentity | None:
    if signature.signature_header:
        creator = SignatureHeader.FromString(signature.signature_header).creator
        return SerializedIdentity.FromString(creator)
    return consenters.get(IdentifierHeader.FromString(signature.identifier_header).identifier)


def _of_transaction(index: int, data: bytes) -> Iterator[BlockSignature]:
    """Yield the client's signature, and the endorsers' where it is a chaincode's transaction."""
    envelope = Envelope.FromString(data)
    payload = Payload.FromString(envelope.payload)
    if envelope.signature:
        creator = SignatureHeader.FromString(payload.header.signature_header).creator
        client = SerializedIdentity.FromString(creator)
        yield _voucher("client", client, envelope.signature, envelope.payload, index)
    if ChannelHeader.FromString(payload.header.channel_header).type == ENDORSER_TRANSACTION:
        action = ChaincodeActionPayload.FromString(Transaction.FromString(payload.data).actions[0].payload).action
        for each in action.endorsements:
            signed = action.proposal_response_payload + each.endorser
            yield _voucher("endorser", SerializedIdentity.FromString(each.endorser), each.signature, signed, index)


def _voucher(
    role: Role, signer: SerializedIdentity, signature: bytes, signed: bytes, transaction: int | None = None
) -> BlockSignature:
    certificate = signer.id_bytes.decode(errors="replace")
    return BlockSignature(role, transaction, signer.mspid, certificate, signature, signed)
