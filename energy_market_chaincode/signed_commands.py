"""Commands as they travel: signed, with an id and perhaps an end; how they are read, and what is wrong with them."""

import hashlib
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, TypeVar

import simplejson
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from energy_market_chaincode.canonical import read_json, signed_bytes
from energy_market_chaincode.commands import COMMANDS, CommandData, CommandPart
from energy_market_chaincode.errors import MalformedCommand
from energy_market_chaincode.identity import is_signed_by, signed_part
from energy_market_chaincode.times import Instant
from energy_market_chaincode.views import FieldProblem
from energy_market_chaincode.vocabulary import Identifier, LedgerId

MAX_COMMAND_BYTES = 1_000_000
"""Of what is signed, as canonical JSON."""
MAX_NAMED_PROBLEMS = 100
"""So that a small malformed command cannot cause an answer many times its size."""

M = TypeVar("M", bound=BaseModel)

_COMMAND_NAMESPACE = uuid.UUID("8a4f4b56-4f2c-5d8e-9d1b-0f6c6f9f5f10")


def _known_topic(topic: str) -> str:
    if topic not in COMMANDS:
        raise ValueError(f"should be one of {', '.join(COMMANDS)}")
    return topic


class _Payload(CommandPart):
    prosumer: Identifier
    ledger: LedgerId | None = None
    """Which ledger the command is for; without, it counts on any that knows its signer's key."""
    valid_until: Instant | None = None
    """Until when it may be decided; without, for good."""
    data: dict[str, Any]


class _Envelope(CommandPart):
    id: uuid.UUID | None = None
    topic: Annotated[str, AfterValidator(_known_topic)]
    payload: _Payload
    signature: Annotated[str, Field(max_length=128)]


@dataclass(eq=False)
class Command:
    """A well-formed command. Whether its signature is good is another question.

    Attributes
    ----------
    id
        The signer's id for it; of a command sent without one, a UUID made from its content.
    ledger
        The id of the ledger that it is for, None if it names none.
    valid_until_ms
        After that it is refused; None: never for its age.
    signed
        The bytes that ``signature`` covers.
    """

    id: str
    prosumer: str
    ledger: str | None
    valid_until_ms: int | None
    data: CommandData
    signature: str
    signed: bytes = field(repr=False)
    _good_key: str | None = field(default=None, repr=False)

    @property
    def topic(self) -> str:
        """What it asks for."""
        return self.data.topic

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of what it says; signed anew with another ``validUntil`` it is the same command."""
        content = self.signed
        if self.valid_until_ms is not None:  # in canonical JSON it is the last name of the payload
            before, _, after = content.rpartition(b',"validUntil":"')
            content = before + after.partition(b'"')[2]
        return hashlib.sha256(content).digest()

    @cached_property
    def text(self) -> str:
        """The command in full, as canonical JSON; it may travel as this text instead of as its sender wrote it."""
        return f'{self.signed[:-1].decode()},"signature":{simplejson.dumps(self.signature)}}}'

    def is_signed_with(self, public_key: str) -> bool:
        """Tell whether its signature was made with the key of a public key; the same answer is not computed twice."""
        if self._good_key != public_key and is_signed_by(self.signed, self.signature, public_key):
            self._good_key = public_key
        return self._good_key == public_key


class _Seen:
    """Commands that were read not long ago, by their texts, each for one more reader.

    Those that nobody takes went to another process, or wait for long. Two generations are kept: so what has just come
    stays, and all of it within twice a generation.
    """

    GENERATION = 750_000
    """Characters of their texts; as models they take up to fifteen times as much."""
    LONGEST = 16_384

    def __init__(self) -> None:
        self._young: dict[str, Command] = {}
        self._old: dict[str, Command] = {}
        self._characters = 0

    def add(self, command: Command) -> None:
        """Keep a command for a while, unless it is long."""
        if len(command.text) > self.LONGEST:
            return
        if self._characters > self.GENERATION:
            self._old, self._young, self._characters = self._young, {}, 0
        self._young[command.text] = command
        self._characters += len(command.text)

    def take(self, text: str) -> Command | None:
        """Return a command that is still there, and forget it."""
        return self._young.pop(text, None) or self._old.pop(text, None)


_SEEN = _Seen()


def pass_on(command: Command) -> None:
    """Spare whoever in this process reads the command's text next the work: see :func:`read_command`."""
    _SEEN.add(command)


