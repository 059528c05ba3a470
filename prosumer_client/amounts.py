"""Amounts as a strategy says them, as the ledger holds them: rounded by these helpers, never silently."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

from energy_market_chaincode import units


class UnusableDecision(ValueError):
    """What a strategy decided cannot be said to the market; the message names it."""


def round_kwh(value: object) -> Decimal:
    """Return an amount of energy, kWh, on the ledger's grid of 0.1 Wh; what lies half-way goes to the even neighbour.

    Parameters
    ----------
    value
        Whatever stands for a decimal number: int, float, Decimal, text, Fraction, a NumPy number.

    Raises
    ------
    UnusableDecision
        If it is no finite number, or beyond what the ledger can hold.
    """
    return units.kwh(_rounded(value, units.ENERGY_DECIMALS, units.MAX_ENERGY))


def round_price(value: object) -> Decimal:
    """Return a price, currency per kWh, with the ledger's 18 decimals; as :func:`round_kwh` otherwise."""
    return units.currency_per_kwh(_rounded(value, units.PRICE_DECIMALS, units.MAX_PRICE))


def read_number(value: object) -> Decimal:
    """Return a number exactly as it is written; raises UnusableDecision if it is none, or a Fraction too large."""
    try:
        # A NumPy number is known by what it prints as, so that NumPy need not be there.
        number = Decimal(str(float(value) if isinstance(value, Fraction) else value))
    except InvalidOperation:
        raise UnusableDecision(f"{value!r} is no number") from None
    except OverflowError:
        raise UnusableDecision(f"{value!r} is beyond what the ledger can hold") from None
    if not number.is_finite():
        raise UnusableDecision(f"{value!r} is no finite number")
    return number


def _rounded(value: object, decimals: int, most: int) -> int:
    number = read_number(value)
    if number.adjusted() > 40 or abs(rounded := round(number.scaleb(decimals))) > most:
        raise UnusableDecision(f"{value!r} is beyond what the ledger can hold")
    return rounded
