"""The commands a market understands: a model for each topic, with what it says, its limits and who may give it.

One schema for every door: the queue checks a command's form with it before it takes the command, and the contract
checks it again, because the queue is transport, not authority.
"""

from itertools import islice
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

from energy_market_chaincode import units
from energy_market_chaincode.identity import public_key_from_text
from energy_market_chaincode.times import FIRST_START_MS, LAST_START_MS, MAX_FACTOR, Instant, slot_name
from energy_market_chaincode.units import (
    EnergyKwh,
    PriceCurrencyPerKwh,
    ShareOfOne,
    SomeEnergy,
    SomeMoney,
    SomePrice,
    TariffCurrencyPerKwh,
)
from energy_market_chaincode.vocabulary import SEQUENTIAL_BEST_RESPONSE, Identifier, Metering, Role, Topic

USUAL_RETAIL_TARIFF = units.price_from_currency_per_kwh("0.2869")
USUAL_FEED_IN_TARIFF = units.price_from_currency_per_kwh("0.1231")
"""Both the original system's, where the table of tariffs says nothing."""
MINUTE_MS = 60_000
SLOT_MS = 15 * MINUTE_MS
CLEARING_MS = 5 * MINUTE_MS
METERING_WINDOW_MS = 15 * MINUTE_MS
CORRECTION_WINDOW_MS = 7 * 24 * 60 * MINUTE_MS
"""What games have whose slots have a time, where nothing else is said; registration and delivery of others a minute."""
MAX_READINGS = 1_000
"""Of one command: quarter-hours of ten days."""
MAX_MILLISECONDS = 366 * 24 * 3600 * 1000
USUAL_PIECE = 100
"""Members or items of a container that has neither containers nor models in it."""
MAX_MEMBERS = 50
"""Of a part that has its members' names in its model: twice as many as any has. Each one that is not there is named."""


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
MechanismName = Annotated[str, AfterValidator(_known_mechanism), Field(json_schema_extra=_name_mechanisms)]
DeliverySlot = Annotated[Identifier, BeforeValidator(slot_name, json_schema_input_type=str)]
ArchivedNames = Annotated[list[Identifier], Field(min_length=1, max_length=100)]
StepsLeft = Annotated[int, Field(ge=0, strict=True)]
"""What the last part's answer said: then no part is done that somebody else did meanwhile."""


# -- what commands say about several slots or moments at once: tariffs, orders, readings


def piecewise(at_once: int = USUAL_PIECE, most: int | None = None) -> WrapValidator:
    """Look at the members of a dict or a list no further than the first piece in which one is wrong.

    Each error takes some hundred bytes when it is found and a thousand when it is told, several times what is wrong.

    Parameters
    ----------
    at_once
        Members or items of a piece.
    most
        How many the container may have, which is looked at before its members.
    """

    def validated(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, (dict, list)) or len(value) <= at_once:
            return validate(value)
        if most is not None and len(value) > most:
            kind = "Dictionary" if isinstance(value, dict) else "List"
            raise PydanticKnownError("too_long", {"field_type": kind, "max_length": most, "actual_length": len(value)})
        if isinstance(value, dict):
            return _members(value, validate, at_once)
        return _items(value, validate, at_once)

    return WrapValidator(validated)


def _members(members: dict[str, Any], validate: ValidatorFunctionWrapHandler, at_once: int) -> dict[str, Any]:
    rest = iter(members.items())
    result: dict[str, Any] = {}
    while piece := dict(islice(rest, at_once)):
        result |= validate(piece)
    return result


def _items(items: list[Any], validate: ValidatorFunctionWrapHandler, at_once: int) -> list[Any]:
    result: list[Any] = []
    for start in range(0, len(items), at_once):
        try:
            result += validate(items[start : start + at_once])
        except ValidationError:
            validate(items[: start + at_once])  # names items by where they really stand
            raise
    return result


