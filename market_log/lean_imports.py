"""Imports of libraries without what they bring along for terminals, which would double the start of a process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Let the import of some modules fail meanwhile, of those that were not imported before.

    Examples
    --------
    >>> with without("rich"):
    ...     import structlog
    """
    unloaded = [name for name in modules if name not in sys.modules]
    missing = dict.fromkeys(unloaded)
    sys.modules.update(missing)  # type: ignore[arg-type] # None is how Python itself marks a module as missing
    try:
        yield
    finally:
        for name in unloaded:
            del sys.modules[name]
