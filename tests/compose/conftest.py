"""A container engine for the tests, and a market in containers of its own project on free ports."""

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.compose.market import Market

ENGINE = Path(__file__).resolve().parent / "engine.sh"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which docker finds an engine: the machine's own, or one that is started for these tests."""
    if subprocess.run(["docker", "compose", "ls"], capture_output=True, check=False).returncode == 0:
        yield {}
        return
    folder = tmp_path_factory.mktemp("engine")
    try:
        started = subprocess.run([ENGINE, "up", folder], stdout=subprocess.PIPE, text=True, check=True)
        yield dict(line.split("=", 1) for line in started.stdout.splitlines())
    finally:
        subprocess.run([ENGINE, "down", folder], check=True)


@pytest.fixture(scope="session")
def images(engine: dict[str, str]) -> dict[str, str]:
    """The project's images, built from the present tree."""
    Market({**engine, "COMPOSE_PROFILES": "raft"}, "").compose("build")
    return engine


@pytest.fixture(scope="module")
def market(images: dict[str, str]) -> Iterator[Market]:
    """The default market, running."""
    yield from running_market(images, "energy-market-test", "raft")


@pytest.fixture
def bft_market(images: dict[str, str]) -> Iterator[Market]:
    """A market whose orderers agree by BFT, up to its queue."""
    yield from running_market(images, "energy-market-test-bft", "bft", "tx_queue")


@pytest.fixture(scope="module")
def embedded_market(images: dict[str, str]) -> Iterator[Market]:
    """A market without Fabric."""
    yield from running_market(images, "energy-market-test-embedded", "embedded")


def running_market(images: Mapping[str, str], project: str, profile: str, *services: str) -> Iterator[Market]:
    """Bring a project up on free ports, and remove all of it in the end."""
    queue, optimizer, clock, dashboard = free_ports(4)
    environment = {
        **images,
        "COMPOSE_PROJECT_NAME": project,
        "COMPOSE_PROFILES": profile,
        "QUEUE_PORT": str(queue),
        "OPTIMIZER_PORT": str(optimizer),
        "CLOCK_PORT": str(clock),
        "DASHBOARD_PORT": str(dashboard),
    }
    market = Market(environment, f"http://127.0.0.1:{queue}")
    try:
        market.up(*services)
        yield market
    finally:
        market.compose("down", "--volumes", "--remove-orphans")


def free_ports(number: int) -> list[int]:
    """Return so many ports that nobody listens on."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]
