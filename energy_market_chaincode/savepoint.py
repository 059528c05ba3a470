"""A transaction's working copy of the state, with a savepoint for each command.

Fabric shows a transaction only the state before it; here it sees its own writes, and a rejected command's
writes are forgotten. What is left is written out once, in the order of the keys.
"""

from collections.abc import Callable, Iterable, Sequence

from energy_market_chaincode.stub import Stub

_Writes = dict[str, bytes | None]


class Workspace:
    """Reads through to the stub, keeps writes until :meth:`flush`."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._read: dict[str, bytes | None] = {}
        self._kept: _Writes = {}
        self._command: _Writes = {}

    async def prefetch(self, keys: Iterable[str]) -> None:
        """Read keys that will be needed, in one exchange with the ledger."""
        missing = sorted({key for key in keys if key not in self._read})
        if missing:
            self._read.update(zip(missing, await self._stub.get_many(missing), strict=True))

    async def get(self, key: str) -> bytes | None:
        """Return a key's value as this transaction sees it."""
        for writes in (self._command, self._kept):
            if key in writes:
                return writes[key]
        if key not in self._read:
            self._read[key] = await self._stub.get(key)
        return self._read[key]

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of keys in their order."""
        await self.prefetch(key for key in keys if key not in self._command and key not in self._kept)
        return [await self.get(key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all keys that begin with a prefix, with their values, in the order of the keys."""
        return self._with_writes(await self._stub.range(prefix), lambda key: key.startswith(prefix))

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, in their order."""
        removed = sum(value is None for writes in (self._kept, self._command) for value in writes.values())
        found = await self._stub.between(start, end, None if limit is None else limit + removed)
        return self._with_writes(found, lambda key: start <= key < end)[:limit]

    def _with_writes(
        self, stored: Iterable[tuple[str, bytes]], is_within: Callable[[str], bool]
    ) -> list[tuple[str, bytes]]:
        found: _Writes = dict(stored)
        for writes in (self._kept, self._command):
            found.update({key: value for key, value in writes.items() if is_within(key)})
        return sorted((key, value) for key, value in found.items() if value is not None)

    def put(self, key: str, value: bytes) -> None:
        """Set a key."""
        self._command[key] = value

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._command[key] = None

    def keep(self) -> None:
        """Keep what was written since the last savepoint and set a new one."""
        self._kept.update(self._command)
        self._command = {}

    def forget(self) -> None:
        """Go back to the last savepoint."""
        self._command = {}

    async def flush(self) -> None:
        """Write what was kept to the ledger."""
        for key, value in sorted(self._kept.items(), key=lambda write: write[0]):
            if value is None:
                await self._stub.delete(key)
            else:
                await self._stub.put(key, value)
        self._kept = {}
