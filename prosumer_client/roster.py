"""Which prosumers a process plays for: one given by flags, or many in a file."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy_market_chaincode import ENERGY_DECIMALS, PRICE_DECIMALS, Identifier, read_exact_json
from prosumer_client.buyer import Buyer
from prosumer_client.client import MarketClient
from prosumer_client.identity import Identity
from prosumer_client.meter import ContractReader, Meter
from prosumer_client.optimizer import Optimizer
from prosumer_client.participant import Participant
from prosumer_client.seller import Seller

Energy = Annotated[Decimal, Field(gt=0, decimal_places=ENERGY_DECIMALS)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Identifier
    delivery: Annotated[Decimal, Field(ge=0)] = Decimal(1)
    """Which share of its part of a game it delivers or consumes."""


class SellerEntry(_Entry):
    """A seller: what it offers (kWh) and at which base price (currency per kWh)."""

    role: Literal["seller"]
    capacity: Energy
    price: Annotated[Decimal, Field(gt=0, decimal_places=PRICE_DECIMALS)]

    def trader(self, market: MarketClient, _optimizer: Optimizer | None) -> Participant:
        """Return the seller."""
        return Seller(market, self.capacity, self.price)


class BuyerEntry(_Entry):
    """A buyer: what it asks for (kWh)."""

    role: Literal["buyer"]
    demand: Energy

    def trader(self, market: MarketClient, optimizer: Optimizer | None) -> Participant:
        """Return the buyer."""
        return Buyer(market, self.demand, optimizer)


class RosterError(ValueError):
    """A roster is not well formed; the message names everything that is wrong."""


class Roster(BaseModel):
    """The prosumers of one process."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prosumers: Annotated[list[Annotated[SellerEntry | BuyerEntry, Field(discriminator="role")]], Field(min_length=1)]

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
            value = read_exact_json(path.read_bytes())
        except OSError as error:
            raise RosterError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise RosterError(f"{path} is no JSON: {error}") from None
        return cls.check(value, str(path))

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
        """Yield each prosumer and its meter, all on one connection; raises KeyFileError."""
        contracts = ContractReader(market)
        for entry in self.prosumers:
            client = market.speaking_as(Identity.load(entry.id, keys))
            yield entry.trader(client, optimizer)
            yield Meter(client, entry.delivery, contracts)
