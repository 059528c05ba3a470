"""httpx and structlog without what they bring along for terminals, which would double the start of a process.

``httpx`` imports click, rich and pygments for a command line of its own, ``structlog`` imports rich for tracebacks;
both do without where these are missing. A demo starts one process per prosumer, and none of them needs colours.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _missing(*modules: str) -> Iterator[None]:
    """Let an import fail meanwhile, unless it was made before."""
    unloaded = [name for name in modules if name not in sys.modules]
    missing = dict.fromkeys(unloaded)
    sys.modules.update(missing)  # type: ignore[arg-type] # None is how Python itself marks a module as missing
    try:
        yield
    finally:
        for name in unloaded:
            del sys.modules[name]


with _missing("httpx._main", "rich"):
    import httpx
    import httpx_sse
    import structlog

__all__ = ["httpx", "httpx_sse", "structlog"]
