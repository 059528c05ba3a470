"""Energy, money and prices as exact integers, and the decimals in which people read them.

==========  =============================  ==================================
type        one unit is                    at every interface
==========  =============================  ==================================
Energy      0.1 Wh (10^-4 kWh)             decimal kWh, at most 4 decimals
Money       10^-6 currency units           decimal currency, at most 6
Price       10^-18 currency units per kWh  decimal currency/kWh, at most 18
Share       10^-9                          decimal fraction, at most 9
==========  =============================  ==================================

Amounts are refused, never rounded, when they carry more decimals than the ledger can hold. A command carries decimals,
which are checked and read as the ledger's integers (``EnergyKwh`` and so on). Answers and events show decimals with
exactly the ledger's digits (``Kwh`` and so on); in JSON these are numbers.
"""

import re
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Annotated, NewType

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

Energy = NewType("Energy", int)
Money = NewType("Money", int)
Price = NewType("Price", int)
Share = NewType("Share", int)

ENERGY_DECIMALS = 4
MONEY_DECIMALS = 6
PRICE_DECIMALS = 18
SHARE_DECIMALS = 9

# Beyond these an amount would no longer survive a trip through an IEEE double (15 significant digits), which is
# what most JSON readers make of a number. They are also far beyond any neighbourhood.
MAX_ENERGY = Energy(10**13)  # 10^9 kWh
MAX_MONEY = Money(10**15)  # 10^9 currency units
MAX_PRICE = Price(10**24)  # 10^6 currency units per kWh

_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

ENERGY_TIMES_PRICE_PER_MONEY = 10 ** (ENERGY_DECIMALS + PRICE_DECIMALS - MONEY_DECIMALS)
"""Energy x Price is this many times finer than Money."""


class RoundedFloat(float):
    """What a double keeps of a number literal that has more digits; it stands for no amount."""


def scaled(value: object, decimals: int) -> int:
    """Read a decimal exactly as an integer of 10^-decimals.

    Parameters
    ----------
    value
        An int, a Decimal, a decimal string, or a float standing for the decimal it prints as (what a JSON reader
        made of a number literal).

    Raises
    ------
    ValueError
        If it is no finite decimal or has more decimals than ``decimals``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("is not a number")
    if isinstance(value, RoundedFloat):
        raise ValueError("has more digits than a JSON number keeps; send it as a string")
    text = str(value)
    if len(text) > 64:
        raise ValueError("is too long for a number")
    # Decimal alone would also read "NaN", "1_000" and every script's digits, and these change with Python's version.
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not a number")
    try:
        number = Decimal(text)
    except ArithmeticError:  # the exponent is beyond even what Decimal can hold
        raise ValueError("is out of range") from None
    if abs(number.adjusted()) > 40:
        if number == 0:
            return 0
        raise ValueError("is out of range")
    shifted = number.scaleb(decimals, _EXACT)
    if shifted != shifted.to_integral_value():
        raise ValueError(f"has more than {decimals} decimals")
    return int(shifted)


def _decimal(value: int, decimals: int) -> Decimal:
    if value % 10**decimals == 0:
        return Decimal(value // 10**decimals)
    while value % 10 == 0:
        value, decimals = value // 10, decimals - 1
    return Decimal(value).scaleb(-decimals, _EXACT)


def energy_from_kwh(value: object) -> Energy:
    """Energy from decimal kWh; raises ValueError if it has more than four decimals."""
    return Energy(scaled(value, ENERGY_DECIMALS))


def kwh(energy: int) -> Decimal:
    """Decimal kWh, without trailing zeros."""
    return _decimal(energy, ENERGY_DECIMALS)


def money_from_currency(value: object) -> Money:
    """Money from decimal currency units; raises ValueError if it has more than six decimals."""
    return Money(scaled(value, MONEY_DECIMALS))


def currency(money: int) -> Decimal:
    """Decimal currency units, without trailing zeros."""
    return _decimal(money, MONEY_DECIMALS)


def price_from_currency_per_kwh(value: object) -> Price:
    """Price from decimal currency per kWh; raises ValueError if it has more than eighteen decimals."""
    return Price(scaled(value, PRICE_DECIMALS))


def currency_per_kwh(price: int) -> Decimal:
    """Decimal currency per kWh, without trailing zeros."""
    return _decimal(price, PRICE_DECIMALS)


def share_from_fraction(value: object) -> Share:
    """Share from a decimal fraction of one; raises ValueError if it has more than nine decimals."""
    return Share(scaled(value, SHARE_DECIMALS))


def fraction(share: int) -> Decimal:
    """Decimal fraction of one, without trailing zeros."""
    return _decimal(share, SHARE_DECIMALS)


def divide_half_even(numerator: int, denominator: int) -> int:
    """Divide and round to the nearest integer, halves to the even one.

    The only rounding in the rule book: applied once, where an exact cost becomes money.
    """
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient


def cost(energy: int, price: int) -> Money:
    """Money for an amount of energy at a price per kWh, rounded half to even."""
    return Money(divide_half_even(energy * price, ENERGY_TIMES_PRICE_PER_MONEY))


def _refused(is_wrong: Callable[[int], bool], why: str) -> AfterValidator:
    def check(value: int) -> int:
        if is_wrong(value):
            raise ValueError(why)
        return value

    return AfterValidator(check)


def _at_most(limit: int, shown: str) -> AfterValidator:
    return _refused(lambda value: value > limit, f"must be at most {shown}")


_NOT_NEGATIVE = _refused(lambda value: value < 0, "must not be negative")
_POSITIVE = _refused(lambda value: value <= 0, "must be greater than zero")

EnergyKwh = Annotated[
    Energy,
    BeforeValidator(energy_from_kwh, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(kwh(value)), return_type=str, when_used="json"),
    _NOT_NEGATIVE,
    _at_most(MAX_ENERGY, "10^9 kWh"),
]
MoneyCurrency = Annotated[
    Money,
    BeforeValidator(money_from_currency, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(currency(value)), return_type=str, when_used="json"),
    _NOT_NEGATIVE,
    _at_most(MAX_MONEY, "10^9 currency units"),
]
PriceCurrencyPerKwh = Annotated[
    Price,
    BeforeValidator(price_from_currency_per_kwh, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(currency_per_kwh(value)), return_type=str, when_used="json"),
    _NOT_NEGATIVE,
    _at_most(MAX_PRICE, "10^6 currency units per kWh"),
]
SomeEnergy = Annotated[EnergyKwh, _POSITIVE]
SomeMoney = Annotated[MoneyCurrency, _POSITIVE]
SomePrice = Annotated[PriceCurrencyPerKwh, _POSITIVE]
TariffCurrencyPerKwh = Annotated[
    Price,
    BeforeValidator(price_from_currency_per_kwh, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(currency_per_kwh(value)), return_type=str, when_used="json"),
    _at_most(MAX_PRICE, "10^6 currency units per kWh"),
    _refused(lambda tariff: tariff < -MAX_PRICE, "must be at least -10^6 currency units per kWh"),
]
"""A price per kWh of the grid, which may be negative: then whoever takes energy is paid for it."""
ShareOfOne = Annotated[
    Share,
    BeforeValidator(share_from_fraction, json_schema_input_type=float | str),
    PlainSerializer(lambda value: str(fraction(value)), return_type=str, when_used="json"),
    _NOT_NEGATIVE,
    _at_most(10**SHARE_DECIMALS, "1"),
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
