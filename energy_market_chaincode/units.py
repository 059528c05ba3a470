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

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

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


_NUMBERS = (int, float, str, Decimal)  # a tuple: `int | float` would be put together at every call


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
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
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


def _read(read: Callable[[object], int], most: int, shown: str, *, some: bool = False) -> BeforeValidator:
    """Read what a command or question says with one call: thirty sellers have a hundred amounts."""

    def amount(value: object) -> int:
        found = read(value)
        if found < 0:
            raise ValueError("must not be negative")
        if found > most:
            raise ValueError(f"must be at most {shown}")
        if some and not found:
            raise ValueError("must be greater than zero")
        return found

    return BeforeValidator(amount, json_schema_input_type=float | str)


def _tariff(value: object) -> Price:
    price = price_from_currency_per_kwh(value)
    if price > MAX_PRICE:
        raise ValueError("must be at most 10^6 currency units per kWh")
    if price < -MAX_PRICE:
        raise ValueError("must be at least -10^6 currency units per kWh")
    return price


def _written(shown: Callable[[int], Decimal]) -> PlainSerializer:
    return PlainSerializer(lambda value: str(shown(value)), return_type=str, when_used="json")


_ENERGY = (energy_from_kwh, MAX_ENERGY, "10^9 kWh")
_MONEY = (money_from_currency, MAX_MONEY, "10^9 currency units")
_PRICE = (price_from_currency_per_kwh, MAX_PRICE, "10^6 currency units per kWh")

EnergyKwh = Annotated[Energy, _read(*_ENERGY), _written(kwh)]
SomeEnergy = Annotated[Energy, _read(*_ENERGY, some=True), _written(kwh)]
MoneyCurrency = Annotated[Money, _read(*_MONEY), _written(currency)]
SomeMoney = Annotated[Money, _read(*_MONEY, some=True), _written(currency)]
PriceCurrencyPerKwh = Annotated[Price, _read(*_PRICE), _written(currency_per_kwh)]
SomePrice = Annotated[Price, _read(*_PRICE, some=True), _written(currency_per_kwh)]
TariffCurrencyPerKwh = Annotated[
    Price, BeforeValidator(_tariff, json_schema_input_type=float | str), _written(currency_per_kwh)
]
"""A price per kWh of the grid, which may be negative: then whoever takes energy is paid for it."""
ShareOfOne = Annotated[Share, _read(share_from_fraction, 10**SHARE_DECIMALS, "1"), _written(fraction)]


def _shown(unit: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", "description": unit})


Kwh = Annotated[Decimal, _shown("kWh, at most 4 decimals")]
Kw = Annotated[Decimal, _shown("kW, at most 4 decimals")]
Currency = Annotated[Decimal, _shown("currency units, at most 6 decimals")]
CurrencyPerKwh = Annotated[Decimal, _shown("currency units per kWh, at most 18 decimals")]
ExactCurrency = Annotated[Decimal, _shown("currency, with as many decimals as it takes")]
ExactShare = Annotated[Decimal, _shown("share, with at most 18 decimals")]
Fraction = Annotated[Decimal, _shown("a fraction, at most 9 decimals")]
