"""How a ledger speaks with the contract it hosts: what goes into ``submit`` and what comes out of a transaction."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from energy_market_chaincode import Stub, read_exact_json
from ledger.interface import Transaction, TransactionFailed

SUBMIT = "submit"
INIT = "init"

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


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


def read_results(answer: bytes | str, commands: int) -> list[dict[str, Any]]:
    """Read what ``submit`` answered to so many commands; raises TransactionFailed if it is not one result for each."""
    results = read_exact_json(answer)
    if not isinstance(results, list) or len(results) != commands:
        raise TransactionFailed(f"the contract did not answer {commands} commands with {commands} results")
    return results


def split_events(payload: bytes) -> tuple[str, ...]:
    """Return the text of each event in the payload of a transaction's event, as the contract wrote it.

    Raises
    ------
    TransactionFailed
        Unless it is a JSON array of objects, each with its name.
    """
    try:
        text = payload.decode().strip()
        if (text[:1], text[-1:]) != ("[", "]"):
            raise ValueError("it is no array")
        return tuple(_elements(text[1:-1]))
    except ValueError as error:
        raise TransactionFailed(f"the contract's event is not a list of events, each with its name: {error}") from None


def _elements(text: str) -> Iterator[str]:
    """Yield the texts of the objects between an array's brackets."""
    place = _end_of_space(text, 0)
    while place < len(text):
        event, end = _DECODER.raw_decode(text, place)
        if not isinstance(event, dict) or not isinstance(event.get("name"), str):
            raise ValueError(f"{text[place:end][:80]} has no name")
        yield text[place:end]
        place = _end_of_space(text, end)
        if place == len(text):
            return
        if text[place] != ",":
            raise ValueError(f"{text[place]!r} stands between two events")
        place = _end_of_space(text, place + 1)
    if text.strip():
        raise ValueError("it ends with a comma")


def _end_of_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match is not None else start


def read_transaction(call: Call, answer: bytes | str, events: Sequence[str]) -> Transaction:
    """Make the transaction that readers see; only ``submit`` has commands and results."""
    is_submit = call.function == SUBMIT
    return Transaction(
        id=call.id,
        at_ms=call.at_ms,
        commands=_commands(call.arguments) if is_submit else [],
        results=read_exact_json(answer) if is_submit else [],
        events=[read_exact_json(event) for event in events],
    )


def _commands(texts: Sequence[str]) -> list[Any]:
    """Read the commands of a ``submit``; older blocks have them as one array."""
    commands = [read_exact_json(text) for text in texts]
    return commands[0] if len(commands) == 1 and isinstance(commands[0], list) else commands