def read_command(text: str) -> Command:
    """Read a command's JSON text and check its form.

    It is a function of the text, so the queue and the contract of one process need not both compute it.

    Raises
    ------
    MalformedFields
        As :func:`parse_command`.
    ValueError
        If the text is no JSON.
    """
    return _SEEN.take(text) or parse_command(read_json(text))


class MalformedFields(MalformedCommand):
    """The command is not well formed: {problems}."""

    code = MalformedCommand.code

    def __init__(self, fields: list[FieldProblem], command: str | None = None) -> None:
        self.command = command
        """Its id, if it says that much."""
        self.fields = fields[:MAX_NAMED_PROBLEMS]
        if len(fields) > MAX_NAMED_PROBLEMS:
            unnamed = f"has {len(fields) - MAX_NAMED_PROBLEMS} more problems"
            self.fields.append(FieldProblem(field="command", message=unnamed))
        super().__init__(problems="; ".join(f"{p.field}: {p.message}" for p in self.fields))


def parse_command(value: Any) -> Command:
    """Check the form of a command as it came from :func:`~energy_market_chaincode.canonical.read_json`.

    Raises
    ------
    MalformedFields
        Naming every field that is wrong; its code is ``MALFORMED_COMMAND``.
    """
    problems: list[FieldProblem] = []
    envelope = _checked(_Envelope, value, (), problems)
    data = _checked_data(value, problems)
    signed = _signed(value, problems) if not problems else b""
    if envelope is None or data is None or problems:
        said = value.get("id") if isinstance(value, dict) else None
        raise MalformedFields(problems, said if isinstance(said, str) else None)
    return Command(
        id=str(envelope.id or _content_id(value)),
        prosumer=envelope.payload.prosumer,
        ledger=envelope.payload.ledger,
        valid_until_ms=envelope.payload.valid_until,
        data=data,
        signature=envelope.signature,
        signed=signed,
    )


def _signed(value: dict[str, Any], problems: list[FieldProblem]) -> bytes:
    """Return what is signed; what is wrong with it is added to the problems."""
    try:
        signed = signed_part(value)
    except ValueError as error:
        problems.append(FieldProblem(field="payload", message=str(error)))
        return b""
    if len(signed) > MAX_COMMAND_BYTES:
        too_long = f"has {len(signed)} bytes as canonical JSON, more than {MAX_COMMAND_BYTES}"
        problems.append(FieldProblem(field="command", message=too_long))
    return signed


def _content_id(value: dict[str, Any]) -> uuid.UUID:
    """Make the id of a command sent without one. With or without its ledger's name and its end it is the same."""
    payload = {name: part for name, part in value["payload"].items() if name not in ("ledger", "validUntil")}
    content: dict[str, Any] = {name: value[name] for name in ("id", "topic") if name in value}
    content["payload"] = payload
    return uuid.uuid5(_COMMAND_NAMESPACE, signed_bytes(content).decode())


def _checked(model: type[M], value: Any, at: tuple[str, ...], problems: list[FieldProblem]) -> M | None:
    """Check one part of a command; what is wrong with it is added to the problems."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems += _field_problems(error, at)
        return None


def _checked_data(value: Any, problems: list[FieldProblem]) -> CommandData | None:
    """Check the data, also where the rest is wrong: whoever wrote the command shall learn of all problems at once."""
    try:
        model = COMMANDS[value["topic"]]
        data = value["payload"]["data"]
    except (KeyError, TypeError):
        return None  # the envelope's problems name it
    return _checked(model, data, ("payload", "data"), problems) if isinstance(data, dict) else None


def _field_problems(error: ValidationError, at: tuple[str, ...]) -> list[FieldProblem]:
    return [
        FieldProblem(
            field=".".join(str(part) for part in (*at, *problem["loc"]) if part != "[key]") or "command",
            message=problem["msg"].removeprefix("Value error, "),
        )
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
