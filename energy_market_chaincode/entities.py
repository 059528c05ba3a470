"""What stands on the ledger, record by record, in the ledger's integers; and the key of each.

Keys are per entity, so that two prosumers' commands touch no common key while a game is open for registration.
"""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from energy_market_chaincode.units import Energy, Money, Price, Share
from energy_market_chaincode.vocabulary import Mechanism, Phase, Role, StopReason


class Record(BaseModel):
    """A value on the ledger."""

    model_config = ConfigDict(frozen=True)

    def to_bytes(self) -> bytes:
        """Return the record as it is stored: JSON, fields in the order of their declaration."""
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read a record as it is stored."""
        return cls.model_validate_json(value)

    def but(self, **changes: object) -> Self:
        """Return a copy with some fields changed."""
        return self.model_copy(update=changes)


class Prosumer(Record):
    """A registered identity: prosumer or operator."""

    id: str
    role: Role
    public_key: str
    registered_at_ms: int

    @staticmethod
    def key(prosumer: str) -> str:
        """Return the key of a prosumer's record."""
        return f"prosumer/{prosumer}"


class Account(Record):
    """Money of a prosumer or of one of the two operators.

    Attributes
    ----------
    debt
        What the grid operator paid in its place, and is owed. It is no money: nobody has it.
    """

    free: Money
    frozen: Money
    debt: Money = Money(0)

    @staticmethod
    def key(owner: str) -> str:
        """Return the key of an account."""
        return f"account/{owner}"


class MeterTotals(Record):
    """All that a prosumer's meter ever counted."""

    production: Energy
    consumption: Energy

    @classmethod
    def nothing(cls) -> Self:
        """Return the totals of a meter that never counted anything."""
        return cls(production=Energy(0), consumption=Energy(0))

    @staticmethod
    def key(prosumer: str) -> str:
        """Return the key of a meter's totals."""
        return f"meter/{prosumer}"


class Remembered(Record):
    """A command that was decided: the digest of what was signed, and its result as exact JSON."""

    digest: str
    result: str

    @staticmethod
    def key(prosumer: str, command: str) -> str:
        """Return the key under which a signer's command is remembered."""
        return f"command/{prosumer}/{command}"


class Slot(Record):
    """Which game a delivery slot has."""

    game: str

    @staticmethod
    def key(slot: str) -> str:
        """Return the key of a delivery slot."""
        return f"slot/{slot}"


class Parameters(Record):
    """The parameters of a game, see :class:`~energy_market_chaincode.commands.PublishGame`."""

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


class Game(Record):
    """A game: for which slot, by which rules, in which phase."""

    id: str
    slot: str
    mechanism: Mechanism
    parameters: Parameters
    published_at_ms: int
    registration_ends_ms: int
    phase: Phase = Phase.REGISTRATION
    delivery_ends_ms: int | None = None

    @staticmethod
    def key(game: str) -> str:
        """Return the key of a game."""
        return f"game/{game}"


class Offer(Record):
    """What a seller offers."""

    seller: str
    capacity: Energy
    price: Price
    arrived: tuple[int, int]
    """Transaction's timestamp in ms, place in the transaction."""

    PREFIX: ClassVar[str] = "offer/"

    @staticmethod
    def key(game: str, seller: str) -> str:
        """Return the key of an offer."""
        return f"offer/{game}/{seller}"


class Demand(Record):
    """What a buyer asks for, and what its place in the turn order depends on."""

    buyer: str
    demand: Energy
    production: Energy
    consumption: Energy
    arrived: tuple[int, int]

    PREFIX: ClassVar[str] = "demand/"

    @staticmethod
    def key(game: str, buyer: str) -> str:
        """Return the key of a demand."""
        return f"demand/{game}/{buyer}"


class Escrow(Record):
    """What is frozen of a buyer's money for one game."""

    amount: Money

    PREFIX: ClassVar[str] = "escrow/"

    @staticmethod
    def key(game: str, buyer: str) -> str:
        """Return the key of an escrow."""
        return f"escrow/{game}/{buyer}"


