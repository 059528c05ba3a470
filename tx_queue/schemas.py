"""The body of POST /queue, for the queue's OpenAPI document; the answers are the rule book's views."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from energy_market_chaincode import COMMANDS, CommandData, Identifier

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
    return create_model(f"{data.__name__}Command", __doc__=data.__doc__, **fields)


_COMMANDS = [_command_of(topic, data) for topic, data in COMMANDS.items()]
_COMMAND = {"anyOf": [{"$ref": f"#/components/schemas/{command.__name__}"} for command in _COMMANDS]}

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


def command_schemas() -> dict[str, Any]:
    """Return the schemas that :data:`COMMAND_BODY` refers to, for the document's components."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(command, "validation") for command in _COMMANDS]
    _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")
    return dict(schemas["$defs"])
