"""A process that plays for prosumers: ``python -m prosumer_client --role buyer --id P003 --demand 28``."""

import asyncio
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack

from market_log import configure_logs, structlog
from prosumer_client.client import MarketClient
from prosumer_client.errors import MarketError
from prosumer_client.meter_file import UnusableMeterFile
from prosumer_client.optimizer import Optimizer
from prosumer_client.participant import first_of, run_together
from prosumer_client.running import run_to_end
from prosumer_client.settings import Settings, parse_arguments


async def play(settings: Settings) -> None:
    """Play until cancelled or, in the main thread, until SIGTERM or SIGINT; raises MarketError."""
    told_to_stop = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    async with AsyncExitStack() as resources:
        market = MarketClient(settings.queue_url, patience=settings.patience, ledger=settings.ledger_id)
        await resources.enter_async_context(market)
        optimizer = None
        if settings.optimizer_url is not None:
            optimizer = await resources.enter_async_context(Optimizer(settings.optimizer_url))
        members = list(settings.roster.participants(market, settings.keys, optimizer))
        await first_of(run_together(market, members), told_to_stop.wait())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process; return its exit code: 0 when told to stop, 1 when it cannot go on."""
    settings = parse_arguments(arguments)
    configure_logs("prosumer", settings.log_format, settings.log_level)
    try:
        run_to_end(play(settings))
    except (MarketError, UnusableMeterFile) as error:
        reason = error.message if isinstance(error, MarketError) else str(error)
        structlog.get_logger().error("Cannot go on", code=error.code, reason=reason)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
