"""The commands a market understands: their topics, data and limits.

One schema for every door: the queue checks a command's form with it before it takes the command, and the contract
checks it again, because the queue is transport, not authority.
"""

import uuid
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from energy_market_chaincode import units
from energy_market_chaincode.amounts import EnergyKwh, MoneyCurrency, PriceCurrencyPerKwh, ShareOfOne, positive
from energy_market_chaincode.canonical import signed_bytes
from energy_market_chaincode.errors import MalformedCommand
from energy_market_chaincode.identity import public_key_from_text
from energy_market_chaincode.times import same_spelling
from energy_market_chaincode.views import FieldProblem
from energy_market_chaincode.vocabulary import Identifier, Mechanism, Role, Topic

MAX_COMMAND_BYTES = 1_000_000
"""Of what is signed, as canonical JSON."""
MAX_NAMED_PROBLEMS = 100
"""So that a small malformed command cannot cause an answer many times its size."""
MAX_MILLISECONDS = 366 * 24 * 3600 * 1000

M = TypeVar("M", bound=BaseModel)

_COMMAND_NAMESPACE = uuid.UUID("8a4f4b56-4f2c-5d8e-9d1b-0f6c6f9f5f10")


def _public_key(text: str) -> str:
    public_key_from_text(text)
    return text


Milliseconds = Annotated[int, Field(gt=0, le=MAX_MILLISECONDS, strict=True)]
PublicKey = Annotated[str, Field(max_length=44), AfterValidator(_public_key)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False)


class RegisterProsumer(_Data):
    """Enter a prosumer or a further operator with its public key; the totals are its metered history in kWh."""

    id: Identifier
    public_key: PublicKey
    role: Role = Role.PROSUMER
    total_production: EnergyKwh = units.Energy(0)
    total_consumption: EnergyKwh = units.Energy(0)
    replace_key: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _key_alone(self) -> Self:
        if self.replace_key and (self.role is not Role.PROSUMER or self.total_production or self.total_consumption):
            raise ValueError("replaceKey gives a new public key and changes neither role nor totals")
        return self


class SetTopology(_Data):
    """State the hop distances: as a graph whose edges are one hop each, or as a table {buyer: {seller: hops}}."""

    edges: Annotated[list[tuple[Identifier, Identifier]], Field(min_length=1, max_length=100_000)] | None = None
    hops: (
        Annotated[
            dict[Identifier, dict[Identifier, Annotated[int, Field(ge=0, le=1000, strict=True)]]], Field(min_length=1)
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.edges is None) == (self.hops is None):
            raise ValueError("needs either edges or hops")
        return self


class TopUpAccount(_Data):
    """Bring money into the market: the only command that changes how much there is."""

    prosumer: Identifier
    amount: Annotated[MoneyCurrency, AfterValidator(positive)]


DeliverySlot = Annotated[Identifier, AfterValidator(same_spelling)]


class PublishGame(_Data):
    """Open a game for one delivery slot; the defaults are the original system's parameters."""

    game: Identifier | None = None
    """Default: ``Game-`` and the delivery slot."""
    delivery_slot: DeliverySlot | None = None
    """A time in UTC, or any other name; a slot has one game. Default: the transaction's time."""
    mechanism: Mechanism = Mechanism.SEQUENTIAL_BEST_RESPONSE
    registration_duration_ms: Milliseconds = 60_000
    expected_participants: Annotated[int, Field(ge=2, le=100_000, strict=True)] | None = None
    """Registration may stop early once so many offers and demands are in."""
    turn_deadline_ms: Milliseconds = 10_000
    round_limit: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 200
    tolerance: ShareOfOne = units.Share(1_000)
    """What share of its bill a buyer may still be able to save in an equilibrium."""
    delivery_duration_ms: Milliseconds = 60_000
    retail_tariff: PriceCurrencyPerKwh = units.price_from_currency_per_kwh("0.2869")
    """What the grid takes for a kWh."""
    feed_in_tariff: PriceCurrencyPerKwh = units.price_from_currency_per_kwh("0.1231")
    """What the grid gives for a kWh."""
    fee_per_hop: PriceCurrencyPerKwh = units.price_from_currency_per_kwh("0.02")
    imbalance_penalty: PriceCurrencyPerKwh = units.Price(0)
    """What whoever causes an imbalance pays the grid per kWh, beyond bearing the difference in price."""


class PublishOffer(_Data):
    """Offer energy at a base price."""

    game: Identifier
    amount: Annotated[EnergyKwh, AfterValidator(positive)]
    price: Annotated[PriceCurrencyPerKwh, AfterValidator(positive)]


class PublishDemand(_Data):
    """Ask for energy."""

    game: Identifier
    amount: Annotated[EnergyKwh, AfterValidator(positive)]


class StopGameRegistration(_Data):
    """End the registration and give the first buyer its turn, or cancel a game without buyers or sellers."""

    game: Identifier


class PublishBuyBid(_Data):
    """Split the demand among the sellers, or pass: keepPlaying false, my bid stands."""

    game: Identifier
    round: Annotated[int, Field(ge=1, strict=True)] | None = None
    """The round it is meant for; without it a bid that comes late may count in the next one."""
    bid_amounts: dict[Identifier, EnergyKwh] | None = None
    """{seller: kWh}; a seller left out is 0."""
    keep_playing: Annotated[bool, Field(strict=True)] = True

    @model_validator(mode="after")
    def _bid_or_pass(self) -> Self:
        if self.keep_playing and self.bid_amounts is None:
            raise ValueError("needs bidAmounts unless keepPlaying is false")
        if not self.keep_playing and self.bid_amounts is not None:
            raise ValueError("a pass (keepPlaying false) lets the earlier bid stand and carries no bidAmounts")
        return self


class SkipTurn(_Data):
    """Pass over a buyer whose deadline is over; names the turn, so that it cannot hit the next buyer."""

    game: Identifier
    buyer: Identifier
    round: Annotated[int, Field(ge=1, strict=True)]


class PublishMeterReading(_Data):
    """Energy taken from and fed into the network since the meter's last reading."""

    game: Identifier
    sequence: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)]
    in_energy: EnergyKwh
    out_energy: EnergyKwh


