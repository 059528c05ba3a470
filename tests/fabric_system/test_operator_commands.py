"""The operator's commands on a home whose ledger is Fabric, as a user types them."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.scenario_file import SCENARIOS
from fabric_network.launcher import Network
from fabric_network.waiting import wait_until
from tests.fabric_system.conftest import COMMAND

pytestmark = pytest.mark.fabric

Run = Callable[..., str]
OpenMarket = Callable[[], AbstractContextManager[str]]
ANY_PORTS = ("--queue-port", "0", "--optimizer-port", "0", "--clock-port", "0")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home for a network, which is wiped in the end."""
    home = tmp_path / "home"
    yield home
    Network(home).wipe()


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command to its end and return what it prints: ``run("reset", "--yes", queue=url)``."""

    def run(*words: str, queue: str = "") -> str:
        done = subprocess.run(
            [*COMMAND, *words],
            env=settings_of(home, queue),
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
    """Have ``energy-market up`` run as long as a context lasts, which is given the queue's address."""
    announcement = home / "announcements" / "tx_queue"
    last = home / "announcements" / "market_clock"

    @contextmanager
    def up() -> Iterator[str]:
        last.unlink(missing_ok=True)
        words = [*COMMAND, "up", "--ledger", "fabric", "--home", str(home), *ANY_PORTS]
        with subprocess.Popen(
            words, cwd=home.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:

            def obstacle() -> str | None:
                assert process.poll() is None, process.communicate()[0]
                return None if last.exists() else "no service says where it listens"

            try:
                wait_until(obstacle, "the market is open")
                yield str(json.loads(announcement.read_text())["url"])
            finally:
                process.send_signal(signal.SIGINT)
                output, _ = process.communicate(timeout=60)
            assert process.returncode == 130, output

    return up


def settings_of(home: Path, queue: str) -> dict[str, str]:
    return {
        **os.environ,
        "ENERGY_MARKET_HOME": str(home),
        "ENERGY_MARKET_LEDGER": "fabric",
        "ENERGY_MARKET_QUEUE_URL": queue,
    }


def listed(text: str, name: str) -> list[Any]:
    return [view[name] for view in json.loads(text)]


def test_a_market_on_fabric_is_opened_reset_and_wiped(run: Run, open_market: OpenMarket) -> None:
    run("network", "up", "--base-port", "0", "--orderers", "1")
    with open_market() as queue:
        run("prosumers", "add", "P001", "--balance", "12.5", queue=queue)
        game = run("games", "publish", "--scenario", str(SCENARIOS / "original.yaml"), queue=queue).strip()
        assert listed(run("games", "list", "--json", queue=queue), "game") == [game]
        assert "1 games were removed" in run("reset", "--yes", queue=queue)
        assert listed(run("games", "list", "--json", queue=queue), "game") == []
        accounts = json.loads(run("prosumers", "show", "P001", "--json", queue=queue))
        assert accounts["accountBalance"] == 12.5
        ledger = json.loads(run("ledger", "market", "--json", queue=queue))["ledger"]
        ahead = ("--old-time", "2099-01-01T00:00:00.000Z")
        begun = json.loads(run("ledger", "set-time", *ahead, "--yes", "--json", queue=queue))
        assert (begun["number"], begun["ledger"]) == (1, f"{ledger}.1")
        run("prosumers", "add", "P003", queue=queue)
        assert "everything fits" in run("ledger", "verify")
        height = json.loads(run("ledger", "blocks", "--json", queue=queue))["height"]
    run("reset", "--wipe", "--yes")
    with open_market() as queue:
        assert listed(run("prosumers", "list", "--json", queue=queue), "prosumer") == ["operator"]
        assert json.loads(run("ledger", "blocks", "--json", queue=queue))["height"] < height
        run("prosumers", "add", "P002", queue=queue)
    run("network", "down")
    with open_market() as queue:
        assert listed(run("prosumers", "list", "--json", queue=queue), "prosumer") == ["P002", "operator"]
