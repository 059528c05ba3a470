"""How a ledger speaks with the contract it hosts: what goes into ``submit`` and what comes out of a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from energy_market_chaincode.canonical import read_exact_json, read_json
from energy_market_chaincode.stub import Stub
from ledger.interface import Transaction, TransactionFailed

SUBMIT = "submit"
INIT = "init"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of the contract's functions: by which transaction, when, with what."""

    id: str
    at_ms: int
    function: str
    arguments: tuple[str, ...]


class Contract(Protocol):
    """The contract's entry, :func:`energy_market_chaincode.contract.invoke`."""

    async def __call__(self, stub: Stub, function: str, args: Sequence[str], /) -> bytes:
        """Run a function; raises :class:`~energy_market_chaincode.errors.Rejection` for the whole transaction."""


def submit_argument(commands: Sequence[str]) -> str:
    """Join the JSON texts of commands, each as its sender wrote it, to the one argument of ``submit``.

    Raises
    ------
    TransactionFailed
        If one of them is not one JSON text: it would break its neighbours or smuggle in further commands.
    """
    for position, command in enumerate(commands):
        try:
            read_json(command)
            read_exact_json(command)  # as every later reader of the block will; an exponent may be beyond a Decimal
        except (ValueError, ArithmeticError) as error:
            raise TransactionFailed(f"command {position} of the transaction is no JSON: {error!r}") from None
    return f"[{','.join(commands)}]"


def read_results(answer: bytes | str, commands: int) -> list[dict[str, Any]]:
    """Read what ``submit`` answered to so many commands; raises TransactionFailed if it is not one result for each."""
    results = read_exact_json(answer)
    if not isinstance(results, list) or len(results) != commands:
        raise TransactionFailed(f"the contract did not answer {commands} commands with {commands} results")
    return results


def read_events(payload: bytes | str) -> list[dict[str, Any]]:
    """Read the payload of a transaction's event; raises TransactionFailed unless it is a list of named events."""
    events = read_exact_json(payload)
    if not isinstance(events, list) or not all(isinstance(event, dict) and "name" in event for event in events):
        raise TransactionFailed("the contract's event is not a list of events, each with its name")
    return events


def read_transaction(call: Call, answer: bytes | str, events: list[dict[str, Any]]) -> Transaction:
    """Make the transaction that readers see; only ``submit`` has commands and results."""
    is_submit = call.function == SUBMIT
    return Transaction(
        id=call.id,
        at_ms=call.at_ms,
        commands=read_exact_json(call.arguments[0]) if is_submit else [],
        results=read_exact_json(answer) if is_submit else [],
        events=events,
    )
