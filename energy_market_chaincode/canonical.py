"""The two JSON forms of the system: the one that is signed and the one that is stored and shown.

What is signed is RFC 8785 (JCS), so that any language can sign. What the contract stores and shows is compact JSON with
sorted keys in which a decimal is a number literal with exactly its digits, never a float.
"""

import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import rfc8785
import simplejson

from energy_market_chaincode.units import RoundedFloat

MAX_NESTING = 500
"""How deep arrays and objects may stand in each other. Without a limit of ours it would be that of whichever Python
reads: two organisations with different releases could decide differently."""


def signed_bytes(value: Any) -> bytes:
    """RFC 8785 canonical JSON of a value read by :func:`read_json`.

    Raises
    ------
    ValueError
        If it holds what JSON cannot: NaN, an integer beyond 2^53, a lone surrogate.
    """
    try:
        return _PLAIN.encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError(f"cannot be written as canonical JSON: {error}") from None


_PLAIN = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_MOST_INTEGER = 2**53 - 1


def _is_plain(value: Any) -> bool:
    """Tell whether Python's own JSON is the canonical one: all text is ASCII, and no number has a fraction.

    It takes a third of the time. What RFC 8785 says of the order of other keys and of doubles is left to its library.
    """
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, dict):
        names_are_plain = all(isinstance(name, str) and name.isascii() for name in value)
        return names_are_plain and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or (isinstance(value, int) and -_MOST_INTEGER <= value <= _MOST_INTEGER)


def exact_json(value: Any) -> bytes:
    """Compact JSON, keys sorted, Decimals as number literals; views may stand anywhere in it."""
    return _EXACT.encode(value).encode()


def _as_json(view: Any) -> dict[str, Any]:
    return dict(view.as_json())


# Made once: to make them takes about as long as a short text.
_EXACT = simplejson.JSONEncoder(
    sort_keys=True,
    separators=(",", ":"),
    use_decimal=True,
    allow_nan=False,
    namedtuple_as_object=False,  # to look whether a view is one takes longer than to write it
    default=_as_json,
)
_EXACT_READER = simplejson.JSONDecoder(parse_float=Decimal)


def read_json(data: bytes | str, max_nesting: int = MAX_NESTING) -> Any:
    """Read JSON; numbers with a point become floats that print as they were written, or RoundedFloats.

    Raises
    ------
    ValueError
        If it is no JSON, holds NaN or Infinity, repeats a key in an object, or nests too deeply.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = _SIGNED_READER.decode(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if text.count("[") + text.count("{") > max_nesting:  # otherwise it cannot be, and there is no need to look
        _require_nesting(value, max_nesting)
    return value


def read_exact_json(data: bytes | str) -> Any:
    """Read JSON written by :func:`exact_json`; numbers with a point become Decimals."""
    return _EXACT_READER.decode(data.decode() if isinstance(data, bytes) else data)


def _require_nesting(value: Any, at_most: int) -> None:
    level = [value]
    for _ in range(at_most + 1):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return
    raise ValueError("is nested too deeply")


def _members(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("repeats a key in an object")
    return result


def _number(text: str) -> float:
    """Read a number literal. What is signed is the shortest form of its double, so nothing else may be meant."""
    number = RoundedFloat(text)
    try:
        written = Decimal(text)
    except ArithmeticError:  # no reader of a block could hold it
        raise ValueError(f"{text[:40]} is out of range") from None
    return number.real if written == Decimal(repr(number)) else number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_SIGNED_READER = simplejson.JSONDecoder(
    object_pairs_hook=_without_repeats, parse_float=_number, parse_constant=_refuse_constant
)
