"""What a block proves by itself: the bytes that its hash covers, and who signed what of it.

Nothing is verified here; whoever doubts recomputes the hashes and checks the signatures (ECDSA P-256 over SHA-256), as
:mod:`ledger.fabric.gateway.authorities` does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from fabric_protos.common.common_pb2 import (
    ENDORSER_TRANSACTION,
    SIGNATURES,
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
from fabric_protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction

from ledger.fabric.gateway.channel_blocks import header_bytes

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
