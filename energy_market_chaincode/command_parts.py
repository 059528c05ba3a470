"""What commands say about several slots or moments at once: tariffs, orders, readings; a model for each part."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from energy_market_chaincode.amounts import EnergyKwh, PriceCurrencyPerKwh, TariffCurrencyPerKwh, positive
from energy_market_chaincode.times import Instant, slot_name
from energy_market_chaincode.vocabulary import Identifier

SomeEnergy = Annotated[EnergyKwh, AfterValidator(positive)]
SomePrice = Annotated[PriceCurrencyPerKwh, AfterValidator(positive)]
DeliverySlot = Annotated[Identifier, BeforeValidator(slot_name, json_schema_input_type=str)]


class CommandPart(BaseModel):
    """A part of a command's data."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True)


class TariffsFrom(CommandPart):
    """What the grid takes (``retail``) and gives (``feedIn``) for a kWh from a moment on; either may be negative."""

    from_ms: Instant = Field(alias="from")
    retail: TariffCurrencyPerKwh
    feed_in: TariffCurrencyPerKwh

    @model_validator(mode="after")
    def _no_gain_in_a_circle(self) -> Self:
        if self.retail < self.feed_in:
            raise ValueError("retail must not be below feedIn, or energy would be bought to be fed in")
        return self


class AboutSlot(CommandPart):
    """About one slot, which is named by its game or by itself."""

    game: Identifier | None = None
    delivery_slot: DeliverySlot | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.game is None) == (self.delivery_slot is None):
            raise ValueError("needs either game or deliverySlot")
        return self


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

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        if self.offer is not None and self.demand is not None:
            raise ValueError("has an offer and a demand, and in one slot nobody both sells and buys")
        return self


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
