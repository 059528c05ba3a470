"""A process that hosts a ledger and goes on with a game's proof and stop, part by part, until it is killed.

Arguments: the ledger's file, the private bytes of everybody's key in hexadecimal, the game. After each acknowledged
part it says how many steps are left, and at the end ``delivery``.
"""

import asyncio
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import read_exact_json, stopping
from energy_market_chaincode.mechanisms import certified
from ledger.embedded import EmbeddedLedger
from prosumer_client.identity import Identity

vars(certified).update(PART_PAIRS=12)
stopping.PART = 3


async def main(path: str, private: str, game: str) -> None:
    ledger = await EmbeddedLedger.open(Path(path), "operator", None)
    operator = Identity("operator", Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)))
    while True:
        shown = read_exact_json(await ledger.query("game", game))
        if shown["phase"] != "playing":
            break
        data = {"game": game}
        for proposal in shown["clearing"]["proposals"]:
            data["poster"] = proposal["poster"]
        command = operator.command("proveClearing" if "poster" in data else "stopGame", data)
        (result,) = (await ledger.submit([command.body.decode()])).results
        print(result["result"]["left"], flush=True)
    print(shown["phase"], flush=True)
    await ledger.close()


asyncio.run(main(*sys.argv[1:]))
