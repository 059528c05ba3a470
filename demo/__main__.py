"""``python -m demo``: a scenario's people on a market that runs elsewhere, with a game every few minutes.

They are entered by the operator, whose key is in the home's folder of keys; everybody's own key is made there, too.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
from rich.console import Console

from demo.community import ForeignProsumer, enter, make_keys, start_prosumers
from demo.scenario import Scenario
from demo.scenario_file import ScenarioError, ScenarioMissing, scenario_named
from energy_market_chaincode import CommandIdReused
from market_files import DEFAULT_HOME
from market_host import Processes, ProcessFailed, ProcessLog
from prosumer_client import MarketClient, MarketError, is_local

OPERATOR = "operator"


class ScheduleRefused(Exception):
    """The clock does not take the scenario's games onto its schedule."""


async def run(scenario: Scenario, every: str) -> None:
    """Enter the people, have the clock publish games, and play until SIGTERM.

    Raises
    ------
    MarketError, ForeignProsumer, ScheduleRefused, ProcessFailed, httpx.HTTPError
    """
    home = Path(os.environ.get("ENERGY_MARKET_HOME", DEFAULT_HOME))
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    identities = make_keys(home / "keys", [OPERATOR, *scenario.sellers, *scenario.buyers])
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
            await _schedule(scenario, every)
            log.say(f"the clock publishes a game every {every}")
            await processes.while_alive(_wait_for(told_to_stop))
    finally:
        log.close()


async def _schedule(scenario: Scenario, every: str) -> None:
    """Have the clock publish one game now and then one every so often; asking again changes nothing."""
    games = {"parameters": scenario.game_parameters()}
    url = _url("CLOCK", 8082)
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=not is_local(url)) as clock:
        for entry in (
            {"id": f"{scenario.name}-first", "once": True},
            {"id": f"{scenario.name}-{every}", "every": every},
        ):
            answer = await clock.post("/schedule", json=entry | games)
            # The first game was published before, in other words: it is not published twice.
            if answer.is_error and answer.json()["code"] != CommandIdReused.code:
                raise ScheduleRefused(f"the clock did not take the games onto its schedule: {answer.text}")


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
    expected = (MarketError, ForeignProsumer, ScheduleRefused, ProcessFailed, ScenarioError, ScenarioMissing)
    try:
        asyncio.run(run(scenario_named(flags.scenario), flags.every))
    except (*expected, httpx.HTTPError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
