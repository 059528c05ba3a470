"""What stands on the ledger, record by record, in the ledger's integers.

Keys are per entity, so that two prosumers' commands touch no common key while a game is open for registration.
"""

import hashlib
from functools import lru_cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, RootModel

from energy_market_chaincode.canonical import exact_json, read_exact_json
from energy_market_chaincode.times import SimulatedTime
from energy_market_chaincode.units import Energy, Money, Price, Share
from energy_market_chaincode.vocabulary import Fallback, Metering, Phase, Role, StopReason


class Value(BaseModel):
    """Something that stands on the ledger, alone or within a record."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # a process builds the records that it reads

    def but(self, **changes: object) -> Self:
        """Return a copy with some fields changed."""
        return self.model_copy(update=changes)


class Record(Value):
    """What stands on the ledger under a key of its own.

    Parameters
    ----------
    prefix
        What the keys of this kind begin with.
    reset
        Whether a reset of the market removes it.
    """

    PREFIX: ClassVar[str]
    RESET: ClassVar[bool]

    def __init_subclass__(cls, *, prefix: str, reset: bool = False) -> None:
        cls.PREFIX, cls.RESET = prefix, reset
        RECORDS[prefix] = cls

    @classmethod
    def key(cls, *names: str) -> str:
        """Return the key of a record, for instance of an offer by the names of its game and its seller."""
        return "/".join((cls.PREFIX, *names))

    def to_bytes(self) -> bytes:
        """Return the record as it is stored: JSON, fields in the order of their declaration."""
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read a record as it is stored."""
        return cls.model_validate_json(value)


RECORDS: dict[str, type[Record]] = {}
"""Every kind of record by its prefix."""


class Market(Record, prefix="market"):
    """The ledger's beginning; the first operator may have another key by now, in its record.

    Attributes
    ----------
    transaction
        The id of the transaction that began the ledger; None where rules wrote it that did not keep it.
    """

    first_operator: str
    first_public_key: str
    initialised_at_ms: int
    transaction: str | None = None

    @property
    def ledger(self) -> str:
        """The id of the ledger in its first epoch."""
        if self.transaction is not None:
            return self.transaction
        beginning = [self.first_operator, self.first_public_key, self.initialised_at_ms]
        return hashlib.sha256(exact_json(beginning)).hexdigest()


class Epoch(Record, prefix="epoch"):
    """The present epoch, if it is not the ledger's first: what the ledger's time was, and what it was set to."""

    number: int
    old_ms: int
    new_ms: int


class Simulation(Record, RootModel[SimulatedTime], prefix="simulated-time"):
    """By which mapping the market's time follows from the real one; without, it is the real one."""


def ledger_id(market: Market, epoch: Epoch | None) -> str:
    """Return the id of the ledger, which commands name: from its first new epoch on it ends with the epoch's number."""
    return market.ledger if epoch is None else f"{market.ledger}.{epoch.number}"


class Prosumer(Record, prefix="prosumer"):
    """A registered identity: prosumer or operator."""

    id: str
    role: Role
    public_key: str
    registered_at_ms: int


class Account(Record, prefix="account"):
    """Money of a prosumer or of one of the two operators.

    Attributes
    ----------
    debt
        What the grid operator paid in its place, and is owed. It is no money: nobody has it.
    """

    free: Money = Money(0)
    frozen: Money = Money(0)
    debt: Money = Money(0)


class MeterTotals(Record, prefix="meter"):
    """All that a prosumer's meter ever counted."""

    production: Energy = Energy(0)
    consumption: Energy = Energy(0)