class Arena(Record):
    """What is fixed when a game's registration stops.

    Attributes
    ----------
    sellers
        In order of arrival.
    buyers
        In turn order.
    hops
        One row per buyer, one column per seller.
    """

    sellers: list[Offer]
    buyers: list[Demand]
    hops: list[list[int]]

    @staticmethod
    def key(game: str) -> str:
        """Return the key of a game's arena."""
        return f"arena/{game}"

    def buyer_index(self, prosumer: str) -> int | None:
        """Return a buyer's place in the turn order, None if it is no buyer of this game."""
        return next((i for i, demand in enumerate(self.buyers) if demand.buyer == prosumer), None)

    def seller_index(self, prosumer: str) -> int | None:
        """Return a seller's place, None if it is no seller of this game."""
        return next((j for j, offer in enumerate(self.sellers) if offer.seller == prosumer), None)


class Play(Record):
    """Where the game stands: whose turn, until when, how many passed in this round, what each seller has sold."""

    round: int
    turn: int
    deadline_ms: int
    passes: int
    loads: list[Energy]

    @staticmethod
    def key(game: str) -> str:
        """Return the key of a game's play."""
        return f"play/{game}"


class Bid(Record):
    """How a buyer split its demand among the sellers, in their order, and in which round."""

    amounts: list[Energy]
    round: int

    @staticmethod
    def key(game: str, buyer: str) -> str:
        """Return the key of a bid."""
        return f"bid/{game}/{buyer}"


class Outcome(Record):
    """How a game stopped; ``costs`` and ``regrets`` in turn order."""

    reason: StopReason
    rounds: int
    costs: list[Money]
    regrets: list[Money]

    @staticmethod
    def key(game: str) -> str:
        """Return the key of a game's outcome."""
        return f"outcome/{game}"


class Transfer(Record):
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


class Purchases(Record):
    """A buyer's transfers, in the sellers' order."""

    transfers: list[Transfer]

    @staticmethod
    def key(game: str, buyer: str) -> str:
        """Return the key of a buyer's transfers."""
        return f"purchases/{game}/{buyer}"


class Customers(Record):
    """The buyers a seller has transfers to, in turn order."""

    buyers: list[str]

    @staticmethod
    def key(game: str, seller: str) -> str:
        """Return the key of a seller's customers."""
        return f"customers/{game}/{seller}"


class Delivery(Record):
    """What a participant's meter counted for a game."""

    in_energy: Energy = Energy(0)
    out_energy: Energy = Energy(0)

    @staticmethod
    def key(game: str, prosumer: str) -> str:
        """Return the key of a participant's delivery."""
        return f"delivery/{game}/{prosumer}"


def reading_key(prosumer: str, sequence: int) -> str:
    """Return the key that marks a meter's reading as accepted."""
    return f"reading/{prosumer}/{sequence}"


class Settlement(Record):
    """What closing a game settled.

    Attributes
    ----------
    delivered
        Energy that went from sellers to buyers.
    from_grid, to_grid
        Energy that buyers took from the grid and that sellers fed into it.
    paid_to_sellers, transmission_fees, paid_to_grid, paid_by_grid, compensations, penalties
        Money by purpose.
    guaranteed
        Money that the grid operator paid in place of accounts that could not.
    presumed
        The buyers, in turn order, whose meters never reported: their demand counts as taken.
    """

    closed_at_ms: int
    delivered: Energy
    from_grid: Energy
    to_grid: Energy
    paid_to_sellers: Money
    transmission_fees: Money
    paid_to_grid: Money
    paid_by_grid: Money
    compensations: Money
    penalties: Money
    guaranteed: Money
    presumed: list[str] = []

    @staticmethod
    def key(game: str) -> str:
        """Return the key of a game's settlement."""
        return f"settlement/{game}"


GAME_PREFIXES = (
    "arena/", "bid/", "customers/", "delivery/", "demand/", "escrow/", "game/", "offer/", "outcome/", "play/",
    "purchases/", "reading/", "settlement/", "slot/",
)  # fmt: skip
"""All keys that a reset of the market removes."""
