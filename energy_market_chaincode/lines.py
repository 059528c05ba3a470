"""What stays on the ledger of slots: a line for each participant, what else moved accounts, and a hash of the rest."""

from typing import Self

from energy_market_chaincode.canonical import exact_json, read_exact_json
from energy_market_chaincode.records import Record
from energy_market_chaincode.units import (
    Energy,
    Money,
    Price,
    cost,
    currency_per_kwh,
    price_from_currency_per_kwh,
)


class Line(Record, prefix="line"):
    """What a settled slot came to for one participant: ``line/{prosumer}/{start of its delivery}/{game}``.

    It stays when the market is reset, as the money does that it accounts for. There are very many, so it is stored as a
    list of at most 200 bytes; in one game nobody both buys and sells.

    Attributes
    ----------
    in_energy, out_energy
        What it took from the network and fed into it.
    bought, sold
        What of that its contracts gave; the rest is the grid's.
    bought_for, sold_for
        Money for that.
    compensation
        What it got for contracts that others did not keep; below zero what it owed.
    fees, penalties
        To the network operator; to the grid operator for imbalances and silence.
    retail_tariff, feed_in_tariff
        The grid's in this slot.
    is_presumed
        Whether it was silent.
    """

    in_energy: Energy
    out_energy: Energy
    bought: Energy = Energy(0)
    sold: Energy = Energy(0)
    bought_for: Money = Money(0)
    sold_for: Money = Money(0)
    compensation: Money = Money(0)
    fees: Money = Money(0)
    penalties: Money = Money(0)
    retail_tariff: Price = Price(0)
    feed_in_tariff: Price = Price(0)
    is_presumed: bool = False

    @property
    def from_grid(self) -> Energy:
        """What it took from the grid."""
        return Energy(self.in_energy - self.bought)

    @property
    def to_grid(self) -> Energy:
        """What it fed into the grid."""
        return Energy(self.out_energy - self.sold)

    @property
    def from_grid_for(self) -> Money:
        """What that cost; below zero where the tariff is."""
        return cost(self.from_grid, self.retail_tariff)

    @property
    def to_grid_for(self) -> Money:
        """What that brought; below zero where the tariff is."""
        return cost(self.to_grid, self.feed_in_tariff)

    @property
    def _gains(self) -> tuple[int, ...]:
        return (-self.bought_for, self.sold_for, -self.from_grid_for, self.to_grid_for, self.compensation)

    @property
    def paid(self) -> Money:
        """What it paid for energy and compensation."""
        return Money(sum(max(0, -gain) for gain in self._gains))

    @property
    def received(self) -> Money:
        """What it was paid for energy and as compensation."""
        return Money(sum(max(0, gain) for gain in self._gains))

    @property
    def net(self) -> Money:
        """What it gains."""
        return Money(self.received - self.paid - self.fees - self.penalties)

    def to_bytes(self) -> bytes:
        """Return the list of its fields, at most 200 bytes."""
        counted = [int(getattr(self, name)) for name in type(self).model_fields]
        return exact_json([*counted[:-3], *map(currency_per_kwh, counted[-3:-1]), counted[-1]])

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read the list of its fields."""
        *counted, retail, feed_in, is_presumed = read_exact_json(value)
        tariffs = map(price_from_currency_per_kwh, (retail, feed_in))
        return cls(**dict(zip(cls.model_fields, (*counted, *tariffs, bool(is_presumed)), strict=True)))


class LineCorrection(Record, prefix="correction"):
    """By how much a settlement anew changed a line's net, and when.

    Under its line's names and the number of the correction: ``correction/{prosumer}/{start}/{game}/{number}``.
    """

    at_ms: int
    net: Money


class Movement(Record, prefix="entry"):
    """Money that moved in an account for another reason than a slot: ``entry/{prosumer}/{time}/{kind of entry}``."""

    amount: Money


class LineArchive(Record, prefix="archived-lines"):
    """What a prosumer's old lines left: ``archived-lines/{prosumer}``.

    Attributes
    ----------
    before_ms
        Slots that began earlier have no lines here any more.
    lines, net
        How many there were, and what they came to.
    digest
        Their hash, chained as in :class:`Archive`: each line in the order of time, and its corrections after it.
    """

    before_ms: int = 0
    lines: int = 0
    net: Money = Money(0)
    digest: str = ""


class Archive(Record, prefix="archive"):
    """What a final slot left of its game beside its lines; it stays when the market is reset, as they do.

    Attributes
    ----------
    starts_ms
        When its delivery began.
    corrections
        How often it was settled anew.
    records, digest
        How many records were removed so far, and their hash: SHA-256 of the hash before, a record's key, a line feed
        and its value, over all in the order of their kinds and keys.
    is_whole
        Whether all were removed.
    """

    starts_ms: int
    corrections: int
    records: int = 0
    digest: str = ""
    is_whole: bool = False
