"""A process whose files may not grow beyond a limit: what a ledger does on a full disk and when there is space again.

Argument: the ledger's file. Standard output: one JSON object of what happened.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from energy_market_chaincode import Stub
from ledger import LedgerUnavailable
from ledger.embedded import EmbeddedLedger


async def keep(stub: Stub, function: str, args: Sequence[str], /) -> bytes:
    """Keep each command under its id."""
    orders = [json.loads(arg) for arg in args] if function == "submit" else []
    for order in orders:
        await stub.put(order["id"], b"x" * order["bytes"])
    return json.dumps(orders).encode()


def limit_files_to(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


async def main(path: Path) -> None:
    ledger = await EmbeddedLedger.open(path, "operator", "key", contract=keep)
    await ledger.submit(['{"id": "before", "bytes": 100}'])
    limit_files_to(path.with_name(f"{path.name}-wal").stat().st_size + 20_000)
    refused = []
    for number in range(3):
        try:
            await ledger.submit([json.dumps({"id": f"refused{number}", "bytes": 100_000})])
        except LedgerUnavailable as error:
            refused.append(str(error))
    height = await ledger.height()
    limit_files_to(resource.RLIM_INFINITY)
    await ledger.submit(['{"id": "after", "bytes": 100000}'])
    print(json.dumps({"refused": refused, "height": height}))
    await ledger.close()


asyncio.run(main(Path(sys.argv[1])))
