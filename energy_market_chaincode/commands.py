"""The commands a market understands: their topics, data and limits.

One schema for every door: the queue checks a command's form with it before it takes the command, and the contract
checks it again, because the queue is transport, not authority.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Self, TypeVar

import simplejson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy_market_chaincode import units
from energy_market_chaincode.amounts import (
    EnergyKwh,
    MoneyCurrency,
    PriceCurrencyPerKwh,
    ShareOfOne,
    TariffCurrencyPerKwh,
    positive,
)
from energy_market_chaincode.canonical import read_json, signed_bytes
from energy_market_chaincode.clearing_commands import FallBack as FallBack
from energy_market_chaincode.clearing_commands import ProveClearing as ProveClearing
from energy_market_chaincode.clearing_commands import PublishClearing as PublishClearing
from energy_market_chaincode.clearing_commands import StopGame as StopGame
from energy_market_chaincode.command_data import COMMANDS as COMMANDS
from energy_market_chaincode.command_data import AboutGame as AboutGame
from energy_market_chaincode.command_data import CommandData as CommandData
from energy_market_chaincode.command_parts import (
    DeliverySlot,
    EnergyReading,
    Order,
    RegisterReading,
    SomeEnergy,
    SomePrice,
    TariffsFrom,
)
from energy_market_chaincode.errors import MalformedCommand
from energy_market_chaincode.identity import is_signed_by, public_key_from_text, signed_part
from energy_market_chaincode.simulated_time import FIRST_START_MS, LAST_START_MS, MAX_FACTOR
from energy_market_chaincode.times import Instant
from energy_market_chaincode.views import FieldProblem
from energy_market_chaincode.vocabulary import SEQUENTIAL_BEST_RESPONSE, Identifier, LedgerId, Metering, Role, Topic

MAX_ARCHIVED = 100
"""Games, or prosumers, in one command."""

MAX_COMMAND_BYTES = 1_000_000
"""Of what is signed, as canonical JSON."""
MAX_NAMED_PROBLEMS = 100
"""So that a small malformed command cannot cause an answer many times its size."""
USUAL_RETAIL_TARIFF = units.price_from_currency_per_kwh("0.2869")
USUAL_FEED_IN_TARIFF = units.price_from_currency_per_kwh("0.1231")
"""Both the original system's, where the table of tariffs says nothing."""
MAX_TARIFFS = 10_000
"""Quarter-hours of a hundred days."""
MAX_ORDERS = 200
"""Of one command: quarter-hours of two days."""
MAX_READINGS = 1_000
"""Of one command: quarter-hours of ten days."""
MAX_MILLISECONDS = 366 * 24 * 3600 * 1000

M = TypeVar("M", bound=BaseModel)

_COMMAND_NAMESPACE = uuid.UUID("8a4f4b56-4f2c-5d8e-9d1b-0f6c6f9f5f10")


def _known_topic(topic: str) -> str:
    if topic not in COMMANDS:
        raise ValueError(f"should be one of {', '.join(COMMANDS)}")
    return topic


def _mechanisms() -> list[str]:
    from energy_market_chaincode.mechanisms import MECHANISMS  # they build on this module

    return list(MECHANISMS)


def _known_mechanism(name: str) -> str:
    if name not in _mechanisms():
        raise ValueError(f"should be one of {', '.join(_mechanisms())}")
    return name


def _name_mechanisms(schema: dict[str, Any]) -> None:
    schema["enum"] = _mechanisms()


def _public_key(text: str) -> str:
    public_key_from_text(text)
    return text


Milliseconds = Annotated[int, Field(gt=0, le=MAX_MILLISECONDS, strict=True)]
Window = Annotated[int, Field(ge=0, le=MAX_MILLISECONDS, strict=True)]
"""Milliseconds, perhaps none."""
PublicKey = Annotated[str, Field(max_length=44), AfterValidator(_public_key)]


class RegisterProsumer(CommandData, topic=Topic.REGISTER_PROSUMER, by=Role.OPERATOR):
    """Enter a prosumer or a further operator with its public key; the totals are its metered history in kWh."""

    id: Identifier
    public_key: PublicKey
    role: Role = Role.PROSUMER
    total_production: EnergyKwh = units.Energy(0)
    total_consumption: EnergyKwh = units.Energy(0)
    replace_key: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _no_meter(self) -> Self:
        if self.role is Role.METER:
            raise ValueError("a meter is entered by registerMeter, which names its prosumer and its connection's power")
        return self

    @model_validator(mode="after")
    def _key_alone(self) -> Self:
        if self.replace_key and (self.role is not Role.PROSUMER or self.total_production or self.total_consumption):
            raise ValueError("replaceKey gives a new public key and changes neither role nor totals")
        return self


class SetTopology(CommandData, topic=Topic.SET_TOPOLOGY, by=Role.OPERATOR):
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


