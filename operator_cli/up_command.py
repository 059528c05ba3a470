"""``energy-market up``: the services of a market on this machine, until Ctrl-C."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ledger import LedgerKind
from market_host import Ports, Processes, ProcessLog, end_on_signals, forever, start_services
from operator_cli.hosted_ledger import hosted_ledger
from operator_cli.output import console
from operator_cli.settings import OperatorSettings
from prosumer_client import Identity, key_file, load_or_create_key


def up(
    home: Annotated[Path | None, typer.Option(help="Default: ENERGY_MARKET_HOME or .energy-market.")] = None,
    ledger: Annotated[LedgerKind | None, typer.Option(help="Default: ENERGY_MARKET_LEDGER or embedded.")] = None,
    queue_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8080,
    optimizer_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8081,
    clock_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8082,
    dashboard_port: Annotated[int, typer.Option(help="Of the page; 0: a free one.", min=0, max=65535)] = 8083,
) -> None:
    """Start queue, optimizer, clock and page, and make the operator's key if there is none."""
    settings = OperatorSettings()
    settings = settings.model_copy(update={"home": home or settings.home, "ledger": ledger or settings.ledger})
    with hosted_ledger(settings.ledger, settings.home, settings.operator) as environment:
        asyncio.run(_up(settings, Ports(queue_port, optimizer_port, clock_port, dashboard_port), environment))


async def _up(settings: OperatorSettings, ports: Ports, environment: Mapping[str, str]) -> None:
    end_on_signals()
    log = ProcessLog(console)
    operator = Identity(settings.operator, load_or_create_key(key_file(settings.keys, settings.operator)))
    environment = {
        **environment,
        "ENERGY_MARKET_LEDGER": settings.ledger.value,
        "ENERGY_MARKET_OPERATOR": operator.prosumer,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator.public_key,
    }
    try:
        async with Processes(log.hear) as processes:
            services = await start_services(processes, settings.home, environment, ports)
            log.say(f"queue {services.queue_url}, optimizer {services.optimizer_url}, clock {services.clock_url}")
            log.say(f"watch the market at {services.page_url}")
            log.say(f"home {settings.home}; the operator is {operator.prosumer}; Ctrl-C stops the services")
            log.stands("the market is open")
            await processes.while_alive(forever())
    finally:
        log.close()
