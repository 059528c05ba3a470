"""Amounts are exact integers, and are refused rather than rounded."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode import units
from energy_market_chaincode.canonical import exact_json, read_exact_json

Reader = Callable[[object], int]
Writer = Callable[[int], Decimal]

READERS: list[tuple[Reader, Writer, int, int]] = [
    (units.energy_from_kwh, units.kwh, 4, units.MAX_ENERGY),
    (units.money_from_currency, units.currency, 6, units.MAX_MONEY),
    (units.price_from_currency_per_kwh, units.currency_per_kwh, 18, units.MAX_PRICE),
    (units.share_from_fraction, units.fraction, 9, 10**9),
]


@pytest.mark.parametrize(("read", "write", "decimals", "limit"), READERS, ids=["energy", "money", "price", "share"])
@given(data=st.data())
def test_an_amount_survives_its_way_out_and_in(
    read: Reader, write: Writer, decimals: int, limit: int, data: st.DataObject
) -> None:
    amount = data.draw(st.integers(-limit, limit))
    shown = write(amount)
    assert shown == Decimal(amount).scaleb(-decimals)
    assert read(shown) == amount
    assert read(str(shown)) == amount
    assert read(read_exact_json(exact_json(shown))) == amount


@pytest.mark.parametrize("read", [reader[0] for reader in READERS])
@pytest.mark.parametrize(
    "nonsense",
    [
        None, True, [], {}, "", " ", "x", "1_000", " 5", "5 ", "+5", "5.", ".5", "0x10", "1e", "NaN", "Infinity",
        "-inf", "\u0663", "\uff11", float("nan"), float("inf"), "1" * 65, 10**70, "1e41", "-1e41", "1e-41",
        "1e999999999", "1e9999999999999999999", "1e-9999999999999999999", "0e9999999999999999999",
    ],
)  # fmt: skip
def test_what_is_no_finite_decimal_is_refused(read: Reader, nonsense: object) -> None:
    with pytest.raises(ValueError, match="is"):
        read(nonsense)


@given(st.text("0123456789eE+-.", max_size=70))
def test_whatever_looks_like_a_number_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        units.energy_from_kwh(text)


@pytest.mark.parametrize(("read", "write", "decimals", "limit"), READERS, ids=["energy", "money", "price", "share"])
def test_more_decimals_than_the_ledger_holds_are_refused_not_rounded(
    read: Reader, write: Writer, decimals: int, limit: int
) -> None:
    assert read(f"0.{'0' * (decimals - 1)}1") == 1
    assert read(f"0.{'0' * (decimals - 1)}10") == 1
    with pytest.raises(ValueError, match=f"more than {decimals} decimals"):
        read(f"0.{'0' * decimals}1")


def test_a_json_number_stands_for_the_decimal_it_prints_as() -> None:
    assert units.price_from_currency_per_kwh(0.08376051515357819) == 83_760_515_153_578_190
    assert units.energy_from_kwh(28) == units.energy_from_kwh(28.0) == units.energy_from_kwh("2.8e1") == 280_000
    assert units.energy_from_kwh("-0") == units.energy_from_kwh("0e999") == 0


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**30))
def test_division_rounds_to_the_nearest_and_halves_to_the_even_one(numerator: int, denominator: int) -> None:
    assert units.divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


def test_the_cost_of_energy_is_rounded_once() -> None:
    price = units.price_from_currency_per_kwh("0.2869")
    assert units.cost(units.energy_from_kwh(1), price) == 286_900
    assert units.cost(units.Energy(1), price) == 29
    assert units.cost(units.MAX_ENERGY, units.MAX_PRICE) == 10**21
