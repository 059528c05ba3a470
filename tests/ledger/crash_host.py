"""A process that hosts a ledger and submits until it is killed; it says which commands the ledger acknowledged.

Arguments: the ledger's file, and the operator's 32 private bytes in hexadecimal. Each acknowledged command's id is a
line on standard output.
"""

import asyncio
import json
import sys
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import public_key_text, sign
from ledger.embedded import EmbeddedLedger

SENDERS = 5


def top_up(key: Ed25519PrivateKey) -> tuple[str, str]:
    """Return a new command's id and text."""
    payload = {"prosumer": "operator", "data": {"prosumer": "operator", "amount": "1"}}
    command_id = str(uuid.uuid4())
    unsigned = {"id": command_id, "topic": "topUpAccount", "payload": payload}
    return command_id, json.dumps({**unsigned, "signature": sign(unsigned, key)})


async def send(ledger: EmbeddedLedger, key: Ed25519PrivateKey) -> None:
    while True:
        commands = dict(top_up(key) for _ in range(3))
        await ledger.submit([*commands.values()])
        print(*commands, sep="\n", flush=True)


async def main(path: str, private: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    ledger = await EmbeddedLedger.open(Path(path), "operator", public_key_text(key.public_key()))
    await asyncio.gather(*(send(ledger, key) for _ in range(SENDERS)))


asyncio.run(main(*sys.argv[1:]))
