"""A container engine for the tests, and a market in containers of its own project on free ports."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = Path(__file__).resolve().parent / "engine.sh"
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Market:
    """One compose project."""

    environment: Mapping[str, str]
    queue_url: str

    def compose(self, *words: str, **changed: str) -> str:
        """Run ``docker compose`` and return what it prints; its complaints are part of a failure."""
        done = subprocess.run(
            ["docker", "compose", *words],
            cwd=PROJECT,
            env={**os.environ, **self.environment, **changed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"docker compose {' '.join(words)}: {done.stderr[-3000:]}"
        return done.stdout

    def up(self, *words: str, **changed: str) -> None:
        """Bring everything up and wait until it is healthy; one-shot containers have ended well by then."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(PATIENCE_SECONDS), *words, **changed)

    def get(self, path: str) -> Any:
        """Ask the queue."""
        return httpx.get(f"{self.queue_url}{path}", timeout=30, trust_env=False).raise_for_status().json()

    def wait_for_game(self, phase: str) -> dict[str, Any]:
        """Wait until some game is in a phase, and return it whole."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for game in self.get("/games")["games"]:
                if game["phase"] == phase:
                    whole: dict[str, Any] = self.get(f"/games/{game['game']}")
                    return whole
            time.sleep(0.2)
        raise AssertionError(f"no game is {phase}: {json.dumps(self.get('/games'))}")


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


@pytest.fixture
def embedded_market(images: dict[str, str]) -> Iterator[Market]:
    """A market without Fabric."""
    yield from running_market(images, "energy-market-test-embedded", "embedded")


def running_market(images: Mapping[str, str], project: str, profile: str, *services: str) -> Iterator[Market]:
    """Bring a project up on free ports, and remove all of it in the end."""
    queue, optimizer, clock = free_ports(3)
    environment = {
        **images,
        "COMPOSE_PROJECT_NAME": project,
        "COMPOSE_PROFILES": profile,
        "QUEUE_PORT": str(queue),
        "OPTIMIZER_PORT": str(optimizer),
        "CLOCK_PORT": str(clock),
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
