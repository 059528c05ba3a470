"""The two JSON forms of the system: the one that is signed and the one that is stored and shown.

What is signed is RFC 8785 (JCS), so that any language can sign. What the contract stores and shows is compact JSON with
sorted keys in which a decimal is a number literal with exactly its digits, never a float.
"""

from typing import Any

import rfc8785
import simplejson


def signed_bytes(value: Any) -> bytes:
    """RFC 8785 canonical JSON of a value read by :func:`read_json`.

    Raises
    ------
    ValueError
        If it holds what JSON cannot: NaN, an integer beyond 2^53, a lone surrogate.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError(f"cannot be written as canonical JSON: {error}") from None


def exact_json(value: Any) -> bytes:
    """Compact JSON, keys sorted, Decimals as number literals."""
    return simplejson.dumps(value, sort_keys=True, separators=(",", ":"), use_decimal=True, allow_nan=False).encode()


def read_json(data: bytes | str) -> Any:
    """Read JSON; numbers with a point become floats that print as they were written.

    Raises
    ------
    ValueError
        If it is no JSON, holds NaN or Infinity, repeats a key in an object, or nests deeper than Python's stack.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return simplejson.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def read_exact_json(data: bytes | str) -> Any:
    """Read JSON written by :func:`exact_json`; numbers with a point become Decimals."""
    return simplejson.loads(data, use_decimal=True)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("repeats a key in an object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