class CommandPart(BaseModel):
    """A part of what a command says."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_members(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_MEMBERS:
            raise ValueError(f"has {len(value)} members, more than the {MAX_MEMBERS} that are looked at")
        return value

    def _problem(self) -> str | None:
        """Return why its fields, each well formed, do not go together; None if they do."""
        return None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        problem = self._problem()
        if problem is not None:
            raise ValueError(problem)
        return self


def _parts(most: int) -> WrapValidator:
    return piecewise(at_once=10, most=most)  # each may have as many members as are looked at, all wrong


class TariffsFrom(CommandPart):
    """What the grid takes (``retail``) and gives (``feedIn``) for a kWh from a moment on; either may be negative."""

    from_ms: Instant = Field(alias="from")
    retail: TariffCurrencyPerKwh
    feed_in: TariffCurrencyPerKwh

    def _problem(self) -> str | None:
        is_crossed = self.retail < self.feed_in
        return "retail must not be below feedIn, or energy would be bought to be fed in" if is_crossed else None


class AboutSlot(CommandPart):
    """About one slot, which is named by its game or by itself."""

    game: Identifier | None = None
    delivery_slot: DeliverySlot | None = None

    def _problem(self) -> str | None:
        return "needs either game or deliverySlot" if (self.game is None) == (self.delivery_slot is None) else None


class OfferedEnergy(CommandPart):
    """What a seller offers, and its base price."""

    amount: SomeEnergy
    price: SomePrice


class DemandedEnergy(CommandPart):
    """What a buyer asks for."""

    amount: SomeEnergy


class Order(AboutSlot):
    """An offer or a demand in a slot, or neither: whatever the prosumer had there is withdrawn."""

    offer: OfferedEnergy | None = None
    demand: DemandedEnergy | None = None

    def _problem(self) -> str | None:
        is_both = self.offer is not None and self.demand is not None
        both = "has an offer and a demand, and in one slot nobody both sells and buys" if is_both else None
        return super()._problem() or both


class EnergyReading(AboutSlot):
    """What a connection took and fed in during a slot."""

    in_energy: EnergyKwh
    out_energy: EnergyKwh


class RegisterReading(CommandPart):
    """What a meter's registers showed at a moment; ``replaced``: what they show from then on, after a replacement."""

    at: Instant
    in_register: EnergyKwh
    out_register: EnergyKwh
    replaced: Annotated[bool, Field(strict=True)] = False


# -- what all commands have in common


class CommandData(CommandPart):
    """What a command says: one model for each topic.

    Attributes
    ----------
    topic
        How commands name it.
    by
        Who may give such commands; None: everybody who is registered.
    """

    topic: ClassVar[str]
    by: ClassVar[Role | None]

    def __init_subclass__(cls, *, topic: str = "", by: Role | None = None) -> None:
        cls.topic, cls.by = topic, by
        if topic:
            COMMANDS[topic] = cls


COMMANDS: dict[str, type[CommandData]] = {}
"""The model of every topic."""


class AboutGame(CommandData):
    """About one game."""

    game: Identifier


class AboutIdentity(CommandData):
    """About somebody who signs, with its public key."""

    id: Identifier
    public_key: PublicKey


# -- a model for each topic


class PublishClearing(AboutGame, topic=Topic.PUBLISH_CLEARING):
    """Clear a certified game by prices that prove themselves."""

    arena: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """The hash of what was fixed at gate closure, which the game's ``clearing`` states."""
    prices: Annotated[dict[Identifier, PriceCurrencyPerKwh], Field(min_length=1), piecewise()]
    """What every seller's energy is worth, without the fee for the hops; at least its base price."""
    corrections: Annotated[
        dict[Identifier, Annotated[dict[Identifier, EnergyKwh], piecewise()]], piecewise(at_once=1, most=1_000)
    ] = Field({}, max_length=1_000)
    """{buyer: {seller: kWh}}: what it takes instead of what follows from the prices; the grid gives the rest."""


class FallBack(AboutGame, topic=Topic.FALL_BACK, by=Role.OPERATOR):
    """End the wait for a clearing whose time is over: the game is played in turns, or all is bought from the grid."""


