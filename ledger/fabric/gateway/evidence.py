"""What a block proves by itself: the bytes that its hash covers, and who signed what of it.

Nothing is verified here; whoever doubts recomputes the hashes and checks the signatures (ECDSA P-256 over SHA-256).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fabric_protos.common.common_pb2 import (
    SIGNATURES,
    Block,
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

from ledger.fabric.gateway.channel_blocks import header_bytes


@dataclass(frozen=True, slots=True)
class BlockSignature:
    """Somebody's signature: an ``orderer`` signs the block's header, a ``client`` its transaction.

    Attributes
    ----------
    organisation
        The id of its membership service.
    certificate
        PEM, issued by that organisation.
    signed
        The bytes that the signature covers.
    """

    role: Literal["orderer", "client"]
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
    clients = (_client(data) for data in block.data.data)
    return ProvenBlock(
        number=block.header.number,
        previous_hash=block.header.previous_hash.hex(),
        data=tuple(block.data.data),
        vouchers=(*_orderers(block, consenters), *(client for client in clients if client.signature)),
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


def _client(data: bytes) -> BlockSignature:
    envelope = Envelope.FromString(data)
    creator = SignatureHeader.FromString(Payload.FromString(envelope.payload).header.signature_header).creator
    return _voucher("client", SerializedIdentity.FromString(creator), envelope.signature, envelope.payload)


def _voucher(
    role: Literal["orderer", "client"], signer: SerializedIdentity, signature: bytes, signed: bytes
) -> BlockSignature:
    return BlockSignature(role, signer.mspid, signer.id_bytes.decode(errors="replace"), signature, signed)
