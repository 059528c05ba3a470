"""Checking a large container piece by piece: what is found wrong with it stays small, however much of it is wrong.

Each error takes some hundred bytes when it is found and a thousand when it is told, several times what is wrong.
"""

from itertools import islice
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticKnownError

USUAL_PIECE = 100
"""Members or items of a container that has neither containers nor models in it."""


def piecewise(at_once: int = USUAL_PIECE, most: int | None = None) -> WrapValidator:
    """Look at the members of a dict or a list no further than the first piece in which one is wrong.

    Parameters
    ----------
    at_once
        Members or items of a piece.
    most
        How many the container may have, which is looked at before its members.
    """

    def validated(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, (dict, list)) or len(value) <= at_once:
            return validate(value)
        if most is not None and len(value) > most:
            kind = "Dictionary" if isinstance(value, dict) else "List"
            raise PydanticKnownError("too_long", {"field_type": kind, "max_length": most, "actual_length": len(value)})
        if isinstance(value, dict):
            return _members(value, validate, at_once)
        return _items(value, validate, at_once)

    return WrapValidator(validated)


def _members(members: dict[str, Any], validate: ValidatorFunctionWrapHandler, at_once: int) -> dict[str, Any]:
    rest = iter(members.items())
    result: dict[str, Any] = {}
    while piece := dict(islice(rest, at_once)):
        result |= validate(piece)
    return result


def _items(items: list[Any], validate: ValidatorFunctionWrapHandler, at_once: int) -> list[Any]:
    result: list[Any] = []
    for start in range(0, len(items), at_once):
        try:
            result += validate(items[start : start + at_once])
        except ValidationError:
            validate(items[: start + at_once])  # names items by where they really stand
            raise
    return result