class ProveClearing(AboutGame, topic=Topic.PROVE_CLEARING):
    """Go on with the proof of a clearing that is too large to be proved at once."""

    poster: Identifier
    """Who posted it."""
    left: StepsLeft | None = None


class StopGame(AboutGame, topic=Topic.STOP_GAME):
    """Go on with the stop of a game that is too large to be stopped at once."""

    left: StepsLeft | None = None


class RegisterProsumer(AboutIdentity, topic=Topic.REGISTER_PROSUMER, by=Role.OPERATOR):
    """Enter a prosumer or a further operator with its public key; the totals are its metered history in kWh."""

    role: Role = Role.PROSUMER
    total_production: EnergyKwh = units.Energy(0)
    total_consumption: EnergyKwh = units.Energy(0)
    replace_key: Annotated[bool, Field(strict=True)] = False

    def _problem(self) -> str | None:
        if self.role is Role.METER:
            return "a meter is entered by registerMeter, which names its prosumer and its connection's power"
        if self.replace_key and (self.role is not Role.PROSUMER or self.total_production or self.total_consumption):
            return "replaceKey gives a new public key and changes neither role nor totals"
        return None


_RowOfHops = Annotated[dict[Identifier, Annotated[int, Field(ge=0, le=1000, strict=True)]], piecewise()]


class SetTopology(CommandData, topic=Topic.SET_TOPOLOGY, by=Role.OPERATOR):
    """State the hop distances: as a graph whose edges are one hop each, or as a table {buyer: {seller: hops}}."""

    edges: (
        Annotated[list[tuple[Identifier, Identifier]], Field(min_length=1, max_length=100_000), piecewise(most=100_000)]
        | None
    ) = None
    hops: Annotated[dict[Identifier, _RowOfHops], Field(min_length=1), piecewise(at_once=1)] | None = None

    def _problem(self) -> str | None:
        return "needs either edges or hops" if (self.edges is None) == (self.hops is None) else None


class TopUpAccount(CommandData, topic=Topic.TOP_UP_ACCOUNT, by=Role.OPERATOR):
    """Bring money into the market: the only command that changes how much there is."""

    prosumer: Identifier
    amount: SomeMoney


class SetTariffs(CommandData, topic=Topic.SET_TARIFFS, by=Role.OPERATOR):
    """Replace the table of the grid's tariffs; games that are published already keep theirs."""

    tariffs: Annotated[list[TariffsFrom], Field(max_length=10_000), _parts(10_000)]  # quarter-hours of a hundred days
    """Each holds until the next one; in any order."""

    def _problem(self) -> str | None:
        times = {tariffs.from_ms for tariffs in self.tariffs}
        return "has two tariffs from the same moment on" if len(times) < len(self.tariffs) else None


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

    def _problem(self) -> str | None:
        if self.price_floor is not None and self.price_cap is not None and self.price_floor > self.price_cap:
            return "priceFloor must not be above priceCap, or nobody could offer"
        return None


class PublishOffer(OfferedEnergy, AboutGame, topic=Topic.PUBLISH_OFFER):
    """Offer energy at a base price."""


class PublishDemand(DemandedEnergy, AboutGame, topic=Topic.PUBLISH_DEMAND):
    """Ask for energy."""


class PublishOrders(CommandData, topic=Topic.PUBLISH_ORDERS):
    """Say what to offer or ask for in many games, whose gates are open; all of it or nothing.

    Each order replaces what the prosumer had in that game, and arrives when it does.
    """

    orders: Annotated[list[Order], Field(min_length=1, max_length=200), _parts(200)]  # quarter-hours of two days


class StopGameRegistration(AboutGame, topic=Topic.STOP_GAME_REGISTRATION, by=Role.OPERATOR):
    """End the registration and give the first buyer its turn, or without buyers or sellers begin the delivery."""


