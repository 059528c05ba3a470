"""What is signed is RFC 8785, what is stored shows every digit, and what is no JSON is refused."""

import struct
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
import simplejson
from hypothesis import example, given
from hypothesis import strategies as st

from energy_market_chaincode.canonical import MAX_NESTING, exact_json, read_exact_json, read_json, signed_bytes
from energy_market_chaincode.units import (
    energy_from_kwh,
    money_from_currency,
    price_from_currency_per_kwh,
    share_from_fraction,
)


def test_the_example_of_rfc_8785_section_3_2_2_is_written_as_the_rfc_writes_it() -> None:
    source = r"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"""
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + r"""'B\"\\\\\"/"}"""
    )
    assert signed_bytes(simplejson.loads(source)).decode() == expected  # we take no number that a double only rounds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(codec="ascii")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.text(st.characters(codec="ascii")), inner),
)


@given(JSON)
@example({"\x7f": '\x00\x1f\b\t\n\f\r"\\/\x7f', "b": [True, None, 2**53 - 1, 1 - 2**53], "B": "é", "": {}})
@example([2**53])
@example([-(2**53)])
def test_what_is_signed_is_what_the_rfcs_library_writes(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(ValueError, match="cannot be written"):
            signed_bytes(value)
    else:
        assert signed_bytes(value) == expected


@pytest.mark.parametrize(
    "text",
    ["0.08376051515357819123", "1.0000000000000000001", "333333333.33333329", "0.10000000000000001", "1e400", "1e-400"],
)
def test_a_number_with_more_digits_than_a_double_keeps_stands_for_no_amount(text: str) -> None:
    (number,) = read_json(f"[{text}]")
    for read in (energy_from_kwh, money_from_currency, price_from_currency_per_kwh, share_from_fraction):
        with pytest.raises(ValueError, match="send it as a string"):
            read(number)


@pytest.mark.parametrize("text", ["1e99999999999999999999", "-1e-99999999999999999999"])
def test_a_number_that_no_reader_could_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        read_json(f"[{text}]")


@pytest.mark.parametrize("text", ["0.1", "0.30000000000000004", "1E30", "1e23", "4.50", "-0.0", "0.08", "5e-324"])
def test_a_number_that_a_double_keeps_is_read(text: str) -> None:
    number = read_json(text)
    assert type(number) is float
    assert Decimal(repr(number)) == Decimal(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_read_as_it_is_printed(number: float) -> None:
    assert read_json(repr(number)) == number


def test_keys_are_sorted_by_utf_16_code_units_as_in_rfc_8785_section_3_2_3() -> None:
    source = r"""{
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
    }"""
    assert list(read_json(signed_bytes(read_json(source))).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"), ("8000000000000000", "0"), ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"), ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"), ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"), ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"), ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"), ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"), ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_in_rfc_8785_appendix_b(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert signed_bytes(number).decode() == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"\udfff": 1}])
def test_what_json_in_every_language_cannot_hold_cannot_be_signed(value: Any) -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        signed_bytes(value)


def test_a_nesting_without_end_is_a_value_error_and_not_a_crash() -> None:
    nested: list[Any] = []
    for _ in range(10_000):
        nested = [nested]
    with pytest.raises(ValueError, match="canonical JSON"):
        signed_bytes(nested)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json("[" * 10_000 + "]" * 10_000)


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_how_deep_a_nesting_may_be_is_the_same_on_every_python(opened: str, closed: str) -> None:
    levels = MAX_NESTING // len(closed)
    assert read_json(opened * levels + "1" + closed * levels)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(f"[{opened * levels}1{closed * levels}]")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "NaN", "[Infinity]", "-Infinity", '{"a":1,"a":2}', '{"b":{"a":1,"a":1}}', "1 2", "9" * 5000],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        read_json(b'"\xff"')


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)  # fmt: skip


@given(JSON_VALUES)
def test_the_canonical_form_is_read_back_as_what_was_signed_and_is_its_own_canonical_form(value: Any) -> None:
    canonical = signed_bytes(value)
    assert read_json(canonical) == value
    assert signed_bytes(read_json(canonical)) == canonical


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**9), max_value=10**9))
def test_a_stored_decimal_keeps_each_of_its_digits(number: Decimal) -> None:
    assert read_exact_json(exact_json({"b": number, "a": 1}))["b"] == number
    assert exact_json({"b": 1, "a": 2}) == b'{"a":2,"b":1}'
