"""The operator's commands on a home whose ledger is Fabric, as a user types them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from demo.scenario_file import SCENARIOS
from energy_market_chaincode import iso
from fabric_network.launcher import Network
from fabric_network.waiting import wait_until
from tests.fabric_system.conftest import COMMAND

pytestmark = [pytest.mark.fabric, pytest.mark.timeout(400)]  # a dozen commands each, on a machine that may be busy

Run = Callable[..., str]
Addresses = Mapping[str, str]
"""The settings that say where a market's services listen."""
OpenMarket = Callable[..., AbstractContextManager[Addresses]]
ANY_PORTS = ("--queue-port", "0", "--optimizer-port", "0", "--clock-port", "0", "--dashboard-port", "0")
HOUSES = ("oak", "ash")
STREET = {"edges": [[house, "feeder"] for house in HOUSES]}
SLOTS = json.dumps({"slotDurationMs": 900_000})
QUARTER = timedelta(minutes=15)
DAWN = datetime(2026, 6, 23, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home for a network, which is wiped in the end."""
    home = tmp_path / "home"
    yield home
    Network(home).wipe()


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command to its end and return what it prints: ``run("reset", "--yes", at=addresses)``."""

    def run(*words: str, at: Addresses | None = None) -> str:
        done = subprocess.run(
            [*COMMAND, *words],
            env=settings_of(home, at or {}),
            cwd=home.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def open_market(home: Path) -> OpenMarket:
    """Have ``energy-market up`` run as long as a context lasts, which is given its services' addresses."""

    @contextmanager
    def up(*options: str) -> Iterator[Addresses]:
        words = [*COMMAND, "up", "--ledger", "fabric", "--home", str(home), "--json", *ANY_PORTS, *options]
        log = home.parent / "up.log"
        with (
            log.open("w") as errors,
            subprocess.Popen(words, cwd=home.parent, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        ):
            assert process.stdout is not None
            try:
                document = list(takewhile(lambda line: line != "}\n", process.stdout))
                assert document, log.read_text()
                said = json.loads("".join([*document, "}"]))
                yield {f"ENERGY_MARKET_{name}_URL": said[f"{name.lower()}_url"] for name in ("QUEUE", "CLOCK")}
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
            assert process.returncode == 130, log.read_text()

    return up


@pytest.fixture
def play(home: Path) -> Iterator[Callable[..., None]]:
    """Start prosumers' processes, which are told to end with the test: ``play("--id", "oak", at=addresses)``."""
    with ExitStack() as started:

        def play(*words: str, at: Addresses) -> None:
            log = started.enter_context((home.parent / f"{words[1]}.log").open("w"))
            command = [sys.executable, "-m", "prosumer_client", *words]
            process = subprocess.Popen(
                command, env=settings_of(home, at), cwd=home.parent, stdout=log, stderr=subprocess.STDOUT
            )
            started.callback(process.wait, 60)
            started.callback(process.terminate)

        yield play


def settings_of(home: Path, at: Addresses) -> dict[str, str]:
    return {**os.environ, "ENERGY_MARKET_HOME": str(home), "ENERGY_MARKET_LEDGER": "fabric", **at}


def listed(text: str, name: str) -> list[Any]:
    return [view[name] for view in json.loads(text)]


def test_a_market_on_fabric_is_opened_reset_and_wiped(run: Run, open_market: OpenMarket) -> None:
    run("network", "up", "--base-port", "0", "--orderers", "1")
    with open_market() as market:
        run("prosumers", "add", "P001", "--balance", "12.5", at=market)
        game = run("games", "publish", "--scenario", str(SCENARIOS / "original.yaml"), at=market).strip()
        assert listed(run("games", "list", "--json", at=market), "game") == [game]
        assert "1 games were removed" in run("reset", "--yes", at=market)
        assert listed(run("games", "list", "--json", at=market), "game") == []
        accounts = json.loads(run("prosumers", "show", "P001", "--json", at=market))
        assert accounts["accountBalance"] == 12.5
        ledger = json.loads(run("ledger", "market", "--json", at=market))["ledger"]
        ahead = ("--old-time", "2099-01-01T00:00:00.000Z")
        begun = json.loads(run("ledger", "set-time", *ahead, "--yes", "--json", at=market))
        assert (begun["number"], begun["ledger"]) == (1, f"{ledger}.1")
        run("prosumers", "add", "P003", at=market)
        assert "everything fits" in run("ledger", "verify")
        height = json.loads(run("ledger", "blocks", "--json", at=market))["height"]
    run("reset", "--wipe", "--yes")
    with open_market() as market:
        assert listed(run("prosumers", "list", "--json", at=market), "prosumer") == ["operator"]
        assert json.loads(run("ledger", "blocks", "--json", at=market))["height"] < height
        run("prosumers", "add", "P002", at=market)
    run("network", "down")
    with open_market() as market:
        assert listed(run("prosumers", "list", "--json", at=market), "prosumer") == ["P002", "operator"]


def test_households_whose_meters_sign_trade_in_simulated_time_on_fabric(
    run: Run, open_market: OpenMarket, play: Callable[..., None], home: Path
) -> None:
    run("network", "up", "--base-port", "0", "--orderers", "1")
    profile = home.parent / "houses.csv"
    profile.write_text("start,prosumer,load_kwh,pv_kwh\n" + "".join(rows_of_three_days()))
    with open_market("--simulated-from", iso(DAWN), "--factor", "300") as market:
        assert json.loads(run("ledger", "market", "--json", at=market))["simulatedTime"]["factor"] == 300
        for house in HOUSES:
            run("prosumers", "add", house, "--balance", "100", at=market)
            run("meters", "add", f"m-{house}", house, "--power", "11.04", at=market)
            play("--id", house, "--role", "household", "--profile", str(profile), "--meter", f"m-{house}", at=market)
        run("prosumers", "top-up", "grid-operator", "100", at=market)
        run("sign", "setTopology", "--data", json.dumps(STREET), "--send", at=market)
        run("clock", "add", "quarters", "--cron", "*/15 * * * *", "--lead", "1h", "--parameters", SLOTS, at=market)

        def lines_of(house: str) -> dict[str, Any]:
            lines = json.loads(run("statement", house, "--json", at=market))["lines"]
            return {line["game"]: line for line in lines if not line["isPresumed"]}

        def obstacle() -> str | None:
            sold, bought = map(lines_of, HOUSES)
            traded.extend((sold[game], line) for game, line in bought.items() if line["bought"] and game in sold)
            return None if traded else "no slot was traded of which both meters tell"

        traded: list[tuple[Any, Any]] = []
        wait_until(obstacle, "households trade", patience_seconds=120)
        assert "everything fits" in run("ledger", "verify", at=market)
    for oak, ash in traded:
        assert (oak["outEnergy"], oak["sold"], oak["toGrid"], oak["penalties"]) == (1, 0.3, 0.7, 0)
        assert (ash["inEnergy"], ash["bought"], ash["fromGrid"], ash["penalties"]) == (0.3, 0.3, 0, 0)


def rows_of_three_days() -> Iterator[str]:
    """Quarter-hours in which one house makes 1 kWh, and the other uses 0.3 kWh."""
    for start in (iso(DAWN + number * QUARTER) for number in range(3 * 96)):
        yield from (f"{start},oak,0,1\n", f"{start},ash,0.3,0\n")
