"""The stub: one transaction's view of the ledger, as its peer simulates it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from fabric_protos.ledger.queryresult.kv_query_result_pb2 import KV, KeyModification
from fabric_protos.peer.chaincode_event_pb2 import ChaincodeEvent
from fabric_protos.peer.chaincode_shim_pb2 import GetStateMultipleResult, QueryResponse, QueryResponseMetadata

from ledger.fabric.chaincode_server import wire
from ledger.fabric.chaincode_server.proposal import ClientIdentity, TransactionProposal
from ledger.fabric.chaincode_server.wire import PeerLimits, Request, parse

Ask = Callable[[Request], Awaitable[bytes]]
"""Sends a request of the transaction to its peer and returns the answer's payload."""

_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


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
    """

    def __init__(self, proposal: TransactionProposal, limits: PeerLimits, ask: Ask) -> None:
        self.proposal = proposal
        self._limits = limits
        self._send = ask
        self._one_at_a_time = asyncio.Lock()
        self._writes: dict[str, bytes | None] = {}
        self._event: ChaincodeEvent | None = None

    @property
    def transaction_id(self) -> str:
        """The transaction's id, the same on every endorsing peer."""
        return self.proposal.transaction_id

    @property
    def timestamp_ms(self) -> int:
        """The time the client proposed it, milliseconds since 1970-01-01 UTC, the same on every endorsing peer."""
        return self.proposal.timestamp_ms

    @property
    def channel(self) -> str:
        """The channel it is for."""
        return self.proposal.channel

    @property
    def transient(self) -> dict[str, bytes]:
        """What the client sent for the endorsers alone; it does not go onto the ledger."""
        return self.proposal.transient

    @cached_property
    def client(self) -> ClientIdentity:
        """Who sent it."""
        return ClientIdentity.of_creator(self.proposal.creator)

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none."""
        return await self._ask(wire.get(_checked(key))) or None

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of many keys in their order, in as few messages as the peer allows."""
        if self._limits.reads == 1:
            return [await self.get(key) for key in keys]
        values: list[bytes | None] = []
        for first in range(0, len(keys), self._limits.reads):
            chunk = [_checked(key) for key in keys[first : first + self._limits.reads]]
            result = parse(GetStateMultipleResult, await self._ask(wire.get_multiple(chunk)))
            values.extend(value or None for value in result.values)
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
            async with aclosing(self._results(wire.scan(start, end))) as results:
                async for result in results:
                    entry = parse(KV, result)
                    found, start = True, entry.key + "\0"
                    yield entry.key, entry.value

    async def page(self, start: str, end: str, size: int, bookmark: str = "") -> Page:
        """Return at most ``size`` keys of a range; for queries only, as the peer then takes no writes."""
        response = parse(QueryResponse, await self._ask(wire.page(start, end, size, bookmark)))
        entries = [parse(KV, result.resultBytes) for result in response.results]
        metadata = parse(QueryResponseMetadata, response.metadata)
        return Page([(entry.key, entry.value) for entry in entries], metadata.bookmark)

    async def history(self, key: str) -> list[Modification]:
        """Return a key's committed changes, newest first; for queries only, as no peer checks it for conflicts."""
        async with aclosing(self._results(wire.history(_checked(key)))) as results:
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
        self._event = ChaincodeEvent(event_name=name, payload=payload)

    @property
    def event(self) -> ChaincodeEvent | None:
        """The event set so far."""
        return self._event

    async def flush(self) -> None:
        """Send the writes that wait; for the server, when the contract has returned."""
        writes = iter(self._writes.items())
        while chunk := list(islice(writes, self._limits.writes)):
            await self._ask(wire.write(*chunk[0]) if self._limits.writes == 1 else wire.write_batch(chunk))
        self._writes = {}

    async def _results(self, opening: Request) -> AsyncGenerator[bytes, None]:
        response = parse(QueryResponse, await self._ask(opening))
        try:
            while True:
                for result in response.results:
                    yield result.resultBytes
                if not response.has_more:
                    return
                response = parse(QueryResponse, await self._ask(wire.next_results(response.id)))
        except GeneratorExit:
            if response.has_more:
                await self._ask(wire.close_iterator(response.id))
            raise

    async def _ask(self, request: Request) -> bytes:
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
