"""The market's contract on Fabric: as chaincode servers host it, and as the gateway's client hears it.

A rejection travels as the message of a chaincode's answer; both ends are ours.
"""

import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from energy_market_chaincode import Rejection, Sender, invoke
from ledger.contract import INIT
from ledger.fabric.chaincode_server import ChaincodeTransaction, ContractFailure

FOUNDERS_VARIABLE = "CHAINCODE_FOUNDERS"
"""Names the founders' MSP ids in the environment, with commas in between."""

_STATUS = 400


async def market_contract(transaction: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    """Host the market's contract: a rejection becomes a failure with the rejection as JSON."""
    try:
        sender = _sender(transaction) if function == INIT else None
        return await invoke(transaction, function, args, sender)
    except Rejection as rejection:
        raise ContractFailure(rejection_text(rejection), status=_STATUS) from None


@cache
def contract_code_hash() -> str:
    """Hash the contract's code: every module of the rule book, and this one. Libraries are left out."""
    rule_book = Path(inspect.getfile(invoke)).parent
    modules = {file.relative_to(rule_book).as_posix(): file.read_bytes() for file in rule_book.rglob("*.py")}
    modules["/hosted"] = Path(__file__).read_bytes()
    hashed = hashlib.sha256()
    for name, content in sorted(modules.items()):
        hashed.update(f"{name}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()


def _sender(transaction: ChaincodeTransaction) -> Sender:
    """Return who sent a transaction; whom the approved package names, our process was told when it was started."""
    named = os.environ.get(FOUNDERS_VARIABLE, "")
    client = transaction.client
    return Sender(client.msp_id, client.is_administrator, frozenset(filter(None, named.split(","))))


def rejection_text(rejection: Rejection) -> str:
    """Write a rejection as the message of a chaincode's answer."""
    return json.dumps({"code": rejection.code, "message": rejection.message}, sort_keys=True)


def read_rejection(message: str) -> Rejection | None:
    """Read a rejection back, of its own class; None if the message is none."""
    try:
        written = json.loads(message)
        code, sentence = written["code"], written["message"]
    except (ValueError, TypeError, KeyError):
        return None
    for kind in _kinds(Rejection):
        if kind.code == code:
            rejection = kind.__new__(kind)
            Exception.__init__(rejection, sentence)
            rejection.details = {}
            return rejection
    return None


def _kinds(kind: type[Rejection]) -> Iterator[type[Rejection]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)
