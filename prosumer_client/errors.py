"""What can go wrong between a prosumer and the market, each with a stable code.

============================  =====================================================================================
error                         what to do
============================  =====================================================================================
:class:`CommandRejected`      read the code: a rule of the market speaks against it; the same command stays rejected
:class:`RequestRefused`       correct the request; the same one will be refused again
:class:`MarketUnavailable`    try later: the service did not answer for as long as the client's patience lasts
:class:`OutcomePending`       ask again later: the queue has the command, the ledger has not decided it yet
:class:`AnotherLedger`        see its sentence: nothing that we sign counts on the ledger behind this queue
:class:`UnexpectedAnswer`     check the address: what answered does not speak the market's protocol
:class:`KeyFileError`         see its sentence
:class:`UnusableValue`        correct the id, address or value
============================  =====================================================================================
"""

from collections.abc import Sequence
from typing import Any

from energy_market_chaincode import FieldProblem, LedgerDiffers


class MarketError(Exception):
    """Anything this library raises for a reason that is not its caller's code.

    Attributes
    ----------
    code
        Stable, in capitals; part of the protocol where the market said it.
    message
        A sentence for a person.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class CommandRejected(MarketError):
    """The contract decided against a command, once and for all.

    Attributes
    ----------
    command
        The command's id.
    """

    def __init__(self, code: str, message: str, command: str) -> None:
        self.command = command
        super().__init__(code, message)


class RequestRefused(MarketError):
    """A service refused a request: an RFC 9457 problem that the same request would meet again.

    Attributes
    ----------
    status
        The HTTP status.
    errors
        What is wrong, field by field, where the service says so.
    """

    def __init__(self, status: int, code: str, message: str, errors: Sequence[FieldProblem] = ()) -> None:
        self.status = status
        self.errors = tuple(errors)
        fields = "".join(f"; {e.field}: {e.message}" for e in self.errors if f"{e.field}: {e.message}" not in message)
        super().__init__(code, f"{message}{fields}")

    @classmethod
    def from_problem(cls, status: int, problem: Any) -> "RequestRefused":
        """Read a problem document, or whatever else came with an error status."""
        if not isinstance(problem, dict):
            problem = {}
        named = problem.get("errors")
        fields = [error for error in named if isinstance(error, dict)] if isinstance(named, list) else []
        errors = [FieldProblem(field=str(error.get("field")), message=str(error.get("message"))) for error in fields]
        detail = problem.get("detail") or problem.get("title") or "the service gave no reason"
        return cls(status, str(problem.get("code", f"HTTP_{status}")), str(detail), errors)


class MarketUnavailable(MarketError):
    """A service could not be reached, or could not serve us, for as long as our patience lasted."""

    def __init__(self, message: str, code: str = "MARKET_UNAVAILABLE") -> None:
        super().__init__(code, message)


class OutcomePending(MarketUnavailable):
    """The queue has a command, but the ledger did not decide it for as long as our patience lasted.

    Attributes
    ----------
    command
        The command's id. Sent again under the same id it still counts once.
    """

    def __init__(self, command: str, patience_s: float) -> None:
        self.command = command
        message = (
            f"the queue took command {command}, but the ledger has not decided it after {patience_s:g} s; "
            "ask for its outcome again later"
        )
        super().__init__(message, "OUTCOME_PENDING")


class AnotherLedger(MarketError):
    """The ledger behind the queue is not the one that our commands are for; no command took effect.

    Attributes
    ----------
    ours
        The id of the ledger that we sign for.
    """

    def __init__(self, url: str, ours: str, is_pinned: bool) -> None:
        self.ours = ours
        remedy = "give this program the new ledger's id" if is_pinned else "start this program again"
        message = (
            f"{url} leads to another ledger than {ours}, which our commands are for: the market was begun anew, or "
            f"this is the address of another one; if you trust it, {remedy}"
        )
        super().__init__(LedgerDiffers.code, message)


class UnexpectedAnswer(MarketError):
    """What answered does not speak the market's protocol."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__("UNEXPECTED_ANSWER", f"{url} {problem}; check that it is the address of the service")


class KeyFileError(MarketError):
    """A key file is missing, exposed to others, in the way, or no Ed25519 key."""


class UnusableValue(MarketError, ValueError):
    """What was given can be no id, no address, or nothing that a command can say."""
