"""A contract that lets a test call every method of the stub on a real peer; what it does not know, the market does.

The chaincode server's process imports it by CHAINCODE_CONTRACT.
"""

import base64
import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ledger.fabric import chaincode_server
from ledger.fabric.chaincode_server import Chaincode, ChaincodeTransaction, ContractFailure
from ledger.fabric.contract import market_contract
from tests.fabric.examples import example_of

Function = Callable[..., Awaitable[Any]]
_FUNCTIONS: dict[str, Function] = {}
_calls: Counter[str] = Counter()
_EXAMPLE: Chaincode = example_of(chaincode_server, "chaincode")


async def invoke(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    """Run a function of this file and answer in JSON."""
    if function in ("set", "get"):
        return await _EXAMPLE(stub, function, args)
    if function not in _FUNCTIONS:
        return await market_contract(stub, function, args)
    return json.dumps(await _FUNCTIONS[function](stub, *args), sort_keys=True).encode()


def _named(function: Function) -> Function:
    _FUNCTIONS["conformance." + function.__name__] = function
    return function


@_named
async def put(stub: ChaincodeTransaction, *pairs: str) -> None:
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        await stub.put(key, value.encode())


@_named
async def put_numbered(stub: ChaincodeTransaction, prefix: str, first: str, last: str) -> None:
    for number in range(int(first), int(last)):
        await stub.put(f"{prefix}{number:06}", str(number).encode())


@_named
async def get_many(stub: ChaincodeTransaction, *keys: str) -> list[str | None]:
    return [None if value is None else value.decode() for value in await stub.get_many(keys)]


@_named
async def get_numbered(stub: ChaincodeTransaction, prefix: str, first: str, last: str) -> int:
    keys = [f"{prefix}{number:06}" for number in range(int(first), int(last))]
    return sum(int(value) for value in await stub.get_many(keys) if value is not None)


@_named
async def delete(stub: ChaincodeTransaction, *keys: str) -> None:
    for key in keys:
        await stub.delete(key)


@_named
async def range_of(stub: ChaincodeTransaction, prefix: str) -> list[tuple[str, str]]:
    return [(key, value.decode()) for key, value in await stub.range(prefix)]


@_named
async def count(stub: ChaincodeTransaction, prefix: str) -> int:
    return len(await stub.range(prefix))


@_named
async def first_then_get(stub: ChaincodeTransaction, prefix: str) -> list[str]:
    """Leave a range after its first key, then use the stub on."""
    entries = stub.scan(prefix, "")
    key, _ = await anext(entries)
    await entries.aclose()
    return [key, (await stub.get(key) or b"").decode()]


@_named
async def page(stub: ChaincodeTransaction, start: str, end: str, size: str, bookmark: str) -> Any:
    found = await stub.page(start, end, int(size), bookmark)
    return {"keys": [key for key, _ in found.entries], "bookmark": found.bookmark}


@_named
async def history(stub: ChaincodeTransaction, key: str) -> list[Any]:
    changes = await stub.history(key)
    return [[change.transaction_id, change.value and change.value.decode()] for change in changes]


@_named
async def own_write(stub: ChaincodeTransaction, key: str, value: str) -> str:
    """Return what a transaction sees of a key after it wrote it."""
    await stub.put(key, value.encode())
    return (await stub.get(key) or b"nothing").decode()


@_named
async def increment(stub: ChaincodeTransaction, key: str) -> int:
    number = int(await stub.get(key) or b"0") + 1
    await stub.put(key, str(number).encode())
    return number


@_named
async def announce(stub: ChaincodeTransaction, name: str, payload: str) -> None:
    await stub.set_event(name, payload.encode())
    await stub.put("announced", payload.encode())


@_named
async def who(stub: ChaincodeTransaction) -> dict[str, Any]:
    return {
        "msp": stub.client.msp_id,
        "subject": stub.client.certificate.subject.rfc4514_string(),
        "attributes": stub.client.attributes,
        "channel": stub.channel,
        "transaction": stub.transaction_id,
        "at": stub.timestamp_ms,
    }


@_named
async def transient(stub: ChaincodeTransaction) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in stub.transient.items()}


@_named
async def fail(stub: ChaincodeTransaction, status: str, message: str) -> None:
    await stub.put("failed", b"yes")
    raise ContractFailure(message, status=int(status))


@_named
async def defect(stub: ChaincodeTransaction, secret: str) -> None:
    raise RuntimeError(secret)


@_named
async def refused_by_the_peer(stub: ChaincodeTransaction) -> None:
    """A peer refuses writes after a page."""
    await stub.page("", "", 1)
    await stub.put("never", b"written")


@_named
async def compute(stub: ChaincodeTransaction, seconds: str) -> str:
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        pass
    return "computed"


@_named
async def process(stub: ChaincodeTransaction) -> int:
    """Answer differently in every process."""
    await stub.put("process", b"any")
    return os.getpid()


@_named
async def process_at_first(stub: ChaincodeTransaction, occasion: str) -> int:
    """Answer differently in every process the first time it is asked, and alike from then on."""
    _calls[occasion] += 1
    await stub.put("process", b"any")
    return os.getpid() if _calls[occasion] == 1 else 0
