"""POST /queue and what became of what was posted."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from energy_market_chaincode import Command, Identifier, Status, read_exact_json, views
from http_service import FieldError, Problem, exact_response, invalid_parameters, problem_document, read_json_body
from ledger import Ledger, LedgerUnavailable
from tx_queue import schemas
from tx_queue.intake import Answer
from tx_queue.node import Node, QueueNode
from tx_queue.problems import shutting_down, unknown_command
from tx_queue.schemas import MAX_COMMANDS
from tx_queue.store import Entry, QueueStore

MAX_WAIT_SECONDS = 60

router = APIRouter(tags=["queue"])

Wait = Annotated[
    float, Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the decision, if there is none yet.")
]
Signer = Annotated[
    Identifier | None,
    Query(description="Who signed it: needed where several used the same id, or to ask the ledger, too."),
]


@router.post(
    "/queue",
    status_code=202,
    openapi_extra=schemas.COMMAND_BODY,
    responses={
        200: {"description": "One command, decided while `wait` lasted.", "model": views.CommandStatus},
        202: {
            "description": "All were taken, now or before.",
            "model": views.Receipt | list[views.Receipt],
            "headers": {"Location": {"description": "Of one command: its href.", "schema": {"type": "string"}}},
        },
        207: {"description": "Not all were taken.", "model": list[views.Receipt | views.ProblemDocument]},
    },
)
async def post_commands(request: Request, node: Node, wait: Wait = 0) -> Response:
    """Take one signed command or an array of at most 1,000; what is taken is stored durably before the answer.

    With ``wait`` the answer to one command is its status as soon as it is decided; an array is answered at once.
    """
    if request.app.state.stopping.is_set():
        raise shutting_down()
    body = await read_json_body(request)
    if isinstance(body, list):
        return await _post_many(node, body)
    # Who waits is promised nothing before the ledger has it, which is a write to the disk less.
    (answer,) = await node.intake.take([body], is_promised=wait == 0)
    if isinstance(answer, Problem):
        raise answer
    receipt = _receipt(answer)
    if wait > 0:
        entry = await _decided(node.store, answer.id, answer.prosumer, wait)
        if entry is not None and entry.status.is_final:
            return exact_response(_status(entry), 200, {"Location": receipt.href})
        await node.store.promise()
    return exact_response(receipt, 202, {"Location": receipt.href})


@router.get("/queue", responses={200: {"model": views.QueueState}})
async def queue_state(request: Request, node: Node) -> Response:
    """Return how much waits, since when, and what stands in the way."""
    backlog = node.store.backlog()
    return exact_response(
        views.QueueState(
            depth=backlog.depth,
            capacity=node.settings.queue_capacity,
            oldest_age_ms=backlog.oldest_age_ms,
            ledger_height=await _height(node.ledger),
            trouble=await request.app.state.ready(),
        )
    )


@router.get("/queue/{id}", responses={200: {"model": views.CommandStatus}})
async def command_status(
    node: Node,
    command_id: Annotated[UUID, Path(alias="id", description="A command's id.")],
    wait: Wait = 0,
    prosumer: Signer = None,
) -> Response:
    """Return how far a command came; with ``wait`` the answer comes as soon as it is decided."""
    name = str(command_id)
    entry = await _decided(node.store, name, prosumer, wait)
    if entry is not None:
        return exact_response(_status(entry))
    if prosumer is None:
        raise unknown_command(name)
    return exact_response(await _remembered(node.ledger, prosumer, name))


async def _post_many(node: QueueNode, values: list[Any]) -> Response:
    if not 0 < len(values) <= MAX_COMMANDS:
        message = f"an array has 1 to {MAX_COMMANDS} commands, this one {len(values)}"
        advice = "Post less at once" if values else "Post something"
        raise Problem(422, "MALFORMED_COMMAND", f"{advice}: {message}.", errors=[FieldError("commands", message)])
    answers = await node.intake.take(values)
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    pauses = [int(problem.headers["Retry-After"]) for problem in problems if "Retry-After" in problem.headers]
    headers = {"Retry-After": str(max(pauses))} if pauses else None
    return exact_response([_element(answer) for answer in answers], 207 if problems else 202, headers)


def _element(answer: Answer) -> dict[str, Any] | views.Receipt:
    return problem_document(answer) if isinstance(answer, Problem) else _receipt(answer)


def _receipt(command: Command) -> views.Receipt:
    # with the signer, so that it still leads here when somebody else uses the same id
    href = f"/queue/{command.id}?prosumer={quote(command.prosumer, safe='')}"
    return views.Receipt(id=command.id, href=href)


async def _decided(store: QueueStore, command_id: str, prosumer: str | None, wait_s: float) -> Entry | None:
    """Return a command, once it is decided or after some time; None if the store does not have it."""
    with store.watch(command_id) as settled:
        entry = await _find(store, command_id, prosumer)
        if entry is None or entry.status.is_final or wait_s == 0:
            return entry
        await _wait(settled, wait_s)
    return await _find(store, command_id, prosumer)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _find(store: QueueStore, command_id: str, prosumer: str | None) -> Entry | None:
    entries = await store.find(command_id, prosumer)
    if len(entries) > 1:
        raise invalid_parameters([FieldError("prosumer", "is needed: several prosumers used this command id")])
    return entries[0] if entries else None


async def _remembered(ledger: Ledger, prosumer: str, command_id: str) -> views.CommandStatus:
    """Ask the ledger for a command that the store does not have, or no longer."""
    result = read_exact_json(await ledger.query("command", prosumer, command_id))
    if result is None:
        raise unknown_command(command_id)
    is_committed = result["status"] == Status.COMMITTED
    return views.CommandStatus(
        id=command_id,
        topic=None,
        prosumer=prosumer,
        status=result["status"],
        transaction=None,
        block=None,
        result=result["result"] if is_committed else None,
        error=None if is_committed else views.CommandError(code=result["code"], message=result["message"]),
    )


def _status(entry: Entry) -> views.CommandStatus:
    error = None
    if entry.code is not None and entry.message is not None:
        error = views.CommandError(code=entry.code, message=entry.message)
    return views.CommandStatus(
        id=entry.id,
        topic=entry.topic,
        prosumer=entry.prosumer,
        status=entry.status,
        transaction=entry.transaction,
        block=entry.block,
        result=read_exact_json(entry.result) if entry.result is not None else None,
        error=error,
    )


async def _height(ledger: Ledger) -> int | None:
    try:
        return await ledger.height()
    except LedgerUnavailable:
        return None
