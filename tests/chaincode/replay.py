"""Run recorded transactions again and print every write and event in the order in which the contract made them.

Usage: replay.py FILE, a JSON array of [timestamp, function, arguments]. A program of its own, so that each run has a
hash seed of its own.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from energy_market_chaincode.contract import invoke


class RecordingStub:
    """One transaction over a dictionary that prints what the contract asks of it."""

    def __init__(self, committed: dict[str, bytes], number: int, timestamp_ms: int) -> None:
        self.committed = committed
        self.transaction_id = f"tx{number}"
        self.timestamp_ms = timestamp_ms
        self.writes: dict[str, bytes | None] = {}

    async def get(self, key: str) -> bytes | None:
        print("get", key)
        return self.committed.get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        print("get_many", *keys)
        return [self.committed.get(key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        print("range", prefix)
        return sorted((key, value) for key, value in self.committed.items() if key.startswith(prefix))

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        print("between", start, end, limit)
        return sorted(item for item in self.committed.items() if start <= item[0] < end)[:limit]

    async def put(self, key: str, value: bytes) -> None:
        print("put", key, value)
        self.writes[key] = value

    async def delete(self, key: str) -> None:
        print("delete", key)
        self.writes[key] = None

    async def set_event(self, name: str, payload: bytes) -> None:
        print("event", name, payload)


async def main(recording: str) -> None:
    state: dict[str, bytes] = {}
    for number, (timestamp_ms, function, args) in enumerate(json.loads(recording)):
        stub = RecordingStub(state, number, timestamp_ms)
        print("answer", await invoke(stub, function, args))
        for key, value in stub.writes.items():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text()))
