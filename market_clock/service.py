"""The clock as a service: its application, from the opening of its files to their closing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from importlib.metadata import version

from fastapi import FastAPI

from http_service import create_app
from market_clock.api import router, schedule_unavailable
from market_clock.clock import Clock
from market_clock.schedule_store import ScheduleStore, ScheduleUnavailable
from market_clock.settings import ClockSettings
from market_files import private_home
from prosumer_client import MarketClient, Optimizer, Patience

MAX_BODY_BYTES = 100_000
PATIENCE = Patience(total_s=10.0, longest_delay_s=2.0)
"""Short, so that /ready soon says that the queue is out of reach. The clock itself goes on trying."""

_DESCRIPTION = """\
Publishes games by a schedule and times the phases of every game on the ledger: it stops registrations, has certified
games cleared by the optimizer, skips silent buyers and closes markets after their delivery. Slots that passed while it
was stopped are made up for by one game at most. It keeps no state but the schedule: after a restart it goes on from
what stands on the ledger."""


def build_app(settings: ClockSettings) -> FastAPI:
    """Make the clock's application; the clock runs while the application does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        private_home(settings.home)
        with closing(ScheduleStore(settings.home / "clock.sqlite")) as store:
            async with (
                MarketClient(settings.queue_url, patience=PATIENCE, ledger=settings.ledger_id) as market,
                Optimizer(settings.optimizer_url, patience=PATIENCE) as optimizer,
            ):
                app.state.clock = Clock(market, optimizer, store, settings, app.state.registry)
                working = asyncio.create_task(app.state.clock.run())
                try:
                    yield
                finally:
                    working.cancel()
                    with suppress(asyncio.CancelledError):
                        await working

    async def ready() -> str | None:
        clock: Clock = app.state.clock
        return await clock.not_ready()

    app = create_app(
        title="market_clock",
        version=version("energy-market"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        ready=ready,
        max_body_bytes=MAX_BODY_BYTES,
    )
    app.include_router(router)
    app.add_exception_handler(ScheduleUnavailable, schedule_unavailable)
    return app
