"""The shapes of the queue's answers, for its OpenAPI document.

Amounts are JSON numbers: kWh, currency, currency per kWh.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, create_model
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from energy_market_chaincode.commands import DATA_OF_TOPIC, CommandData, Identifier, Role, Topic
from energy_market_chaincode.entities import Phase, StopReason
from tx_queue.store import Status

MAX_COMMANDS = 1000
"""The most commands in one POST."""

Time = Annotated[str, Field(description="ISO 8601, UTC, milliseconds", examples=["2026-11-23T20:08:00.000Z"])]

Signature = Annotated[
    str,
    Field(max_length=128, description="Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload."),
]


class _Shape(BaseModel, alias_generator=to_camel):
    pass


class Receipt(_Shape):
    """The command is stored durably; how it goes on stands at ``href``."""

    id: UUID
    status: Literal["queued"]
    href: str


class FieldProblem(_Shape):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemDocument(_Shape):
    """RFC 9457; also in place of the receipt of a command that was not taken."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = []


class CommandError(_Shape):
    """Why a command was rejected."""

    code: str
    message: str


class CommandStatus(_Shape):
    """How far a command came; topic, transaction and block are null where only the ledger remembers it."""

    id: str
    topic: Topic | None
    prosumer: str
    status: Status
    transaction: str | None
    block: int | None
    result: dict[str, Any] | None
    error: CommandError | None


class QueueState(_Shape):
    """How much waits and what stands in the way; the ledger's height is null where it cannot be asked."""

    depth: int
    capacity: int
    oldest_age_ms: int
    ledger_height: int | None
    trouble: str | None


class GameSummary(_Shape):
    """A game in the list."""

    game: str
    phase: Phase
    delivery_slot: str
    mechanism: str
    nr_sellers: int
    nr_buyers: int
    round: int
    buyer_in_turn: str | None
    published_at: Time


class Games(_Shape):
    """All games, oldest first."""

    games: list[GameSummary]


class Seller(_Shape):
    """A seller in a game."""

    seller: str
    capacity: float
    price: float
    load: float


class Buyer(_Shape):
    """A buyer in a game."""

    buyer: str
    demand: float
    contribution_metric: float | None


class Stop(_Shape):
    """How a game stopped."""

    reason: StopReason
    rounds: int
    max_regret: float
    max_regret_share: float
    max_regret_buyer: str | None
    total_cost: float
    regrets: dict[str, float]


class WholeGame(GameSummary):
    """A game with all that stands on the ledger but its bids and transfers."""

    parameters: dict[str, Any]
    registration_ends_at: Time
    sellers: list[Seller]
    buyers: list[Buyer]
    hops: dict[str, dict[str, int]]
    deadline: Time | None
    delivery_ends_at: Time | None
    stop: Stop | None
    settlement: dict[str, Any] | None


class Bid(_Shape):
    """A buyer's standing bid; its cost at the present loads."""

    buyer: str
    demand: float
    amounts: dict[str, float] | None
    round: int | None
    cost: float | None
    regret: float | None


class Bids(_Shape):
    """The bids of a game, in turn order."""

    bids: list[Bid]


class Transfer(_Shape):
    """Energy that a seller owes a buyer."""

    seller: str
    buyer: str
    energy: float
    energy_cost: float
    transmission_fee: float
    delivered: float
    is_fulfilled: bool


class Transfers(_Shape):
    """The transfers of a game."""

    transfers: list[Transfer]


class Prosumer(_Shape):
    """A registered identity and its account."""

    prosumer: str
    role: Role
    public_key: str
    account_balance: float
    frozen_funds: float
    debt: float
    total_production: float
    total_consumption: float
    contribution_metric: float | None


class Prosumers(_Shape):
    """All registered identities."""

    prosumers: list[Prosumer]


class Market(_Shape):
    """The market as a whole."""

    ledger: str
    operators: list[str]
    money: float
    accounts: dict[str, float]
    topology: bool


class BlockSummary(_Shape):
    """A block in the list; ``at`` is null where none of its transactions is the market's."""

    number: int
    hash: str
    previous_hash: str
    at: Time | None
    nr_transactions: int


class Blocks(_Shape):
    """Some blocks, in their order, and how many the ledger has."""

    height: int
    blocks: list[BlockSummary]


class Transaction(_Shape):
    """What went into a transaction and what came out."""

    id: str
    at: Time
    commands: list[dict[str, Any]]
    results: list[dict[str, Any]]
    events: list[dict[str, Any]]


class Block(BlockSummary):
    """A block with its transactions."""

    transactions: list[Transaction]


def _command_of(topic: Topic, data: type[CommandData]) -> type[BaseModel]:
    """Make the shape of a topic's commands."""
    payload = create_model(
        f"{data.__name__}Payload", prosumer=(Identifier, ...), ledger=(Identifier | None, None), data=(data, ...)
    )
    fields: dict[str, Any] = {
        "id": (UUID | None, None),
        "topic": (Annotated[str, Field(json_schema_extra={"const": topic.value})], ...),
        "payload": (payload, ...),
        "signature": (Signature, ...),
    }
    return create_model(f"{data.__name__}Command", __doc__=data.__doc__, **fields)


_COMMANDS = [_command_of(topic, data) for topic, data in DATA_OF_TOPIC.items()]
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
