"""Which prosumers a process plays for: one given by flags, or many in a file."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy_market_chaincode import ENERGY_DECIMALS, PRICE_DECIMALS, Identifier, read_exact_json
from market_files import UnusableFile, read_text
from prosumer_client.client import MarketClient
from prosumer_client.household import Household
from prosumer_client.identity import Identity
from prosumer_client.meter import ContractReader, Meter
from prosumer_client.optimizer import Optimizer
from prosumer_client.participant import Participant
from prosumer_client.profile import Battery, Profile, ShiftableLoad
from prosumer_client.traders import Buyer, Seller

LARGEST_ROSTER_BYTES = 10 << 20
"""Ten thousand prosumers take a tenth of it."""

Energy = Annotated[Decimal, Field(gt=0, decimal_places=ENERGY_DECIMALS)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    id: Identifier
    meter: Identifier | None = None
    """The meter at its connection, with a key of its own, where meters count."""

    def identity_of_meter(self, keys: Path) -> Identity | None:
        """Return the meter's identity; raises KeyFileError."""
        return None if self.meter is None else Identity.load(self.meter, keys)


class _Single(_Entry):
    """Who wants the same in every game."""

    delivery: Annotated[Decimal, Field(ge=0)] = Decimal(1)
    """Which share of its part of a game it delivers or consumes."""

    def participants(
        self, market: MarketClient, keys: Path, optimizer: Optimizer | None, contracts: ContractReader
    ) -> list[Participant]:
        """Return the prosumer and its meter."""
        meter = Meter(market, self.delivery, contracts, self.identity_of_meter(keys))
        return [self.trader(market, optimizer), meter]

    def trader(self, market: MarketClient, optimizer: Optimizer | None) -> Participant:
        """Return the prosumer."""
        raise NotImplementedError


class SellerEntry(_Single):
    """A seller: what it offers (kWh) and at which base price (currency per kWh)."""

    role: Literal["seller"]
    capacity: Energy
    price: Annotated[Decimal, Field(gt=0, decimal_places=PRICE_DECIMALS)]

    def trader(self, market: MarketClient, optimizer: Optimizer | None) -> Participant:
        """Return the seller, which needs no optimizer."""
        return Seller(market, self.capacity, self.price)


class BuyerEntry(_Single):
    """A buyer: what it asks for (kWh)."""

    role: Literal["buyer"]
    demand: Energy

    def trader(self, market: MarketClient, optimizer: Optimizer | None) -> Participant:
        """Return the buyer."""
        return Buyer(market, self.demand, optimizer)


class HouseholdEntry(_Entry):
    """A household: its profile (a file in the canonical form, relative to the roster's folder) and its devices."""

    role: Literal["household"]
    profile: Path
    battery: Battery | None = None
    shiftable: ShiftableLoad | None = None

    def participants(
        self, market: MarketClient, keys: Path, optimizer: Optimizer | None, contracts: ContractReader
    ) -> list[Participant]:
        """Return the household and its meter; raises UnusableMeterFile."""
        household = Household(
            market,
            Profile.read(self.profile, self.id),
            battery=self.battery,
            shiftable=self.shiftable,
            optimizer=optimizer,
        )
        return [household, household.meter(self.identity_of_meter(keys), contracts)]


Entry = Annotated[SellerEntry | BuyerEntry | HouseholdEntry, Field(discriminator="role")]


class RosterError(ValueError):
    """A roster is not well formed; the message names everything that is wrong."""


class Roster(BaseModel):
    """The prosumers of one process."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    prosumers: Annotated[list[Entry], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [entry.id for entry in self.prosumers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"names {', '.join(twice)} more than once")
        return self

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read ``{"prosumers": [{"id", "role", ...}]}``; raises RosterError."""
        try:
            value = read_exact_json(read_text(path, LARGEST_ROSTER_BYTES).encode())
        except OSError as error:
            raise RosterError(f"{path} cannot be read: {error.strerror}") from None
        except UnusableFile as error:
            raise RosterError(str(error)) from None
        except ValueError as error:
            raise RosterError(f"{path} is no JSON: {error}") from None
        roster = cls.check(value, str(path))
        return cls(prosumers=[_at(path.parent, entry) for entry in roster.prosumers])

    @classmethod
    def of_one(cls, entry: dict[str, Any]) -> Self:
        """Make a roster of one prosumer; raises RosterError."""
        return cls.check({"prosumers": [entry]}, "the prosumer")

    @classmethod
    def check(cls, value: Any, source: str) -> Self:
        """Check a roster read from a source; raises RosterError."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" for problem in error.errors()
            ]
            raise RosterError(f"{source} is not well formed: {'; '.join(problems)}") from None

    def participants(self, market: MarketClient, keys: Path, optimizer: Optimizer | None) -> Iterable[Participant]:
        """Yield each prosumer and its meter, all on one connection; raises KeyFileError and UnusableMeterFile."""
        contracts = ContractReader(market)
        for entry in self.prosumers:
            client = market.speaking_as(Identity.load(entry.id, keys))
            yield from entry.participants(client, keys, optimizer, contracts)


def _at(folder: Path, entry: SellerEntry | BuyerEntry | HouseholdEntry) -> SellerEntry | BuyerEntry | HouseholdEntry:
    """Return an entry with its file's path as seen from here."""
    if isinstance(entry, HouseholdEntry):
        return entry.model_copy(update={"profile": folder / entry.profile})
    return entry
