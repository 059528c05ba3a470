"""A buyer that uses nothing of this project: it signs with ``cryptography`` and speaks HTTP with ``httpx``.

    python examples/plain_client.py key P200.pem             # makes a key, prints the public one for the operator
    energy-market prosumers add P200 --public-key "$PUBLIC_KEY" --balance 100
    python examples/plain_client.py play P200.pem P200 12    # plays one game for 12 kWh

Its strategy is simple: all there is from the nearest seller, then from the next one, the rest from the grid; afterwards
it passes.
"""

import base64
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

QUEUE = os.environ.get("ENERGY_MARKET_QUEUE_URL", "http://127.0.0.1:8080")
ATTEMPTS = 5
AGAIN = {429, 503}
"""Answers that say: later."""
GONE = {404, 410}
"""Answers that say: removed, archived."""
PAGE = 1000
"""So many items of a list are in one answer at most."""


def make_key(file: Path) -> str:
    """Make a key that only its owner can read; return the public key as the operator enters it."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def load_key(file: Path) -> Ed25519PrivateKey:
    """Load such a key."""
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit(f"{file} holds a key of another kind than Ed25519")
    return key


def canonical(value: Any) -> bytes:
    """Canonical JSON (RFC 8785) of values whose names are ASCII and whose numbers are integers or strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def ask(http: httpx.Client, method: str, address: str, **said: Any) -> httpx.Response:
    """Ask the queue, and again where no answer comes or one that says: later. A command counts once under its id."""
    for attempt in range(ATTEMPTS):
        try:
            answer = http.request(method, address, timeout=40, **said)
        except httpx.TransportError as error:
            problem = str(error)
        else:
            if answer.status_code not in AGAIN:
                return answer
            problem = answer.text
        time.sleep(2**attempt)
    raise SystemExit(f"no answer from {QUEUE}: {problem}")


def read(http: httpx.Client, address: str, **parameters: Any) -> Any:
    """Read JSON, decimals exactly."""
    answer = ask(http, "GET", address, params=parameters or None).raise_for_status()
    return json.loads(answer.text, parse_float=Decimal)


class Speaker:
    """Who gives commands to a market."""

    def __init__(self, http: httpx.Client, key: Ed25519PrivateKey, prosumer: str) -> None:
        self._http = http
        self._key = key
        self._prosumer = prosumer
        self._ledger = read(http, "/market")["ledger"]

    def say(self, topic: str, data: dict[str, Any]) -> dict[str, Any]:
        """Give a command and return what became of it; ends the program if it was refused or rejected."""
        payload = {"prosumer": self._prosumer, "ledger": self._ledger, "data": data}
        command: dict[str, Any] = {"id": str(uuid.uuid4()), "topic": topic, "payload": payload}
        command["signature"] = base64.b64encode(self._key.sign(canonical(command))).decode()
        json_type = {"Content-Type": "application/json"}
        receipt = ask(self._http, "POST", "/queue", content=canonical(command), headers=json_type)
        if not receipt.is_success:
            raise SystemExit(receipt.text)
        while True:
            status = read(self._http, f"{receipt.json()['href']}&wait=30")
            if status["status"] == "committed":
                return dict(status["result"])
            if status["status"] == "rejected":
                raise SystemExit(f"{topic}: {status['error']['code']}: {status['error']['message']}")


def events(http: httpx.Client, cursor: str) -> Iterator[dict[str, Any]]:
    """Yield the market's events after a cursor; where the stream breaks, go on after the last one seen."""
    while True:
        try:
            with http.stream("GET", "/events", params={"from": cursor}, timeout=60) as stream:
                if stream.status_code not in AGAIN:
                    for line in stream.raise_for_status().iter_lines():
                        if line.startswith("data: "):
                            event = json.loads(line.removeprefix("data: "), parse_float=Decimal)
                            cursor = event["cursor"]
                            yield event
        except httpx.TransportError:
            pass
        time.sleep(1)


def takes_registrations(http: httpx.Client, game: str) -> bool:
    """Tell whether a game takes registrations: the stream begins with those that are long over."""
    answer = ask(http, "GET", f"/games/{game}", params={"brief": "true"})
    return answer.status_code not in GONE and answer.raise_for_status().json()["phase"] == "registration"


def items(http: httpx.Client, address: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a list, which is read in pages: the one that is not full is the last."""
    nr_read = 0
    while nr_read % PAGE == 0:
        page = read(http, address, **{"from": nr_read, "limit": PAGE})[name]
        if not page:
            return
        yield from page
        nr_read += len(page)


def nearest_first(turn: dict[str, Any]) -> dict[str, str] | None:
    """Return a bid {seller: kWh} for what there is, at most the demand; None for nothing. The grid gives the rest."""
    missing = Decimal(turn["demand"])
    amounts = {}
    for seller in sorted(turn["sellers"], key=lambda seller: (seller["hops"], seller["price"])):
        taken = min(missing, Decimal(seller["capacity"]) - Decimal(seller["othersLoad"]))
        if taken > 0:
            amounts[seller["seller"]] = f"{taken:f}"
            missing -= taken
    return amounts or None


def take_turn(speaker: Speaker, turn: dict[str, Any]) -> None:
    """Bid once, then pass."""
    this = {"game": turn["game"], "round": turn["round"]}
    bid = None if turn["standingBid"] else nearest_first(turn)
    speaker.say("publishBuyBid", this | ({"keepPlaying": False} if bid is None else {"bidAmounts": bid}))
    print("passed" if bid is None else f"bid {bid}", flush=True)


def report(speaker: Speaker, http: httpx.Client, prosumer: str, game: str, demand: str) -> None:
    """Say what the meter counted: here, all that was asked for, from the neighbours and the rest from the grid."""
    contracted = items(http, f"/games/{game}/transfers", "transfers")
    bought = sum((Decimal(t["energy"]) for t in contracted if t["buyer"] == prosumer), Decimal(0))
    reading = {"game": game, "sequence": time.time_ns() // 1000, "inEnergy": demand, "outEnergy": "0"}
    speaker.say("publishMeterReading", reading)
    print(f"took {demand} kWh, {Decimal(demand) - bought:f} of them from the grid", flush=True)


def play(http: httpx.Client, key: Ed25519PrivateKey, prosumer: str, demand: str) -> None:
    """Ask for energy in the first game that takes registrations, and play it to its end."""
    speaker = Speaker(http, key, prosumer)
    game = None
    for event in events(http, "0"):
        name = event["name"]
        if game is None and name == "GameInitEvent":
            if takes_registrations(http, event["game"]):
                game = event["game"]
                speaker.say("publishDemand", {"game": game, "amount": demand})
                print(f"asked for {demand} kWh in {game}", flush=True)
        elif event["game"] != game:
            continue
        elif name == "BuyBidEvent" and event["buyerInTurn"] == prosumer:
            take_turn(speaker, event)
        elif name == "GameStopEvent":
            report(speaker, http, prosumer, event["game"], demand)
        elif name == "MarketClosedEvent":
            print("settled", flush=True)
            return


def main(arguments: list[str]) -> None:
    """Read the command line."""
    match arguments:
        case ["key", file]:
            print(make_key(Path(file)))
        case ["play", file, prosumer, demand]:
            with httpx.Client(base_url=QUEUE) as http:
                play(http, load_key(Path(file)), prosumer, demand)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
