"""The market's services, and what goes with them, as supervised processes. It knows processes only.

>>> async with Processes(log.hear) as processes:
...     services = await start_services(processes, home, environment)
...     await processes.while_alive(forever())

Modules are imported when they are first asked for: most commands start nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market_host.launcher import warm_up
    from market_host.process_log import ProcessLog, read_record
    from market_host.processes import PROGRAMS, Ports, Processes, ProcessFailed, Services, start_services
    from market_host.running import end_on_signals, forever

__all__ = [
    "PROGRAMS",
    "Ports",
    "ProcessFailed",
    "ProcessLog",
    "Processes",
    "Services",
    "end_on_signals",
    "forever",
    "read_record",
    "start_services",
    "warm_up",
]

_MODULES = {
    "PROGRAMS": "processes",
    "Ports": "processes",
    "ProcessFailed": "processes",
    "ProcessLog": "process_log",
    "Processes": "processes",
    "Services": "processes",
    "end_on_signals": "running",
    "forever": "running",
    "read_record": "process_log",
    "start_services": "processes",
    "warm_up": "launcher",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
