"""The stub: one transaction's view of the ledger, as its peer simulates it; what was proposed, and by whom."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Self

from cryptography import x509
from fabric_protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from fabric_protos.ledger.queryresult.kv_query_result_pb2 import KV, KeyModification
from fabric_protos.msp.identities_pb2 import SerializedIdentity
from fabric_protos.peer.chaincode_event_pb2 import ChaincodeEvent
from fabric_protos.peer.chaincode_pb2 import ChaincodeInput
from fabric_protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    DelState,
    GetHistoryForKey,
    GetState,
    GetStateByRange,
    GetStateMultiple,
    GetStateMultipleResult,
    PutState,
    QueryMetadata,
    QueryResponse,
    QueryResponseMetadata,
    QueryStateClose,
    QueryStateNext,
    WriteBatchState,
    WriteRecord,
)
from fabric_protos.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal
from google.protobuf.message import Message

from ledger.fabric.chaincode_server.errors import ProtocolViolation
from ledger.fabric.chaincode_server.wire import PeerLimits, parse

Ask = Callable[[ChaincodeMessage], Awaitable[bytes]]
"""Sends a request of the transaction, which is named on its way, to its peer and returns the answer's payload."""

_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_UNIT = x509.NameOID.ORGANIZATIONAL_UNIT_NAME
_ATTRIBUTES_OID = x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1")  # Fabric CA's own


