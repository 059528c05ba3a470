"""``python -m demo``: a scenario's people on a market that runs elsewhere, with a game every few minutes.

They are entered by the operator, whose key is in the home's folder of keys; everybody's own key is made there, too.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from demo.community import ForeignProsumer, enter, make_keys, start_prosumers
from demo.scenario import Scenario
from demo.scenario_file import ScenarioError, ScenarioMissing, scenario_named
from energy_market_chaincode import CommandIdReused
from market_files import DEFAULT_HOME
from market_host import Processes, ProcessFailed, ProcessLog
from prosumer_client import ClockClient, MarketClient, MarketError, RequestRefused

OPERATOR = "operator"


async def run(scenario: Scenario, every: str) -> None:
    """Enter the people, have the clock publish games, and play until SIGTERM.

    Raises
    ------
    MarketError, ForeignProsumer, ProcessFailed
    """
    home = Path(os.environ.get("ENERGY_MARKET_HOME", DEFAULT_HOME))
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    identities = make_keys(home / "keys", [OPERATOR, *scenario.histories()])
    operator = identities.pop(OPERATOR)
    log = ProcessLog(Console(width=200))
    try:
        pinned = os.environ.get("ENERGY_MARKET_LEDGER_ID")
        async with MarketClient(_url("QUEUE", 8080), operator, ledger=pinned) as market:
            await enter(market, scenario, identities, home / "keys")
            ledger = await market.ledger_id()
        log.say(f"{len(identities)} prosumers are on the ledger; starting their processes")
        async with Processes(log.hear) as processes:
            settings = {
                "ENERGY_MARKET_HOME": str(home),
                "ENERGY_MARKET_LEDGER_ID": ledger,
                "ENERGY_MARKET_LOG_FORMAT": "json",
            }
            await processes.while_alive(start_prosumers(processes, scenario, home / "prosumers", settings))
            async with ClockClient(_url("CLOCK", 8082), operator, ledger) as clock:
                await _schedule(clock, scenario, every)
            log.say(f"the clock publishes a game every {every}")
            await processes.while_alive(_wait_for(told_to_stop))
    finally:
        log.close()


async def _schedule(clock: ClockClient, scenario: Scenario, every: str) -> None:
    """Have the clock publish one game now and then one every so often; asking again changes nothing."""
    parameters = scenario.game_parameters()
    try:
        await clock.publish(parameters, entry=f"{scenario.name}-first")
    except RequestRefused as refusal:
        if refusal.code != CommandIdReused.code:  # else it was published before, in other words
            raise
    await clock.add({"id": f"{scenario.name}-{every}", "every": every, "parameters": parameters})


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


def _url(service: str, port: int) -> str:
    return os.environ.get(f"ENERGY_MARKET_{service}_URL", f"http://127.0.0.1:{port}")


def main() -> int:
    """Run until told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A scenario's people on a running market.")
    parser.add_argument("--scenario", default="original", help="a file, or one of ours by name [original]")
    parser.add_argument("--every", default="3m", help="how often there is a game [3m]")
    flags = parser.parse_args()
    expected = (MarketError, ForeignProsumer, ProcessFailed, ScenarioError, ScenarioMissing)
    try:
        scenario = scenario_named(flags.scenario)
        if not isinstance(scenario, Scenario):
            parser.error(f"{flags.scenario} is a day of many games")
        asyncio.run(run(scenario, flags.every))
    except (*expected, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
