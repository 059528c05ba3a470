"""Amounts on their way in and out.

A command carries decimals, which are checked and read as the ledger's integers (``EnergyKwh`` and so on). Answers and
events show decimals with exactly the ledger's digits (``Kwh`` and so on); in JSON these are numbers.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from energy_market_chaincode import units


def positive(value: int) -> int:
    """Refuse zero and what is below it, with a ValueError."""
    if value <= 0:
        raise ValueError("must be greater than zero")
    return value


def _not_negative(value: int) -> int:
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _not_below_the_lowest(tariff: int) -> int:
    if tariff < -units.MAX_PRICE:
        raise ValueError("must be at least -10^6 currency units per kWh")
    return tariff


def _at_most(limit: int, shown: str) -> AfterValidator:
    def check(value: int) -> int:
        if value > limit:
            raise ValueError(f"must be at most {shown}")
        return value

    return AfterValidator(check)


EnergyKwh = Annotated[
    units.Energy,
    BeforeValidator(units.energy_from_kwh, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(units.kwh(value)), return_type=str, when_used="json"),
    AfterValidator(_not_negative),
    _at_most(units.MAX_ENERGY, "10^9 kWh"),
]
MoneyCurrency = Annotated[
    units.Money,
    BeforeValidator(units.money_from_currency, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(units.currency(value)), return_type=str, when_used="json"),
    AfterValidator(_not_negative),
    _at_most(units.MAX_MONEY, "10^9 currency units"),
]


PriceCurrencyPerKwh = Annotated[
    units.Price,
    BeforeValidator(units.price_from_currency_per_kwh, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(units.currency_per_kwh(value)), return_type=str, when_used="json"),
    AfterValidator(_not_negative),
    _at_most(units.MAX_PRICE, "10^6 currency units per kWh"),
]
TariffCurrencyPerKwh = Annotated[
    units.Price,
    BeforeValidator(units.price_from_currency_per_kwh, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(units.currency_per_kwh(value)), return_type=str, when_used="json"),
    _at_most(units.MAX_PRICE, "10^6 currency units per kWh"),
    AfterValidator(_not_below_the_lowest),
]
"""A price per kWh of the grid, which may be negative: then whoever takes energy is paid for it."""
ShareOfOne = Annotated[
    units.Share,
    BeforeValidator(units.share_from_fraction, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(units.fraction(value)), return_type=str, when_used="json"),
    AfterValidator(_not_negative),
    _at_most(10**units.SHARE_DECIMALS, "1"),
]


def _shown(unit: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", "description": unit})


Kwh = Annotated[Decimal, _shown("kWh, at most 4 decimals")]
Kw = Annotated[Decimal, _shown("kW, at most 4 decimals")]
Currency = Annotated[Decimal, _shown("currency units, at most 6 decimals")]
CurrencyPerKwh = Annotated[Decimal, _shown("currency units per kWh, at most 18 decimals")]
ExactCurrency = Annotated[Decimal, _shown("currency, with as many decimals as it takes")]
ExactShare = Annotated[Decimal, _shown("share, with at most 18 decimals")]
Fraction = Annotated[Decimal, _shown("a fraction, at most 9 decimals")]
