"""POST /queue and what became of what was posted; the body's schema, and answers that are the rule book's views."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.responses import Response

from energy_market_chaincode import COMMANDS, DECIDED, Command, CommandData, Identifier, Status, read_exact_json, views
from http_service import FieldError, Problem, exact_response, invalid_parameters, problem_document, read_json_body
from ledger import Ledger, LedgerUnavailable
from tx_queue.intake import Answer
from tx_queue.node import Node
from tx_queue.problems import shutting_down, unknown_command
from tx_queue.store import Entry, SqliteStore

MAX_WAIT_SECONDS = 60
MAX_COMMANDS = 1000
"""The most commands in one POST."""

Signature = Annotated[
    str,
    Field(max_length=128, description="Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload."),
]


def _command_of(topic: str, data: type[CommandData]) -> type[BaseModel]:
    """Make the shape of a topic's commands."""
    payload = create_model(
        f"{data.__name__}Payload", prosumer=(Identifier, ...), ledger=(Identifier | None, None), data=(data, ...)
    )
    fields: dict[str, Any] = {
        "id": (UUID | None, None),
        "topic": (Annotated[str, Field(json_schema_extra={"const": topic})], ...),
        "payload": (payload, ...),
        "signature": (Signature, ...),
    }
    return create_model(_name_of(data), __doc__=data.__doc__, **fields)


def _name_of(data: type[CommandData]) -> str:
    return f"{data.__name__}Command"


_COMMAND = {"anyOf": [{"$ref": f"#/components/schemas/{_name_of(data)}"} for data in COMMANDS.values()]}

COMMAND_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        *_COMMAND["anyOf"],
                        {"type": "array", "items": _COMMAND, "minItems": 1, "maxItems": MAX_COMMANDS},
                    ]
                }
            }
        },
    }
}
"""The body of POST /queue, which is read by the rule book and not by FastAPI: its errors are the rule book's."""

MOST_VALUES = 310_000
"""In one body: those of a graph of 100,000 edges, and some more."""
MOST_MEMBERS = 112_000
"""Of these in objects: those of a table of hops that fills the 1 MB of a command, with ids such as P001."""

_Decided = Mapping[tuple[str, str], views.CommandStatus]
"""What became of commands, by their ids and signers."""

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
    openapi_extra=COMMAND_BODY,
    responses={
        200: {
            "description": "Decided while `wait` lasted, all of them.",
            "model": views.CommandStatus | list[views.CommandStatus],
        },
        202: {
            "description": "All were taken, now or before.",
            "model": views.Receipt | list[views.Receipt | views.CommandStatus],
            "headers": {"Location": {"description": "Of one command: its href.", "schema": {"type": "string"}}},
        },
        207: {
            "description": "Not all were taken.",
            "model": list[views.CommandStatus | views.Receipt | views.ProblemDocument],
        },
    },
)
async def post_commands(request: Request, node: Node, wait: Wait = 0) -> Response:
    """Take one signed command or an array of at most 1,000; what is taken is stored durably before the answer.

    With ``wait`` a command's answer is its status once it is decided; an array is answered once all of them are.
    """
    if request.app.state.stopping.is_set():
        raise shutting_down()
    async with node.intake.turn(len(await request.body())):
        commands, is_array = await _commands(request)
        # Who waits is promised nothing before the ledger has it, which is a write to the disk less.
        answers = await node.intake.take(commands, is_promised=wait == 0)
    taken = [answer for answer in answers if isinstance(answer, Command)]
    decided = await _decided_of(node.store, taken, wait) if wait > 0 else {}
    if wait > 0 and len(decided) < len(taken):
        await node.store.promise()
    status = 202 if len(decided) < len(taken) else 200
    if is_array:
        return _answer_to_many(answers, decided, status)
    return _answer(answers[0], decided, status)


async def _commands(request: Request) -> tuple[list[Any], bool]:
    """Read one command or an array of them, and tell which; raises Problem."""
    body = await read_json_body(request)
    commands = body if isinstance(body, list) else [body]
    if not 0 < len(commands) <= MAX_COMMANDS:
        message = f"an array has 1 to {MAX_COMMANDS} commands, this one {len(commands)}"
        advice = "Post less at once" if commands else "Post something"
        raise Problem(422, "MALFORMED_COMMAND", f"{advice}: {message}.", errors=[FieldError("commands", message)])
    return commands, isinstance(body, list)


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


def _answer(answer: Answer, decided: _Decided, status: int) -> Response:
    if isinstance(answer, Problem):
        raise answer
    return exact_response(_element(answer, decided), status, {"Location": _receipt(answer).href})


def _answer_to_many(answers: Sequence[Answer], decided: _Decided, status: int) -> Response:
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    pauses = [int(problem.headers["Retry-After"]) for problem in problems if "Retry-After" in problem.headers]
    headers = {"Retry-After": str(max(pauses))} if pauses else None
    return exact_response([_element(answer, decided) for answer in answers], 207 if problems else status, headers)


def _element(answer: Answer, decided: _Decided) -> dict[str, Any] | views.Receipt | views.CommandStatus:
    if isinstance(answer, Problem):
        return problem_document(answer)
    return decided.get((answer.id, answer.prosumer)) or _receipt(answer)


def _receipt(command: Command) -> views.Receipt:
    # with the signer, so that it still leads here when somebody else uses the same id
    href = f"/queue/{command.id}?prosumer={quote(command.prosumer, safe='')}"
    return views.Receipt(id=command.id, href=href)


async def _decided(store: SqliteStore, command_id: str, prosumer: str | None, wait_s: float) -> Entry | None:
    """Return a command, once it is decided or after some time; None if the store does not have it."""
    with store.watch(command_id) as settled:
        entry = await _find(store, command_id, prosumer)
        if entry is None or entry.status in DECIDED or wait_s == 0:
            return entry
        await _wait([settled], wait_s)
    return await _find(store, command_id, prosumer)


async def _decided_of(store: SqliteStore, commands: Sequence[Command], wait_s: float) -> _Decided:
    """Return what became of commands, once all are decided, or after some time of those that are."""
    with ExitStack() as watching:
        settled = [watching.enter_context(store.watch(command.id)) for command in commands]
        found = await _final(store, commands)
        waiting = [event for c, event in zip(commands, settled, strict=True) if (c.id, c.prosumer) not in found]
        await _wait(waiting, wait_s)
    return await _final(store, commands) if waiting else found


async def _final(store: SqliteStore, commands: Sequence[Command]) -> _Decided:
    entries = [await _find(store, command.id, command.prosumer) for command in commands]
    return {
        (entry.id, entry.prosumer): _status(entry) for entry in entries if entry is not None and entry.status in DECIDED
    }


async def _wait(events: Iterable[asyncio.Event], seconds: float) -> None:
    """Wait for all of some events, but not longer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for event in events:
                await event.wait()


async def _find(store: SqliteStore, command_id: str, prosumer: str | None) -> Entry | None:
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
        result=entry.result,
        error=error,
    )


async def _height(ledger: Ledger) -> int | None:
    try:
        return await ledger.height()
    except LedgerUnavailable:
        return None


@cache
def command_schemas() -> dict[str, Any]:
    """Return the schemas that :data:`COMMAND_BODY` refers to, for the document's components."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (_command_of(topic, data), "validation") for topic, data in COMMANDS.items()
    ]
    _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")
    return dict(schemas["$defs"])
