"""The market on Fabric answers a client that is not ours: fabric-sdk-py, in an environment of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fabric_network.launcher import Network
from fabric_network.programs.folder import project_folder
from ledger.fabric.ledger import FabricLedger

pytestmark = pytest.mark.fabric

HFC = Path(__file__).parents[1] / "hfc"


@pytest.fixture(scope="session")
def python_with_hfc() -> str:
    """The Python of the environment; where it cannot be made, the tests that need it are skipped and say why."""
    command = [sys.executable, str(HFC / "set_up.py"), str(project_folder() / ".fabric" / "hfc")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"fabric-sdk-py cannot be set up on this machine: {made.stderr.strip()}")
    return made.stdout.strip()


async def test_fabric_sdk_py_reads_the_markets_state(
    network: Network, ledger: FabricLedger, python_with_hfc: str, command: Callable[..., str]
) -> None:
    await ledger.submit([command("resetMarket")])

    def asked_by_hfc(*question: str) -> object:
        asking = [python_with_hfc, str(HFC / "ask.py"), str(network.profile()), *question]
        return json.loads(subprocess.run(asking, capture_output=True, text=True, check=True).stdout)

    assert asked_by_hfc("market") == json.loads(await ledger.query("market"))
    assert asked_by_hfc("state", "") == json.loads(await ledger.query("state", ""))
