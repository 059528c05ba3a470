"""``python -m demo``: a scenario's people on a market that runs elsewhere, day after day or a game every so often.

They are entered by the operator, whose key is in the home's folder of keys; everybody's own key is made there, too.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from rich.console import Console

from demo.day_run import play_days
from demo.day_scenario import DayScenario
from demo.scenario import Scenario
from demo.scenario_file import ScenarioError, ScenarioMissing, scenario_named
from demo.stage import ForeignProsumer, enter, make_keys, start_prosumers
from energy_market_chaincode import CommandIdReused
from market_files import DEFAULT_HOME, escape_unwritable, private_home
from market_host import Processes, ProcessFailed, ProcessLog, end_on_signals, forever
from prosumer_client import ClockClient, Identity, MarketClient, MarketError, RequestRefused, run_to_end

OPERATOR = "operator"


async def run(scenario: Scenario | DayScenario, every: str, factor: int | None) -> None:
    """Enter the people and let them play until SIGTERM.

    Raises
    ------
    MarketError, ForeignProsumer, ProcessFailed
    """
    end_on_signals()
    home = private_home(Path(os.environ.get("ENERGY_MARKET_HOME", DEFAULT_HOME)))
    identities = make_keys(home / "keys", [OPERATOR, *scenario.histories()])
    operator = identities.pop(OPERATOR)
    pinned = os.environ.get("ENERGY_MARKET_LEDGER_ID")
    with closing(ProcessLog(Console(width=200))) as log:
        async with MarketClient(_url("QUEUE", 8080), operator, ledger=pinned) as market:
            if isinstance(scenario, DayScenario):
                await play_days(market, scenario, factor, identities, home, log)
            else:
                await play_games(market, scenario, every, identities, home, log)


async def play_games(
    market: MarketClient,
    scenario: Scenario,
    every: str,
    identities: Mapping[str, Identity],
    home: Path,
    log: ProcessLog,
) -> None:
    """Enter the people, have the clock publish games, and play until cancelled; raises as :func:`run`."""
    await enter(market, scenario, identities, home / "keys")
    log.say(f"{len(identities)} prosumers are on the ledger; starting their processes")
    async with Processes(log.hear) as processes:
        await processes.while_alive(start_prosumers(processes, market, scenario.roster, home))
        async with ClockClient(_url("CLOCK", 8082), market.identity, await market.ledger_id()) as clock:
            await _schedule(clock, scenario, every)
        log.say(f"the clock publishes a game every {every}")
        await processes.while_alive(forever())


async def _schedule(clock: ClockClient, scenario: Scenario, every: str) -> None:
    """Have the clock publish one game now and then one every so often; asking again changes nothing."""
    parameters = scenario.game_parameters()
    try:
        await clock.publish(parameters, entry=f"{scenario.name}-first")
    except RequestRefused as refusal:
        if refusal.code != CommandIdReused.code:  # else it was published before, in other words
            raise
    await clock.add({"id": f"{scenario.name}-{every}", "every": every, "parameters": parameters})


def _url(service: str, port: int) -> str:
    return os.environ.get(f"ENERGY_MARKET_{service}_URL", f"http://127.0.0.1:{port}")


def main() -> int:
    """Run until told to stop; return the exit code."""
    escape_unwritable()
    parser = argparse.ArgumentParser(prog="python -m demo", description="A scenario's people on a running market.")
    parser.add_argument("--scenario", default="original", help="a file, or one of ours by name [original]")
    parser.add_argument("--every", default="3m", help="how often there is a game, of a scenario of one [3m]")
    parser.add_argument("--factor", type=int, help="how many times as fast as in reality days pass [two minutes a day]")
    flags = parser.parse_args()
    expected = (MarketError, ForeignProsumer, ProcessFailed, ScenarioError, ScenarioMissing)
    try:
        scenario = scenario_named(flags.scenario)
        for warning in scenario.warnings():
            print(f"warning: {warning}", file=sys.stderr)
        run_to_end(run(scenario, flags.every, flags.factor))
    except KeyboardInterrupt:
        return 0
    except (*expected, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