class TopUpAccount(CommandData, topic=Topic.TOP_UP_ACCOUNT, by=Role.OPERATOR):
    """Bring money into the market: the only command that changes how much there is."""

    prosumer: Identifier
    amount: Annotated[MoneyCurrency, AfterValidator(positive)]


class SetTariffs(CommandData, topic=Topic.SET_TARIFFS, by=Role.OPERATOR):
    """Replace the table of the grid's tariffs; games that are published already keep theirs."""

    tariffs: Annotated[list[TariffsFrom], Field(max_length=MAX_TARIFFS)]
    """Each holds until the next one; in any order."""

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        times = [tariffs.from_ms for tariffs in self.tariffs]
        if len(set(times)) < len(times):
            raise ValueError("has two tariffs from the same moment on")
        return self


MechanismName = Annotated[str, AfterValidator(_known_mechanism), Field(json_schema_extra=_name_mechanisms)]


class PublishGame(CommandData, topic=Topic.PUBLISH_GAME, by=Role.OPERATOR):
    """Open a game for one delivery slot; the defaults are the original system's parameters."""

    game: Identifier | None = None
    """Default: ``Game-`` and the delivery slot."""
    delivery_slot: DeliverySlot | None = None
    """When the slot starts: an instant in any spelling of ISO 8601 with an offset. Or any other name: then the slot has
    no time, and its delivery starts when the game stops. A slot has one game. Default: a name from the present time."""
    slot_duration_ms: Milliseconds | None = None
    """Of a slot with a time, default 15 min; its delivery is the slot itself."""
    mechanism: MechanismName = SEQUENTIAL_BEST_RESPONSE
    registration_duration_ms: Milliseconds | None = None
    """Default: until ``clearingDurationMs`` before a slot's time, 60 s without one. No registration outlasts a slot's
    beginning."""
    clearing_duration_ms: Milliseconds | None = None
    """What the clearing of a slot with a time has, default 5 min; half of what is left, where that is less."""
    expected_participants: Annotated[int, Field(ge=2, le=100_000, strict=True)] | None = None
    """Registration may stop early once so many offers and demands are in."""
    turn_deadline_ms: Milliseconds = 10_000
    round_limit: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 200
    tolerance: ShareOfOne = units.Share(1_000)
    """What share of its bill a buyer may still be able to save in an equilibrium."""
    delivery_duration_ms: Milliseconds | None = None
    """Of a slot without a time, default 60 s."""
    metering_window_ms: Window | None = None
    """How long after the delivery meters may report before silence counts, default 15 min for a slot with a time, else
    none. The market closes earlier once everybody has reported."""
    correction_window_ms: Window | None = None
    """How long after that a settlement may be corrected, default 7 days for a slot with a time that meters count, else
    not at all."""
    retail_tariff: TariffCurrencyPerKwh | None = None
    """What the grid takes for a kWh. Default: by the table of tariffs when the slot starts, of a slot without a time
    when its game is published; where the table says nothing 0.2869."""
    feed_in_tariff: TariffCurrencyPerKwh | None = None
    """What the grid gives for a kWh. Default: as that of ``retailTariff``, at last 0.1231."""
    fee_per_hop: PriceCurrencyPerKwh = units.price_from_currency_per_kwh("0.02")
    metering: Metering | None = None
    """Who says what was taken and fed in: ``meters``, the default once the market has one, or the prosumers themselves
    (``self``), whose power nobody can check."""
    imbalance_penalty: PriceCurrencyPerKwh | None = None
    """What whoever causes an imbalance pays the grid per kWh, beyond bearing the difference in price. Default: twice
    what the retail tariff is above the feed-in tariff."""
    price_floor: PriceCurrencyPerKwh | None = None
    """Offers below it are refused."""
    price_cap: SomePrice | None = None
    """Offers above it are refused."""

    @model_validator(mode="after")
    def _some_price_is_left(self) -> Self:
        if self.price_floor is not None and self.price_cap is not None and self.price_floor > self.price_cap:
            raise ValueError("priceFloor must not be above priceCap, or nobody could offer")
        return self


class PublishOffer(AboutGame, topic=Topic.PUBLISH_OFFER):
    """Offer energy at a base price."""

    amount: SomeEnergy
    price: SomePrice


class PublishDemand(AboutGame, topic=Topic.PUBLISH_DEMAND):
    """Ask for energy."""

    amount: SomeEnergy


class PublishOrders(CommandData, topic=Topic.PUBLISH_ORDERS):
    """Say what to offer or ask for in many games, whose gates are open; all of it or nothing.

    Each order replaces what the prosumer had in that game, and arrives when it does.
    """

    orders: Annotated[list[Order], Field(min_length=1, max_length=MAX_ORDERS)]


class StopGameRegistration(AboutGame, topic=Topic.STOP_GAME_REGISTRATION, by=Role.OPERATOR):
    """End the registration and give the first buyer its turn, or without buyers or sellers begin the delivery."""


