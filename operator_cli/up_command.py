"""``energy-market up``: the services of a market on this machine, until Ctrl-C."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from pydantic import ValidationError

from energy_market_chaincode import COMMANDS, Topic, market_views
from ledger import LedgerKind
from market_files import private_home
from market_host import (
    PROGRAMS,
    Ports,
    Processes,
    ProcessLog,
    end_on_signals,
    forever,
    start_services,
    warm_up,
)
from operator_cli.settings import OperatorSettings, hosted_ledger
from operator_cli.voice import AsJson, voice
from prosumer_client import Identity, MarketClient, key_file, load_or_create_key, run_to_end

USUAL_FACTOR = 600
"""A quarter of an hour passes in a second and a half."""


def up(
    home: Annotated[Path | None, typer.Option(help="Default: ENERGY_MARKET_HOME or .energy-market.")] = None,
    ledger: Annotated[LedgerKind | None, typer.Option(help="Default: ENERGY_MARKET_LEDGER or embedded.")] = None,
    queue_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8080,
    optimizer_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8081,
    clock_port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 8082,
    dashboard_port: Annotated[int, typer.Option(help="Of the page; 0: a free one.", min=0, max=65535)] = 8083,
    simulated_from: Annotated[
        str | None,
        typer.Option(help="Begin a market whose time is simulated, at this instant: 2026-06-23T00:00:00Z."),
    ] = None,
    factor: Annotated[
        int | None, typer.Option(help="How many times as fast simulated time passes; default 600.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Start queue, optimizer, clock and page, and make the operator's key if there is none.

    With --json one document says where they listen, once they do; the log goes to standard error.
    """
    mapping = mapping_of_options(simulated_from, factor)
    warm_up(*PROGRAMS)
    settings = OperatorSettings.read(home=home, ledger=ledger)
    with hosted_ledger(settings) as environment:
        run_to_end(_up(settings, Ports(queue_port, optimizer_port, clock_port, dashboard_port), environment, mapping))


async def _up(
    settings: OperatorSettings, ports: Ports, environment: Mapping[str, str], mapping: dict[str, Any] | None
) -> None:
    end_on_signals()
    private_home(settings.home)
    operator = Identity(settings.operator, load_or_create_key(key_file(settings.keys, settings.operator)))
    environment = {
        **environment,
        "ENERGY_MARKET_LEDGER": settings.ledger.value,
        "ENERGY_MARKET_OPERATOR": operator.prosumer,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator.public_key,
    }
    with closing(ProcessLog(voice.console)) as log:
        async with Processes(log.hear) as processes:
            services = await start_services(processes, settings.home, environment, ports)
            if mapping is not None:
                async with MarketClient(services.queue_url, operator) as market:
                    simulated = await processes.while_alive(begin_simulated_time(market, mapping))
                now = simulated.market_time(datetime.now(UTC))
                log.say(
                    f"time is simulated: it is {now:%Y-%m-%d %H:%M} UTC and passes {simulated.factor} times as fast"
                )
            log.say(f"queue {services.queue_url}, optimizer {services.optimizer_url}, clock {services.clock_url}")
            log.say(f"watch the market at {services.page_url}")
            log.say(f"home {settings.home}; the operator is {operator.prosumer}; Ctrl-C stops the services")
            if voice.as_json:
                voice.document({**asdict(services), "home": str(settings.home), "operator": operator.prosumer})
            log.stands("the market is open")
            await processes.while_alive(forever())


class SimulatedOtherwise(Exception):
    """The market's time is simulated in another way than is wanted."""

    code: ClassVar[str] = "TIME_SIMULATED"

    def __init__(self, known: market_views.SimulatedTimeView) -> None:
        super().__init__(
            f"this market's time is simulated from {known.start:%Y-%m-%dT%H:%M:%SZ} on, {known.factor} times as fast, "
            "for good; leave out --simulated-from and --factor to go on with it, or begin another market: in another "
            "folder (--home), or here after energy-market reset --wipe"
        )


def mapping_of_options(simulated_from: str | None, factor: int | None) -> dict[str, Any] | None:
    """Return the data of simulateTime, None if nothing is to be simulated; raises typer.BadParameter."""
    if simulated_from is None:
        if factor is not None:
            raise typer.BadParameter("--factor says how fast a time passes that --simulated-from begins")
        return None
    try:
        data = {"start": simulated_from, "factor": USUAL_FACTOR if factor is None else factor}
        return COMMANDS[Topic.SIMULATE_TIME].model_validate(data).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        names = {"start": "--simulated-from", "factor": "--factor"}
        problems = (f"{names[str(one['loc'][0])]} {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
        raise typer.BadParameter("; ".join(problems)) from None


async def begin_simulated_time(market: MarketClient, wanted: dict[str, Any]) -> market_views.SimulatedTimeView:
    """Have the market's time simulated as is wanted, once, and return the mapping.

    Raises
    ------
    SimulatedOtherwise
        It is simulated in another way.
    prosumer_client.CommandRejected
        ``SIMULATION_TOO_LATE``: the market has games or meters by real time.
    prosumer_client.MarketError
    """
    known = (await market.market()).simulated_time
    if known is None:
        return market_views.SimulatedTimeView.model_validate(await market.submit(Topic.SIMULATE_TIME, wanted))
    shown = known.as_json()
    if any(shown[name] != value for name, value in wanted.items()):
        raise SimulatedOtherwise(known)
    return known
