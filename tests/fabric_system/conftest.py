"""Real networks for whole markets, and the original's game as the embedded ledger played it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.scenario import Scenario
from demo.scenario_file import SCENARIOS, load_scenario
from energy_market_chaincode import PublishGame, read_exact_json
from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.setup import Operator, operator_of_key
from prosumer_client.identity import key_file, store_key

OPERATOR = "operator"
GAME = "Game-recorded"
COMMAND = [sys.executable, "-m", "operator_cli.main"]

NewNetwork = Callable[..., Network]


@dataclass(frozen=True)
class PlayedDemo:
    """A demo that is over: its result, and the home with its ledger and keys."""

    home: Path
    result: dict[str, Any]


def operator_of(network: Network) -> Operator:
    """The first operator of a network's market; its key is made if there is none."""
    return operator_of_key(OPERATOR, key_file(network.folder.root.parent / "keys", OPERATOR))


@pytest.fixture
def start_network(tmp_path: Path) -> Iterator[NewNetwork]:
    """Start networks that end with the test: ``start_network(nr_orderers=1)``; the operator's key is in their home."""
    networks: list[Network] = []

    def start(
        operator_key: Ed25519PrivateKey | None = None,
        environment_of: Mapping[str, Mapping[str, str]] | None = None,
        **wishes: Any,
    ) -> Network:
        network = Network(tmp_path / f"network-{len(networks)}", environment_of)
        networks.append(network)
        if operator_key is not None:
            store_key(operator_key, key_file(network.folder.root.parent / "keys", OPERATOR))
        network.up({"base_port": ANY_FREE_PORTS, **wishes}, operator_of(network))
        return network

    yield start
    for network in networks:
        network.wipe()


@pytest.fixture(scope="session")
def run_demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], PlayedDemo]:
    """Play the original's game by the demo's command on a ledger: ``run_demo("embedded")``.

    The game's id is given, because otherwise it would be made of the time.
    """

    def run(ledger: str) -> PlayedDemo:
        folder = tmp_path_factory.mktemp(f"demo-{ledger}")
        scenario, result = folder / "original.yaml", folder / "result.json"
        original = (SCENARIOS / "original.yaml").read_text()
        scenario.write_text(f"{original}\ngame: {{game: {GAME}, delivery_slot: recorded}}\n")
        arguments = ["demo", "--scenario", str(scenario), "--ledger", ledger, "--json", str(result)]
        if ledger == "embedded":  # on Fabric a given home would mean given ports
            arguments += ["--home", str(folder / "home")]
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=170, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return PlayedDemo(folder / "home", read_exact_json(result.read_bytes()))

    return run


@pytest.fixture(scope="session")
def embedded_demo(run_demo: Callable[[str], PlayedDemo]) -> PlayedDemo:
    """The original's game, played undisturbed on the embedded ledger."""
    return run_demo("embedded")


@pytest.fixture
def original() -> Scenario:
    """The original's game with turns that nobody misses while something is being repaired."""
    scenario = load_scenario(SCENARIOS / "original.yaml")
    terms = {"deliverySlot": f"slot-{os.urandom(4).hex()}", "turnDeadlineMs": 150_000}
    return scenario.model_copy(update={"game": PublishGame.model_validate(terms)})
