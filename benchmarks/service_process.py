"""A service as a process of its own, as it runs in earnest."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from market_host import Processes
from prosumer_client import Identity, key_file, load_or_create_key

OPERATOR = "operator"


def operator_in(home: Path) -> Identity:
    """Return the operator whose key is in a home; it is made if there is none."""
    return Identity(OPERATOR, load_or_create_key(key_file(home / "keys", OPERATOR)))


@asynccontextmanager
async def service(module: str, home: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Run a service and give its address; what it complains of goes to our standard error."""
    environment = {
        "ENERGY_MARKET_HOME": str(home),
        "ENERGY_MARKET_LOG_FORMAT": "json",
        "ENERGY_MARKET_OPERATOR": OPERATOR,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator_in(home).public_key,
        **(settings or {}),
    }
    async with Processes(_complain) as processes:
        yield await processes.start_service(module, home / f"{module}.json", 0, environment)


def _complain(process: str, line: str) -> None:
    if '"level": "info"' not in line:
        print(f"{process}: {line}", file=sys.stderr)
