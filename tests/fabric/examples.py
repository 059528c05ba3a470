"""The examples that stand in docstrings, as the code they are."""

import textwrap
from types import ModuleType
from typing import Any


def example_of(module: ModuleType, name: str) -> Any:
    """Return what the example in a module's docstring defines under a name; it sees what the module exports."""
    assert module.__doc__ is not None
    _, _, example = module.__doc__.partition("::\n\n")
    lines = [line for line in example.splitlines() if not line or line.startswith("    ")]
    defined: dict[str, Any] = dict(vars(module))
    exec("from collections.abc import Sequence\n" + textwrap.dedent("\n".join(lines)), defined)  # noqa: S102 - our own text
    return defined[name]