class CloseMarket(_Data):
    """Settle what is left of a game against the grid's tariffs."""

    game: Identifier


class ResetMarket(_Data):
    """End and remove every game and release every escrow; prosumers, accounts and topology stay."""


CommandData = (
    RegisterProsumer
    | SetTopology
    | TopUpAccount
    | PublishGame
    | PublishOffer
    | PublishDemand
    | StopGameRegistration
    | PublishBuyBid
    | SkipTurn
    | PublishMeterReading
    | CloseMarket
    | ResetMarket
)

DATA_OF_TOPIC: dict[Topic, type[CommandData]] = {
    Topic.REGISTER_PROSUMER: RegisterProsumer,
    Topic.SET_TOPOLOGY: SetTopology,
    Topic.TOP_UP_ACCOUNT: TopUpAccount,
    Topic.PUBLISH_GAME: PublishGame,
    Topic.PUBLISH_OFFER: PublishOffer,
    Topic.PUBLISH_DEMAND: PublishDemand,
    Topic.STOP_GAME_REGISTRATION: StopGameRegistration,
    Topic.PUBLISH_BUY_BID: PublishBuyBid,
    Topic.SKIP_TURN: SkipTurn,
    Topic.PUBLISH_METER_READING: PublishMeterReading,
    Topic.CLOSE_MARKET: CloseMarket,
    Topic.RESET_MARKET: ResetMarket,
}

OPERATOR_TOPICS = frozenset(
    {
        Topic.REGISTER_PROSUMER,
        Topic.SET_TOPOLOGY,
        Topic.TOP_UP_ACCOUNT,
        Topic.PUBLISH_GAME,
        Topic.STOP_GAME_REGISTRATION,
        Topic.SKIP_TURN,
        Topic.CLOSE_MARKET,
        Topic.RESET_MARKET,
    }
)


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    prosumer: Identifier
    ledger: Identifier | None = None
    """Which ledger the command is for; without, it counts on any that knows its signer's key."""
    data: dict[str, Any]


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: uuid.UUID | None = None
    topic: Topic
    payload: _Payload
    signature: Annotated[str, Field(max_length=128)]


class Command(BaseModel):
    """A well-formed command. Whether its signature is good is another question.

    Attributes
    ----------
    id
        The signer's id for it; of a command sent without one, a UUID made from its content.
    ledger
        The id of the ledger that it is for, None if it names none.
    signed
        The bytes that ``signature`` covers.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    topic: Topic
    prosumer: str
    ledger: str | None
    data: CommandData
    signature: str
    signed: Annotated[bytes, Field(repr=False)]

    @property
    def is_for_operators(self) -> bool:
        """Whether only operators may give this command."""
        return self.topic in OPERATOR_TOPICS


class MalformedFields(MalformedCommand):
    """The command is not well formed: {problems}."""

    code = MalformedCommand.code

    def __init__(self, fields: list[FieldProblem]) -> None:
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
    if envelope is None or data is None:
        raise MalformedFields(problems)
    try:
        signed = signed_bytes({name: value[name] for name in ("id", "topic", "payload") if name in value})
    except ValueError as error:
        raise MalformedFields([FieldProblem(field="payload", message=str(error))]) from None
    if len(signed) > MAX_COMMAND_BYTES:
        too_long = f"has {len(signed)} bytes as canonical JSON, more than {MAX_COMMAND_BYTES}"
        raise MalformedFields([FieldProblem(field="command", message=too_long)])
    return Command(
        id=str(envelope.id or _content_id(value)),
        topic=envelope.topic,
        prosumer=envelope.payload.prosumer,
        ledger=envelope.payload.ledger,
        data=data,
        signature=envelope.signature,
        signed=signed,
    )


def _content_id(value: dict[str, Any]) -> uuid.UUID:
    """Make the id of a command sent without one. With or without its ledger's name it is the same command."""
    payload = {name: part for name, part in value["payload"].items() if name != "ledger"}
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
        model = DATA_OF_TOPIC[Topic(value["topic"])]
        data = value["payload"]["data"]
    except (KeyError, TypeError, ValueError):
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
