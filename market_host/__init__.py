"""The market's services, and what goes with them, as supervised processes. It knows processes only.

>>> async with Processes(log.hear) as processes:
...     services = await start_services(processes, home, environment)
...     await processes.while_alive(forever())
"""

from market_host.launcher import warm_up
from market_host.process_log import ProcessLog, read_record
from market_host.processes import Processes, ProcessFailed
from market_host.running import end_on_signals, forever, run_to_end
from market_host.services import PROGRAMS, Ports, Services, start_services

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
    "run_to_end",
    "start_services",
    "warm_up",
]
