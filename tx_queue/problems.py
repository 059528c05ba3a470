"""The queue's problem answers: status, code, what was wrong and what to do."""

from energy_market_chaincode import (
    BadSignature,
    CommandIdReused,
    GameArchived,
    LedgerDiffers,
    LinesArchived,
    MalformedArguments,
    MalformedCommand,
    MalformedFields,
    Rejection,
    UnknownGame,
    UnknownProsumer,
    UnknownSigner,
)
from http_service import FieldError, Problem
from ledger import LedgerError, LedgerReplaced
from tx_queue.sqlite_file import StoreUnavailable

RETRY_AFTER = {"Retry-After": "1"}

_STATUS_OF_REJECTION = {
    UnknownSigner.code: 401,
    BadSignature.code: 401,
    CommandIdReused.code: 409,
    LedgerDiffers.code: 409,
    MalformedCommand.code: 422,
    UnknownGame.code: 404,
    GameArchived.code: 410,
    LinesArchived.code: 410,
    UnknownProsumer.code: 404,
    MalformedArguments.code: 422,
}


def rejected(rejection: Rejection) -> Problem:
    """Return what the rule book says to a command's form, or to a question, as a problem.

    What cannot be asked for here (the ledger has no operator yet, say) is the ledger not being ready.
    """
    status = _STATUS_OF_REJECTION.get(rejection.code, 503)
    fields = rejection.fields if isinstance(rejection, MalformedFields) else []
    errors = [FieldError(problem.field, problem.message) for problem in fields]
    return Problem(
        status, rejection.code, rejection.message, errors=errors, headers=RETRY_AFTER if status == 503 else None
    )


def ledger_unavailable(error: LedgerError) -> Problem:
    """Return the problem of a ledger that cannot be asked now."""
    return Problem(
        503, "LEDGER_UNAVAILABLE", f"The ledger cannot be asked now: {error}; try again.", headers=RETRY_AFTER
    )


def ledger_replaced(error: LedgerReplaced) -> Problem:
    """Return the problem of a cursor that is, or may be, of a ledger that no longer stands here."""
    return Problem(409, error.code, f"Begin anew, with from=0 or from=now: {error}.")


def store_unavailable(error: StoreUnavailable) -> Problem:
    """Return the problem of a store that cannot write or read now."""
    detail = f"Nothing was taken: {error}; an operator has to look after the queue's disk, then try again."
    return Problem(503, "STORE_UNAVAILABLE", detail, headers=RETRY_AFTER)


def shutting_down() -> Problem:
    """Return the problem of a service that takes nothing more."""
    return Problem(
        503, "SHUTTING_DOWN", "The queue is being stopped; send this again when it is back.", headers=RETRY_AFTER
    )


def queue_full(retry_s: int) -> Problem:
    """Return the problem of a queue at its capacity that will have room for as many again in some seconds."""
    detail = f"The queue is full and did not take the command; send it again in {retry_s} s."
    return Problem(429, "QUEUE_FULL", detail, headers={"Retry-After": str(retry_s)})


def unknown_command(command_id: str) -> Problem:
    """Return the problem of an id that no command has."""
    detail = f"The queue has no command {command_id}; with ?prosumer= it asks the ledger, too."
    return Problem(404, "UNKNOWN_COMMAND", detail)