class Installed(Value):
    """A meter at a connection; ``power`` is energy per hour, ``modulus`` where its registers begin at zero again."""

    meter: str
    power: Energy
    modulus: Energy
    since_ms: int

    def limit(self, duration_ms: int) -> Energy:
        """Return what the connection can carry, in either direction, in a time."""
        return Energy(self.power * duration_ms // 3_600_000)


class Connection(Record, prefix="connection"):
    """A prosumer's connection to the network: its meters, the oldest first. The last one is in service."""

    meters: list[Installed]

    def installed_at(self, at_ms: int) -> Installed | None:
        """Return the meter that was in service at a moment."""
        return next((each for each in reversed(self.meters) if each.since_ms <= at_ms), None)


class MeteredMarket(Record, prefix="metered"):
    """Marks that the market has a meter."""


class MetersProsumer(Record, prefix="meter-of"):
    """Whose connection a meter counts at."""

    prosumer: str


class RegisterState(Record, prefix="register"):
    """What a meter's registers (in, out) showed at a moment, and from then on if it was replaced."""

    shown: tuple[Energy, Energy] | None = None
    anew: tuple[Energy, Energy] | None = None

    @property
    def baseline(self) -> tuple[Energy, Energy] | None:
        """From what the energy after that moment is counted."""
        return self.anew or self.shown


class Remembered(Record, prefix="command"):
    """A command that was decided: its digest, its result as exact JSON, and until when it must be known."""

    digest: str
    result: str
    until_ms: int | None = None
    """None: for good."""

    def to_bytes(self) -> bytes:
        """Return it as JSON, as older rules wrote it where it is kept for good."""
        return self.model_dump_json(exclude_none=True).encode()


class ToForget(Record, prefix="to-forget"):
    """Marks when a command may be forgotten: ``to-forget/{epoch}/{time}/{signer}/{id}``."""


class Expiry(Record, prefix="expiry"):
    """How far commands are forgotten.

    Attributes
    ----------
    passed_ms
        Commands that were valid until before it are refused, whatever a transaction's time is.
    next_ms
        When to forget again.
    """

    passed_ms: int = 0
    next_ms: int = 0


class Tariffs(Value):
    """What the grid takes and gives for a kWh, from a moment on."""

    from_ms: int
    retail: Price
    feed_in: Price


class TariffTable(Record, prefix="tariffs"):
    """The grid's tariffs, the earliest first; each holds until the next one."""

    tariffs: list[Tariffs]


class Slot(Record, prefix="slot", reset=True):
    """Which game a delivery slot has."""

    game: str


class Booked(Record, prefix="booked", reset=True):
    """What of a day has games, by the number of the day since 1970-01-01 UTC: from when to when, in ms, in order."""

    spans: list[tuple[int, int]]


class Parameters(Value):
    """The parameters of a game, see :class:`~energy_market_chaincode.commands.PublishGame`.

    Attributes
    ----------
    slot_duration_ms, clearing_duration_ms
        None: the slot has no time.
    delivery_duration_ms
        Of a slot with a time the slot's.
    """

    registration_duration_ms: int
    expected_participants: int | None
    turn_deadline_ms: int
    round_limit: int
    tolerance: Share
    delivery_duration_ms: int
    retail_tariff: Price
    feed_in_tariff: Price
    fee_per_hop: Price
    imbalance_penalty: Price
    price_floor: Price | None = None
    price_cap: Price | None = None
    slot_duration_ms: int | None = None
    clearing_duration_ms: int | None = None
    metering_window_ms: int = 0
    correction_window_ms: int = 0
    metering: Metering = Metering.SELF


class Game(Record, prefix="game", reset=True):
    """A game: for which slot, by which rules, in which phase.

    Attributes
    ----------
    delivery_starts_ms, delivery_ends_ms, metering_ends_ms, final_ms
        Known from the beginning where the slot has a time, else when the game stops. The clearing ends at the latest
        when the delivery starts.
    """

    id: str
    slot: str
    mechanism: str
    parameters: Parameters
    published_at_ms: int
    registration_ends_ms: int
    phase: Phase = Phase.REGISTRATION
    delivery_ends_ms: int | None = None
    delivery_starts_ms: int | None = None
    metering_ends_ms: int | None = None
    final_ms: int | None = None

    @property
    def has_slot_time(self) -> bool:
        """Whether its slot is an instant and a duration, and not only a name."""
        return self.parameters.slot_duration_ms is not None

    def delivered_from(self, starts_ms: int) -> Self:
        """Return it with the times of a delivery and of what follows that."""
        ends_ms = starts_ms + self.parameters.delivery_duration_ms
        metered_ms = ends_ms + self.parameters.metering_window_ms
        return self.but(
            delivery_starts_ms=starts_ms,
            delivery_ends_ms=ends_ms,
            metering_ends_ms=metered_ms,
            final_ms=metered_ms + self.parameters.correction_window_ms,
        )


class Emptying(Record, prefix="emptying"):
    """A reset of the market that is done in parts, while it goes on: how many games it found, and which were open."""

    games: int
    cancelled: list[str]


class StandingOffer(Record, prefix="offer", reset=True):
    """What a seller offers."""

    seller: str
    capacity: Energy
    price: Price
    arrived: tuple[int, int]
    """Transaction's timestamp in ms, place in the transaction."""


class StandingDemand(Record, prefix="demand", reset=True):
    """What a buyer asks for, and what its place in the turn order depends on."""

    buyer: str
    demand: Energy
    production: Energy
    consumption: Energy
    arrived: tuple[int, int]


class Escrow(Record, prefix="escrow", reset=True):
    """What is frozen of a participant's money for one game.

    Attributes
    ----------
    amount
        A buyer's: what its bid, or the grid, may come to cost.
    deposit
        What it may come to owe beyond that; of a seller its bond. See :mod:`~energy_market_chaincode.contracting`.
    """

    amount: Money = Money(0)
    deposit: Money = Money(0)

    @property
    def frozen(self) -> Money:
        """All of it."""
        return Money(self.amount + self.deposit)


class Arena(Record, prefix="arena", reset=True):
    """What is fixed when a game's registration stops.

    Attributes
    ----------
    sellers
        In order of arrival.
    buyers
        In turn order.
    hops
        One row per buyer, one column per seller.
    layout
        The digest of the graph that they follow from, where they are too many to be stored, see
        :mod:`~energy_market_chaincode.topology`: then there are none until they are filled in.
    """

    sellers: list[StandingOffer]
    buyers: list[StandingDemand]
    hops: list[list[int] | bytes]
    layout: str | None = None

    def to_bytes(self) -> bytes:
        """Return it as it is stored: orders as lists of their fields, and no hops that follow from a layout."""
        orders = {name: [list(dict(order).values()) for order in getattr(self, name)] for name in _ORDERS}
        return exact_json({**orders, "hops": self.hops if self.layout is None else [], "layout": self.layout})

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read an arena; in a large game that takes long, and every turn and reading asks for the same one."""
        return cls.model_validate(_arena(value))


_ORDERS: dict[str, type[Record]] = {"sellers": StandingOffer, "buyers": StandingDemand}


@lru_cache(maxsize=8)
def _arena(value: bytes) -> Arena:
    stored = read_exact_json(value)
    orders = {name: [_order(kind, each) for each in stored[name]] for name, kind in _ORDERS.items()}
    return Arena.model_validate(stored | orders)


def _order(kind: type[Record], stored: Any) -> dict[str, Any]:
    """Return an order's fields; earlier rules wrote them with their names."""
    return stored if isinstance(stored, dict) else dict(zip(kind.model_fields, stored, strict=True))


class Play(Record, prefix="play", reset=True):
    """Where the game stands: whose turn, until when, how many passed in this round, what each seller has sold."""

    round: int
    turn: int
    deadline_ms: int
    passes: int
    loads: list[Energy]
    began_at_ms: int | None = None
    """None where rules wrote it that knew no slots' times: the deadline tells it."""

    def began_ms(self, parameters: Parameters) -> int:
        """Return when the present turn began."""
        return self.deadline_ms - parameters.turn_deadline_ms if self.began_at_ms is None else self.began_at_ms


class StandingBid(Record, prefix="bid", reset=True):
    """How a buyer split its demand among the sellers, in their order, and in which round."""

    amounts: list[Energy]
    round: int


class ClearingState(Record, prefix="clearing", reset=True):
    """How far a certified game is.

    Attributes
    ----------
    arena
        The hash of what is fixed, see :func:`~energy_market_chaincode.mechanisms.certified.arena_hash`.
    ends_ms
        Until then clearings are taken.
    """

    arena: str
    ends_ms: int
    fallback: Fallback | None = None


class Certificate(Record, prefix="certificate", reset=True):
    """A clearing that was accepted. Costs are energy times price: 10^16 are one unit of money.

    Attributes
    ----------
    prices
        In the sellers' order.
    corrections
        {number of a buyer: {number of a seller: 0.1 Wh}}
    upper, lower, allowance
        See :class:`~energy_market_chaincode.certificate.Verdict`.
    rests
        What all buyers together leave of scarce sellers, by their numbers, before that is sold; of a clearing that was
        proved in parts.
    """

    poster: str
    digest: str
    prices: list[Price]
    corrections: dict[int, dict[int, Energy]]
    upper: int
    lower: int
    allowance: int
    rests: dict[int, int] | None = None


class Outcome(Record, prefix="outcome", reset=True):
    """How a game stopped; ``costs`` and ``regrets`` in turn order, once ``handed_back`` was left to the grid."""

    reason: StopReason
    rounds: int
    costs: list[Money]
    regrets: list[Money]
    handed_back: Energy = Energy(0)


class Transfer(Value):
    """Energy that a seller owes a buyer, and the money for it.

    Attributes
    ----------
    load
        What the seller sold in all: the unit price depends on it.
    claimed_before, received_before
        Energy that buyers before this one claim of the seller, and that the buyer gets from sellers before this one.
    delivered
        Energy settled so far: all of it once fulfilled, a part of it perhaps at close.
    """

    seller: str
    buyer: str
    energy: Energy
    capacity: Energy
    price: Price
    load: Energy
    hops: int
    claimed_before: Energy
    received_before: Energy
    energy_cost: Money
    transmission_fee: Money
    delivered: Energy = Energy(0)

    @property
    def is_fulfilled(self) -> bool:
        """Whether all of it was delivered and paid."""
        return self.delivered == self.energy


class Purchases(Record, prefix="purchases", reset=True):
    """A buyer's transfers, in the sellers' order."""

    transfers: list[Transfer]


class Customers(Record, prefix="customers", reset=True):
    """The buyers a seller has transfers to, in turn order."""

    buyers: list[str]


class Delivery(Record, prefix="delivery", reset=True):
    """What a participant's meter counted for a game."""

    in_energy: Energy = Energy(0)
    out_energy: Energy = Energy(0)


class AcceptedReading(Record, prefix="reading", reset=True):
    """Marks a prosumer's reading as accepted, in whichever game: ``reading/{prosumer}/{sequence}``."""


class ReadingOfGame(Record, prefix="reading-of", reset=True):
    """Tells in which game a reading was accepted: ``reading-of/{game}/{prosumer}/{sequence}``."""


class Settlement(Record, prefix="settlement", reset=True):
    """What closing a game settled.

    Attributes
    ----------
    delivered
        Energy that went from sellers to buyers.
    from_grid, to_grid
        Energy that was taken from the grid and fed into it.
    paid_to_sellers, transmission_fees, paid_to_grid, paid_by_grid, compensations, penalties
        Money by purpose; what the grid is paid or pays is below zero where a tariff is.
    guaranteed
        Money that the grid operator paid in place of accounts that could not.
    presumed
        Whose meters never reported: what they are presumed to have taken counts.
    corrections
        How often it was settled anew.
    """

    closed_at_ms: int
    delivered: Energy = Energy(0)
    from_grid: Energy = Energy(0)
    to_grid: Energy = Energy(0)
    paid_to_sellers: Money = Money(0)
    transmission_fees: Money = Money(0)
    paid_to_grid: Money = Money(0)
    paid_by_grid: Money = Money(0)
    compensations: Money = Money(0)
    penalties: Money = Money(0)
    guaranteed: Money = Money(0)
    presumed: list[str] = []
    corrections: int = 0


class Layout(Record, prefix="topology"):
    """How hop distances are known: by the edges of a graph, or (edges None) by rows of a table."""

    edges: list[tuple[str, str]] | None


class NetworkNode(Record, prefix="topology/node"):
    """Marks a node of the graph."""


class HopsRow(Record, RootModel[dict[str, int]], prefix="topology/row"):
    """A buyer's row of the table: the hops to each seller."""


class HopsColumn(Record, prefix="topology/column"):
    """Marks a seller's column of the table."""