@dataclass(frozen=True, slots=True)
class TransactionProposal:
    """One transaction as it reached the chaincode.

    Attributes
    ----------
    creator
        The serialized identity that signed the proposal.
    transient
        Data for the endorsers that does not go onto the ledger.
    """

    channel: str
    transaction_id: str
    timestamp_ms: int
    function: str
    args: tuple[str, ...]
    creator: bytes
    transient: dict[str, bytes]

    @classmethod
    def of_message(cls, message: ChaincodeMessage) -> Self:
        """Read a TRANSACTION message; raises ProtocolViolation, also for arguments that are no UTF-8."""
        try:
            function, *args = [arg.decode() for arg in parse(ChaincodeInput, message.payload).args] or [""]
        except UnicodeDecodeError as error:
            raise ProtocolViolation(f"an argument is not UTF-8: {error.reason}") from None
        proposal = parse(Proposal, message.proposal.proposal_bytes)
        header = parse(Header, proposal.header)
        timestamp = parse(ChannelHeader, header.channel_header).timestamp
        return cls(
            channel=message.channel_id,
            transaction_id=message.txid,
            timestamp_ms=timestamp.seconds * 1000 + timestamp.nanos // 1_000_000,
            function=function,
            args=tuple(args),
            creator=parse(SignatureHeader, header.signature_header).creator,
            transient=dict(parse(ChaincodeProposalPayload, proposal.payload).TransientMap),
        )


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """The creator of a transaction, whose signature the peer has checked.

    Attributes
    ----------
    attributes
        What the certificate says of its owner, where Fabric's CA issued it with attributes.
    """

    msp_id: str
    certificate: x509.Certificate
    attributes: dict[str, str]

    @property
    def is_administrator(self) -> bool:
        """Tell whether it is an administrator of its organisation, as certificates with node roles say it."""
        return any(unit.value == "admin" for unit in self.certificate.subject.get_attributes_for_oid(_UNIT))

    @classmethod
    def of_creator(cls, creator: bytes) -> Self:
        """Read a serialized identity; raises ProtocolViolation if it is none."""
        identity = parse(SerializedIdentity, creator)
        try:
            certificate = x509.load_pem_x509_certificate(identity.id_bytes)
            return cls(msp_id=identity.mspid, certificate=certificate, attributes=_attributes(certificate))
        except ValueError as error:
            raise ProtocolViolation(f"the creator's certificate cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a range's keys with their values; an empty bookmark: there are no more."""

    entries: list[tuple[str, bytes]]
    bookmark: str


@dataclass(frozen=True, slots=True)
class Modification:
    """A committed change of a key; value is None where it was deleted."""

    transaction_id: str
    timestamp_ms: int
    value: bytes | None


class ChaincodeTransaction:
    """What a contract may ask of the ledger within one transaction.

    Contract: reads see the state before the transaction, never its own writes. Writes wait here and go to the peer when
    the contract has returned, in as few messages as the peer allows. Every method that asks the peer raises PeerRefusal
    where the peer refuses, and PeerGone where its stream ended.

    Attributes
    ----------
    transaction_id, timestamp_ms
        The transaction's id and the time the client proposed it, milliseconds since 1970-01-01 UTC; the same on every
        endorsing peer.
    channel
        The channel it is for.
    transient
        What the client sent for the endorsers alone; it does not go onto the ledger.
    event
        The event set so far.
    """

    def __init__(self, proposal: TransactionProposal, limits: PeerLimits, ask: Ask) -> None:
        self.proposal = proposal
        self.transaction_id = proposal.transaction_id
        self.timestamp_ms = proposal.timestamp_ms
        self.channel = proposal.channel
        self.transient = proposal.transient
        self.event: ChaincodeEvent | None = None
        self._limits = limits
        self._send = ask
        self._one_at_a_time = asyncio.Lock()
        self._writes: dict[str, bytes | None] = {}

    @cached_property
    def client(self) -> ClientIdentity:
        """Who sent it."""
        return ClientIdentity.of_creator(self.proposal.creator)

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none."""
        return await self._ask(ChaincodeMessage.GET_STATE, GetState(key=_checked(key))) or None

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of many keys in their order, in as few messages as the peer allows."""
        if self._limits.reads == 1:
            return [await self.get(key) for key in keys]
        values: list[bytes | None] = []
        for first in range(0, len(keys), self._limits.reads):
            chunk = [_checked(key) for key in keys[first : first + self._limits.reads]]
            answer = await self._ask(ChaincodeMessage.GET_STATE_MULTIPLE, GetStateMultiple(keys=chunk))
            values.extend(value or None for value in parse(GetStateMultipleResult, answer).values)
        return values

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all keys that begin with a prefix, with their values, in the order of the keys' UTF-8 bytes."""
        async with aclosing(self.scan(prefix, _after_prefix(prefix))) as entries:
            return [entry async for entry in entries]

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, in their order."""
        found: list[tuple[str, bytes]] = []
        async with aclosing(self.scan(start, end)) as entries:
            async for entry in entries:
                if limit is not None and len(found) == limit:
                    break
                found.append(entry)
        return found

    async def scan(self, start: str, end: str) -> AsyncGenerator[tuple[str, bytes], None]:
        """Yield the keys from ``start`` up to, not including, ``end``, with their values; an empty text means no bound.

        A peer ends every iterator at its ``totalQueryLimit`` without saying so; hence one more look after the last key.
        """
        found = True
        while found:
            found = False
            wanted = GetStateByRange(startKey=start, endKey=end)
            async with aclosing(self._results(ChaincodeMessage.GET_STATE_BY_RANGE, wanted)) as results:
                async for result in results:
                    entry = parse(KV, result)
                    found, start = True, entry.key + "\0"
                    yield entry.key, entry.value

    async def page(self, start: str, end: str, size: int, bookmark: str = "") -> Page:
        """Return at most ``size`` keys of a range; for queries only, as the peer then takes no writes."""
        metadata = QueryMetadata(pageSize=size, bookmark=bookmark).SerializeToString()
        wanted = GetStateByRange(startKey=start, endKey=end, metadata=metadata)
        response = parse(QueryResponse, await self._ask(ChaincodeMessage.GET_STATE_BY_RANGE, wanted))
        entries = [parse(KV, result.resultBytes) for result in response.results]
        following = parse(QueryResponseMetadata, response.metadata).bookmark
        return Page([(entry.key, entry.value) for entry in entries], following)

    async def history(self, key: str) -> list[Modification]:
        """Return a key's committed changes, newest first; for queries only, as no peer checks it for conflicts."""
        wanted = GetHistoryForKey(key=_checked(key))
        async with aclosing(self._results(ChaincodeMessage.GET_HISTORY_FOR_KEY, wanted)) as results:
            return [_modification(parse(KeyModification, result)) async for result in results]

    async def put(self, key: str, value: bytes) -> None:
        """Set a key; value is not empty."""
        if not value:
            raise ValueError(f"the value of {key!r} is empty, which a peer takes for no value")
        self._writes[_checked(key)] = value

    async def delete(self, key: str) -> None:
        """Remove a key, if it is there."""
        self._writes[_checked(key)] = None

    async def set_event(self, name: str, payload: bytes) -> None:
        """Attach the transaction's one event; a second call replaces it."""
        if not name:
            raise ValueError("an event needs a name")
        self.event = ChaincodeEvent(event_name=name, payload=payload)

    async def flush(self) -> None:
        """Send the writes that wait; for the server, when the contract has returned."""
        writes = iter(self._writes.items())
        while chunk := list(islice(writes, self._limits.writes)):
            await self._write(chunk)
        self._writes = {}

    async def _write(self, writes: Sequence[tuple[str, bytes | None]]) -> None:
        if self._limits.writes > 1:
            put, delete = WriteRecord.PUT_STATE, WriteRecord.DEL_STATE
            records = [
                WriteRecord(type=delete if value is None else put, key=key, value=value) for key, value in writes
            ]
            await self._ask(ChaincodeMessage.WRITE_BATCH_STATE, WriteBatchState(rec=records))
            return
        for key, value in writes:
            if value is None:
                await self._ask(ChaincodeMessage.DEL_STATE, DelState(key=key))
            else:
                await self._ask(ChaincodeMessage.PUT_STATE, PutState(key=key, value=value))

    async def _results(self, kind: int, wanted: Message) -> AsyncGenerator[bytes, None]:
        response = parse(QueryResponse, await self._ask(kind, wanted))
        try:
            while True:
                for result in response.results:
                    yield result.resultBytes
                if not response.has_more:
                    return
                more = await self._ask(ChaincodeMessage.QUERY_STATE_NEXT, QueryStateNext(id=response.id))
                response = parse(QueryResponse, more)
        except GeneratorExit:
            if response.has_more:
                await self._ask(ChaincodeMessage.QUERY_STATE_CLOSE, QueryStateClose(id=response.id))
            raise

    async def _ask(self, kind: int, wanted: Message) -> bytes:
        request = ChaincodeMessage(type=kind, payload=wanted.SerializeToString())
        async with self._one_at_a_time:  # a peer drops a second request of a transaction that has one open
            return await self._send(request)


def _checked(key: str) -> str:
    if not key:
        raise ValueError("a key is not empty")
    return key


def _modification(change: Any) -> Modification:
    milliseconds = change.timestamp.seconds * 1000 + change.timestamp.nanos // 1_000_000
    return Modification(change.tx_id, milliseconds, None if change.is_delete else change.value)


def _after_prefix(prefix: str) -> str:
    """Return the first text after all that begin with a prefix, in the order of UTF-8; empty if there is none."""
    kept = prefix.rstrip(chr(_LAST_CODE_POINT))
    if not kept:
        return ""
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def _attributes(certificate: x509.Certificate) -> dict[str, str]:
    try:
        extension = certificate.extensions.get_extension_for_oid(_ATTRIBUTES_OID).value
    except x509.ExtensionNotFound:
        return {}
    assert isinstance(extension, x509.UnrecognizedExtension)  # noqa: S101 - an OID that x509 does not know; for the type checker
    attributes = json.loads(extension.value).get("attrs", {})
    return {str(name): str(value) for name, value in attributes.items()}
