"""The market's services on this machine: queue (with its ledger), optimizer, clock and page, each its own process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from market_host.processes import Processes

PROGRAMS = ("tx_queue", "optimization_api", "market_clock", "dashboard")


@dataclass(frozen=True, slots=True)
class Services:
    """Where the services listen."""

    queue_url: str
    optimizer_url: str
    clock_url: str
    page_url: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings by which other processes find them."""
        return {
            "ENERGY_MARKET_QUEUE_URL": self.queue_url,
            "ENERGY_MARKET_OPTIMIZER_URL": self.optimizer_url,
            "ENERGY_MARKET_CLOCK_URL": self.clock_url,
        }


@dataclass(frozen=True, slots=True)
class Ports:
    """On which ports the services listen; 0 takes a free one."""

    queue: int = 0
    optimizer: int = 0
    clock: int = 0
    page: int = 0


async def start_services(
    processes: Processes, home: Path, environment: Mapping[str, str], ports: Ports | None = None
) -> Services:
    """Start the four services and wait until each listens.

    Parameters
    ----------
    environment
        Settings beside the home: which ledger, whose operator key.
    """
    ports = ports or Ports()
    settings = {**environment, "ENERGY_MARKET_HOME": str(home), "ENERGY_MARKET_LOG_FORMAT": "json"}
    announcements = home / "announcements"
    announcements.mkdir(parents=True, exist_ok=True)
    for stale in announcements.iterdir():
        stale.unlink()
    queue_url, optimizer_url = await asyncio.gather(
        processes.start_service("tx_queue", announcements / "tx_queue", ports.queue, settings),
        processes.start_service("optimization_api", announcements / "optimization_api", ports.optimizer, settings),
    )
    settings |= {"ENERGY_MARKET_QUEUE_URL": queue_url, "ENERGY_MARKET_OPTIMIZER_URL": optimizer_url}
    clock_url = await processes.start_service("market_clock", announcements / "market_clock", ports.clock, settings)
    settings |= {"ENERGY_MARKET_CLOCK_URL": clock_url}
    page_url = await processes.start_service("dashboard", announcements / "dashboard", ports.page, settings)
    return Services(queue_url, optimizer_url, clock_url, page_url)
