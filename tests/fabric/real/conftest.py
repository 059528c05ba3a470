"""Real networks whose chaincode servers host the conformance contract, and through it the market's."""

import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from energy_market_chaincode import sign
from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.setup import operator_of_key
from ledger.fabric.gateway import FabricProfile, GatewayClient, Invocation
from ledger.fabric.ledger import FabricLedger

HERE = Path(__file__).parent
HOSTING = {
    "CHAINCODE_CONTRACT": "conformance_contract:invoke",
    "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parents[2]))),
}
# The organisations' machines differ in whatever Python lets a program depend on without saying so.
ENVIRONMENTS = {
    "cooperative-chaincode": HOSTING | {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
    "utility-chaincode": HOSTING | {"PYTHONHASHSEED": "4711", "TZ": "America/New_York", "LC_ALL": "tr_TR.UTF-8"},
}


@pytest.fixture(scope="session")
def operator_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first operator's key is."""
    file = tmp_path_factory.mktemp("keys") / "operator.pem"
    operator_of_key("operator", file)
    return file


@pytest.fixture(scope="session")
def operator_key(operator_key_file: Path) -> Ed25519PrivateKey:
    """The key of the first operator, ``operator``."""
    key = load_pem_private_key(operator_key_file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def running(release: str, home: Path, operator_key_file: Path) -> Iterator[Network]:
    """Run a network with one orderer until the generator is closed."""
    network = Network(home, ENVIRONMENTS)
    wishes = {"base_port": ANY_FREE_PORTS, "release_name": release, "nr_orderers": 1}
    try:
        network.up(wishes, operator_of_key("operator", operator_key_file))
        yield network
    finally:
        network.wipe()


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory, operator_key_file: Path) -> Iterator[Network]:
    """A network of the default release."""
    yield from running("3.1", tmp_path_factory.mktemp("network"), operator_key_file)


@pytest.fixture(scope="session")
def older_network(tmp_path_factory: pytest.TempPathFactory, operator_key_file: Path) -> Iterator[Network]:
    """A network of the long-term support release."""
    yield from running("2.5", tmp_path_factory.mktemp("older-network"), operator_key_file)


@pytest.fixture
def profile(network: Network) -> FabricProfile:
    """How the cooperative reaches the network."""
    return FabricProfile.read(network.profile())


@pytest.fixture
async def client(profile: FabricProfile) -> AsyncIterator[GatewayClient]:
    """A client of the network."""
    client = GatewayClient(profile)
    yield client
    await client.close()


@pytest.fixture
async def ledger(profile: FabricProfile) -> AsyncIterator[FabricLedger]:
    """The market on the network."""
    ledger = FabricLedger.on(profile)
    yield ledger
    await ledger.close()


@pytest.fixture
def call(profile: FabricProfile) -> Callable[..., Invocation]:
    """Make a call of the conformance contract: ``call("put", "key", "value")``."""

    def make(function: str, *args: str, **transient: bytes) -> Invocation:
        return Invocation(profile.chaincode, f"conformance.{function}", args, transient)

    return make


@pytest.fixture
def unique() -> str:
    """A key that no other test uses."""
    return uuid.uuid4().hex


@pytest.fixture
def command(operator_key: Ed25519PrivateKey) -> Callable[..., str]:
    """Make a signed command: ``command("resetMarket")``; by the operator, or by ``signer`` with its ``key``."""

    def make(topic: str, signer: str = "operator", key: Ed25519PrivateKey = operator_key, **data: Any) -> str:
        said: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "topic": topic,
            "payload": {"prosumer": signer, "data": data},
        }
        return json.dumps(said | {"signature": sign(said, key)})

    return make
