"""``energy-market up``: the services of a market on this machine, until Ctrl-C."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ledger import LedgerKind
from market_files import private_folder
from market_host import (
    PROGRAMS,
    Ports,
    Processes,
    ProcessLog,
    end_on_signals,
    forever,
    run_to_end,
    start_services,
    warm_up,
)
from operator_cli.hosted_ledger import hosted_ledger
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, voice
from prosumer_client import Identity, key_file, load_or_create_key


def up(
    home: Annotated[Path | None, typer.Option(help="Default: ENERGY_MARKET_HOME or .energy-market.")] = None,
    ledger: Annotated[LedgerKind | None, typer.Option(help="Default: ENERGY_MARKET_LEDGER or embedded.")] = None,
    queue_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8080,
    optimizer_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8081,
    clock_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8082,
    dashboard_port: Annotated[int, typer.Option(help="Of the page; 0: a free one.", min=0, max=65535)] = 8083,
    json: AsJson = False,
) -> None:
    """Start queue, optimizer, clock and page, and make the operator's key if there is none.

    With --json one document says where they listen, once they do; the log goes to standard error.
    """
    warm_up(*PROGRAMS)
    settings = OperatorSettings.read(home=home, ledger=ledger)
    with hosted_ledger(settings) as environment:
        run_to_end(_up(settings, Ports(queue_port, optimizer_port, clock_port, dashboard_port), environment))


async def _up(settings: OperatorSettings, ports: Ports, environment: Mapping[str, str]) -> None:
    end_on_signals()
    private_folder(settings.home).chmod(0o700)  # an older version left it open to others
    log = ProcessLog(voice.console)
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
            if voice.as_json:
                voice.document({**asdict(services), "home": str(settings.home), "operator": operator.prosumer})
            log.stands("the market is open")
            await processes.while_alive(forever())
    finally:
        log.close()
