"""Values on their way out: decimals as strings, which keep their digits through every JSON reader."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any


def wire_value(value: Any) -> Any:
    """Return a value as JSON can carry it, at any depth: Decimals as strings, enumerations as what they stand for."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): wire_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [wire_value(item) for item in value]
    return value
