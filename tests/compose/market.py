"""A market in containers of its own compose project, driven as its users drive it."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240
NETWORK_STATUS = ("run", "--rm", "-T", "cli", "network", "status", "--json")


@dataclass(frozen=True)
class Market:
    """One compose project."""

    environment: Mapping[str, str]
    queue_url: str

    def compose(self, *words: str, **changed: str) -> str:
        """Run ``docker compose`` and return what it prints; its complaints are part of a failure."""
        done = self.try_to("docker", "compose", *words, **changed)
        assert done.returncode == 0, f"docker compose {' '.join(words)}: {done.stderr[-3000:]}"
        return done.stdout

    def try_to(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a command for this project, however it ends."""
        environment = {**os.environ, **self.environment, **changed}
        return subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    def type(self, lines: str, folder: Path) -> None:
        """Type lines of a page into a shell that stands in a folder."""
        environment = {**os.environ, **self.environment, "COMPOSE_FILE": str(PROJECT / "docker-compose.yml")}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{lines}: {done.stdout[-1000:]} {done.stderr[-2000:]}"

    def cli(self, *words: str) -> str:
        """Run ``energy-market`` in its container."""
        return self.compose("run", "--rm", "-T", "cli", *words)

    def crash(self, service: str) -> None:
        """Kill what runs in a container from outside, as the kernel does for want of memory."""
        pid = self.inspected(service)["State"]["Pid"]
        killer = ("docker", "run", "--rm", "--pid", "host", "--user", "0", "--entrypoint", "sh", "energy-market")
        done = self.try_to(*killer, "-c", f"kill -9 {pid}")
        assert done.returncode == 0, done.stderr

    def inspected(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        (container,) = self.compose("ps", "--all", "--quiet", service).split()
        done = self.try_to("docker", "inspect", container)
        (inspected,) = json.loads(done.stdout)
        return dict(inspected)

    def wait_until_restarted(self, service: str) -> None:
        """Wait until the engine itself has started a service again, and it is healthy."""

        def is_back() -> bool:
            found = self.inspected(service)
            health = found["State"].get("Health", {}).get("Status", "healthy")
            return bool(found["RestartCount"]) and found["State"]["Running"] and health == "healthy"

        wait_until(is_back, f"{service} is back")

    def wait_until_peers_agree(self) -> None:
        """Wait until every peer has all blocks."""

        def agree() -> bool:
            nodes = json.loads(self.try_to("docker", "compose", *NETWORK_STATUS).stdout)["nodes"]
            return len({node["height"] for node in nodes if "peer" in node["name"]} - {None}) == 1

        wait_until(agree, "the peers have the same blocks")

    def up(self, *words: str, **changed: str) -> None:
        """Bring everything up and wait until it is healthy; one-shot containers have ended well by then."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(PATIENCE_SECONDS), *words, **changed)

    def get(self, path: str) -> Any:
        """Ask the queue."""
        return httpx.get(f"{self.queue_url}{path}", timeout=30, trust_env=False).raise_for_status().json()

    def wait_for_trade(self) -> dict[str, Any]:
        """Wait until a game in which neighbours could trade is closed, and return it whole."""
        found: list[str] = []

        def is_there() -> bool:
            found.extend(game["game"] for game in self.get("/games")["games"] if is_traded(game))
            return bool(found)

        wait_until(is_there, "a game with sellers and buyers is closed")
        whole: dict[str, Any] = self.get(f"/games/{found[0]}")
        return whole


def is_traded(game: Mapping[str, Any]) -> bool:
    """Tell whether a game of the list is closed and had sellers and buyers."""
    return game["phase"] == "closed" and bool(game["nrSellers"]) and bool(game["nrBuyers"])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again, for minutes at most."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.3)
