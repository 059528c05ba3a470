"""The market's contract on Fabric: as chaincode servers host it, and as the gateway's client hears it.

A rejection travels as the message of a chaincode's answer; both ends are ours.
"""

import json
from collections.abc import Iterator, Sequence

from energy_market_chaincode import Rejection, invoke
from ledger.fabric.chaincode_server import ChaincodeTransaction, ContractFailure

_STATUS = 400


async def market_contract(transaction: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    """Host the market's contract: a rejection becomes a failure with the rejection as JSON."""
    try:
        return await invoke(transaction, function, args)
    except Rejection as rejection:
        raise ContractFailure(rejection_text(rejection), status=_STATUS) from None


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