class PublishBuyBid(AboutGame, topic=Topic.PUBLISH_BUY_BID):
    """Split the demand among the sellers, or pass: keepPlaying false, my bid stands.

    What a bid does not cover is bought from the grid. A bid after the first that saves no more than the game's
    tolerance counts as a pass.
    """

    round: Annotated[int, Field(ge=1, strict=True)] | None = None
    """The round it is meant for; without it a bid that comes late may count in the next one."""
    bid_amounts: Annotated[dict[Identifier, EnergyKwh], piecewise()] | None = None
    """{seller: kWh}; a seller left out is 0."""
    keep_playing: Annotated[bool, Field(strict=True)] = True

    def _problem(self) -> str | None:
        if self.keep_playing:
            return "needs bidAmounts unless keepPlaying is false" if self.bid_amounts is None else None
        if self.bid_amounts is not None:
            return "a pass (keepPlaying false) lets the earlier bid stand and carries no bidAmounts"
        return None


class SkipTurn(AboutGame, topic=Topic.SKIP_TURN, by=Role.OPERATOR):
    """Pass over a buyer whose deadline is over, or stop a game whose delivery has begun; names the turn."""

    buyer: Identifier
    round: Annotated[int, Field(ge=1, strict=True)]


class PublishMeterReading(AboutGame, topic=Topic.PUBLISH_METER_READING):
    """Energy taken from and fed into the network since the meter's last reading."""

    sequence: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)]
    in_energy: EnergyKwh
    out_energy: EnergyKwh


class RegisterMeter(AboutIdentity, topic=Topic.REGISTER_METER, by=Role.OPERATOR):
    """Enter a meter with its own public key as that of a prosumer's connection, or in the place of an earlier one."""

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

    readings: (
        Annotated[list[EnergyReading], Field(min_length=1, max_length=MAX_READINGS), _parts(MAX_READINGS)] | None
    ) = None
    registers: (
        Annotated[list[RegisterReading], Field(min_length=1, max_length=MAX_READINGS), _parts(MAX_READINGS)] | None
    ) = None

    def _problem(self) -> str | None:
        return "needs either readings or registers" if (self.readings is None) == (self.registers is None) else None


class CloseMarket(AboutGame, topic=Topic.CLOSE_MARKET, by=Role.OPERATOR):
    """Settle what is left of a game against the grid's tariffs; a large one part by part, until its ``left`` is 0."""

    left: StepsLeft | None = None


class ArchiveSlots(CommandData, topic=Topic.ARCHIVE_SLOTS, by=Role.OPERATOR):
    """Remove what final slots' games have on the ledger but their lines, and keep its hash.

    So much at once as one transaction bears: whoever has games left gives a new command for those.
    """

    games: ArchivedNames


class ArchiveLines(CommandData, topic=Topic.ARCHIVE_LINES, by=Role.OPERATOR):
    """Remove prosumers' lines of archived slots that began before a moment, and keep their sum and hash.

    So much at once as one transaction bears: whoever has prosumers left gives a new command for those.
    """

    prosumers: ArchivedNames
    before_ms: Instant = Field(alias="before")


class ResetMarket(CommandData, topic=Topic.RESET_MARKET, by=Role.OPERATOR):
    """End and remove every game and release every escrow; prosumers, accounts and topology stay."""


class SetLedgerTime(CommandData, topic=Topic.SET_LEDGER_TIME, by=Role.OPERATOR):
    """Set a ledger's time right that is ahead of the true one, and begin a new epoch: the ledger gets a new id."""

    old_ms: Instant = Field(alias="oldTime")
    """The wrong one, as the ledger's last block has it."""
    new_ms: Instant = Field(alias="newTime")
    """The right one, when the command is given."""

    def _problem(self) -> str | None:
        is_forward = self.new_ms >= self.old_ms
        return "newTime must be before oldTime: forward the ledger's time goes by itself" if is_forward else None


class SimulateTime(CommandData, topic=Topic.SIMULATE_TIME, by=Role.OPERATOR):
    """Let the market's time begin at a moment and pass so many times as fast as the real one, from now on for good."""

    start_ms: Instant = Field(alias="start", ge=FIRST_START_MS, le=LAST_START_MS)
    factor: Annotated[int, Field(ge=1, le=MAX_FACTOR, strict=True)]