class PublishBuyBid(AboutGame, topic=Topic.PUBLISH_BUY_BID):
    """Split the demand among the sellers, or pass: keepPlaying false, my bid stands.

    What a bid does not cover is bought from the grid. A bid after the first that saves no more than the game's
    tolerance counts as a pass.
    """

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


class SkipTurn(AboutGame, topic=Topic.SKIP_TURN, by=Role.OPERATOR):
    """Pass over a buyer whose deadline is over, or stop a game whose delivery has begun; names the turn."""

    buyer: Identifier
    round: Annotated[int, Field(ge=1, strict=True)]


class PublishMeterReading(AboutGame, topic=Topic.PUBLISH_METER_READING):
    """Energy taken from and fed into the network since the meter's last reading."""

    sequence: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)]
    in_energy: EnergyKwh
    out_energy: EnergyKwh


class RegisterMeter(CommandData, topic=Topic.REGISTER_METER, by=Role.OPERATOR):
    """Enter a meter with its own public key as that of a prosumer's connection, or in the place of an earlier one."""

    id: Identifier
    public_key: PublicKey
    prosumer: Identifier
    power_kw: SomeEnergy
    """What the connection can carry in either direction: no reading says more."""
    register_modulus_kwh: SomeEnergy = units.energy_from_kwh(10**6)
    """Where its registers begin at zero again."""
    replaces: Identifier | None = None


class PublishReadings(CommandData, topic=Topic.PUBLISH_READINGS, by=Role.METER):
    """What a meter counted: energy of slots, or registers, of which slots are the differences; all of it or nothing.

    A reading replaces the slot's earlier one. After the settlement it is settled anew, until it is final.
    """

    readings: Annotated[list[EnergyReading], Field(min_length=1, max_length=MAX_READINGS)] | None = None
    registers: Annotated[list[RegisterReading], Field(min_length=1, max_length=MAX_READINGS)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.readings is None) == (self.registers is None):
            raise ValueError("needs either readings or registers")
        return self


class CloseMarket(AboutGame, topic=Topic.CLOSE_MARKET, by=Role.OPERATOR):
    """Settle what is left of a game against the grid's tariffs; a large one part by part, until its ``left`` is 0."""

    left: Annotated[int, Field(ge=0, strict=True)] | None = None
    """What the last part's answer said: then no part is done that somebody else did meanwhile."""


class ArchiveSlots(CommandData, topic=Topic.ARCHIVE_SLOTS, by=Role.OPERATOR):
    """Remove what final slots' games have on the ledger but their lines, and keep its hash.

    So much at once as one transaction bears: whoever has games left gives a new command for those.
    """

    games: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_ARCHIVED)]


class ArchiveLines(CommandData, topic=Topic.ARCHIVE_LINES, by=Role.OPERATOR):
    """Remove prosumers' lines of archived slots that began before a moment, and keep their sum and hash.

    So much at once as one transaction bears: whoever has prosumers left gives a new command for those.
    """

    prosumers: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_ARCHIVED)]
    before_ms: Instant = Field(alias="before")


class ResetMarket(CommandData, topic=Topic.RESET_MARKET, by=Role.OPERATOR):
    """End and remove every game and release every escrow; prosumers, accounts and topology stay."""


class SetLedgerTime(CommandData, topic=Topic.SET_LEDGER_TIME, by=Role.OPERATOR):
    """Set a ledger's time right that is ahead of the true one, and begin a new epoch: the ledger gets a new id."""

    old_ms: Instant = Field(alias="oldTime")
    """The wrong one, as the ledger's last block has it."""
    new_ms: Instant = Field(alias="newTime")
    """The right one, when the command is given."""

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.new_ms >= self.old_ms:
            raise ValueError("newTime must be before oldTime: forward the ledger's time goes by itself")
        return self


class SimulateTime(CommandData, topic=Topic.SIMULATE_TIME, by=Role.OPERATOR):
    """Let the market's time begin at a moment and pass so many times as fast as the real one, from now on for good."""

    start_ms: Instant = Field(alias="start", ge=FIRST_START_MS, le=LAST_START_MS)
    factor: Annotated[int, Field(ge=1, le=MAX_FACTOR, strict=True)]


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    prosumer: Identifier
    ledger: LedgerId | None = None
    """Which ledger the command is for; without, it counts on any that knows its signer's key."""
    valid_until: Annotated[Instant | None, Field(alias="validUntil")] = None
    """Until when it may be decided; without, for good."""
    data: dict[str, Any]


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
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


_SEEN: dict[str, Command] = {}
_MOST_SEEN = 4096
_LONGEST_SEEN = 16_384


def pass_on(command: Command) -> None:
    """Spare whoever in this process reads the command's text next the work: see :func:`read_command`."""
    if len(_SEEN) >= _MOST_SEEN:
        _SEEN.clear()  # they went to another process, or wait for long
    if len(command.text) <= _LONGEST_SEEN:
        _SEEN[command.text] = command


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
    return _SEEN.pop(text, None) or parse_command(read_json(text))


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
