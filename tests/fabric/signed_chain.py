"""Blocks as Fabric writes them, signed by organisations of the test's own."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fabric_protos.common.common_pb2 import (
    ENDORSER_TRANSACTION,
    SIGNATURES,
    TRANSACTIONS_FILTER,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Envelope,
    Header,
    HeaderType,
    Metadata,
    MetadataSignature,
    Payload,
    SignatureHeader,
)
from fabric_protos.common.configtx_pb2 import Config, ConfigEnvelope, ConfigValue
from fabric_protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, KVWrite
from fabric_protos.ledger.rwset.rwset_pb2 import NsReadWriteSet, TxReadWriteSet
from fabric_protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from fabric_protos.peer.chaincode_event_pb2 import ChaincodeEvent
from fabric_protos.peer.chaincode_pb2 import ChaincodeID, ChaincodeInput, ChaincodeInvocationSpec, ChaincodeSpec
from fabric_protos.peer.proposal_pb2 import ChaincodeAction, ChaincodeProposalPayload
from fabric_protos.peer.proposal_response_pb2 import Endorsement, ProposalResponsePayload, Response
from fabric_protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
)

from ledger.fabric.gateway import SigningIdentity
from ledger.fabric.gateway.channel_blocks import header_bytes
from tests.fabric.conftest import TlsFiles

CHAINCODE = "market"
VERSION = "1.0"
ANSWER = b"done"


class Organisation:
    """An organisation with an authority and one member."""

    def __init__(self, msp_id: str, folder: Path) -> None:
        files = TlsFiles(folder / msp_id)
        key, certificate = files.issue("member")
        self.msp_id = msp_id
        self.member = SigningIdentity.read(msp_id, certificate, key)
        self._authority = files.authority.read_bytes()

    @property
    def configured(self) -> ConfigValue:
        own = FabricMSPConfig(name=self.msp_id, root_certs=[self._authority])
        return ConfigValue(value=MSPConfig(config=own.SerializeToString()).SerializeToString())


@dataclass
class Said:
    """What goes into a transaction, and what is said to come out."""

    writes: dict[str, str | None]
    written: dict[str, str | None] | None = None
    result: bytes = ANSWER
    event: str = "Event"
    version: str = VERSION
    proposed: dict[str, str | None] | None = None


@dataclass
class SignedChain:
    """Makes one block after the other; whoever signs may be exchanged.

    Attributes
    ----------
    members
        Of the channel, with orderers of their own.
    """

    members: list[Organisation]
    orderers: Organisation
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client: Organisation = self.members[0]
        self.endorsers: list[Organisation] = self.members
        self.orderer: Organisation | None = self.orderers
        self._append(Envelope(payload=self._configuration().SerializeToString()), is_signed=False)

    def add(self, said: Said) -> None:
        """Append a block with one transaction."""
        payload = self._payload(said)
        self._append(Envelope(payload=payload, signature=self.client.member.sign(payload)))

    def _configuration(self) -> Payload:
        config = Config()
        for place, organisations in (("Application", self.members), ("Orderer", [self.orderers])):
            for organisation in organisations:
                group = config.channel_group.groups[place].groups[organisation.msp_id]
                group.values["MSP"].CopyFrom(organisation.configured)
        header = Header(channel_header=ChannelHeader(type=HeaderType.CONFIG).SerializeToString())
        return Payload(header=header, data=ConfigEnvelope(config=config).SerializeToString())

    def _payload(self, said: Said) -> bytes:
        number = len(self.blocks)
        channel_header = ChannelHeader(type=ENDORSER_TRANSACTION, tx_id=f"t{number}").SerializeToString()
        signature_header = SignatureHeader(creator=self.client.member.creator).SerializeToString()
        proposal = _proposal(said.writes)
        other = _proposal(said.proposed) if said.proposed is not None else proposal
        endorsed = ProposalResponsePayload(
            proposal_hash=hashlib.sha256(channel_header + signature_header + other).digest(),
            extension=_outcome(said).SerializeToString(),
        ).SerializeToString()
        endorsements = [
            Endorsement(endorser=each.member.creator, signature=each.member.sign(endorsed + each.member.creator))
            for each in self.endorsers
        ]
        action = ChaincodeActionPayload(
            chaincode_proposal_payload=proposal,
            action=ChaincodeEndorsedAction(proposal_response_payload=endorsed, endorsements=endorsements),
        )
        transaction = Transaction(actions=[TransactionAction(payload=action.SerializeToString())])
        header = Header(channel_header=channel_header, signature_header=signature_header)
        return _bytes(Payload(header=header, data=transaction.SerializeToString()))

    def _append(self, envelope: Envelope, *, is_signed: bool = True) -> None:
        number, data = len(self.blocks), envelope.SerializeToString()
        previous = self.blocks[-1].header if self.blocks else None
        header = BlockHeader(
            number=number,
            previous_hash=hashlib.sha256(hashed(previous)).digest() if previous is not None else b"",
            data_hash=hashlib.sha256(data).digest(),
        )
        metadata = [b""] * 5
        metadata[TRANSACTIONS_FILTER] = b"\0"
        if is_signed and self.orderer is not None:
            metadata[SIGNATURES] = self._ordered(header)
        self.blocks.append(Block(header=header, data=BlockData(data=[data]), metadata=BlockMetadata(metadata=metadata)))

    def _ordered(self, header: BlockHeader) -> bytes:
        assert self.orderer is not None
        signer = self.orderer.member
        named = SignatureHeader(creator=signer.creator).SerializeToString()
        signature = signer.sign(b"value" + named + hashed(header))
        signatures = [MetadataSignature(signature_header=named, signature=signature)]
        return _bytes(Metadata(value=b"value", signatures=signatures))


def hashed(header: BlockHeader) -> bytes:
    """The bytes of a header that count."""
    return header_bytes(header.number, header.previous_hash, header.data_hash)


def _proposal(writes: dict[str, str | None]) -> bytes:
    words = [b"submit", json.dumps(writes).encode()]
    spec = ChaincodeSpec(chaincode_id=ChaincodeID(name=CHAINCODE), input=ChaincodeInput(args=words))
    spoken = ChaincodeInvocationSpec(chaincode_spec=spec).SerializeToString()
    return _bytes(ChaincodeProposalPayload(input=spoken))


def _outcome(said: Said) -> ChaincodeAction:
    writes = said.writes if said.written is None else said.written
    written = KVRWSet(
        writes=[
            KVWrite(key=key, is_delete=value is None, value=(value or "").encode()) for key, value in writes.items()
        ]
    )
    foreign = NsReadWriteSet(namespace="_lifecycle", rwset=KVRWSet(writes=[KVWrite(key="k")]).SerializeToString())
    own = NsReadWriteSet(namespace=CHAINCODE, rwset=written.SerializeToString())
    event = ChaincodeEvent(event_name="market", payload=json.dumps([{"name": said.event}]).encode())
    return ChaincodeAction(
        chaincode_id=ChaincodeID(name=CHAINCODE, version=said.version),
        response=Response(status=200, payload=said.result),
        events=event.SerializeToString(),
        results=TxReadWriteSet(ns_rwset=[foreign, own]).SerializeToString(),
    )


def _bytes(message: Any) -> bytes:
    written: bytes = message.SerializeToString()
    return written
