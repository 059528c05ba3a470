"""Somebody who types what the documentation says, with two terminals, on a machine where 8080 to 8083 may be taken."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.docs.pages import ROOT, Block

OTHER_TERMINAL = "terminal 1"
BOTH_TERMINALS = "both terminals"
READY_WITHIN_S = 60
LOOKS_EVERY_S = 0.1


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Reader:
    """In the project's folder, with a home directory of its own. Blocks with a file's name as title become that file.

    Parameters
    ----------
    knows_the_way
        Whether both terminals have PATH and PROJECT set, as each tutorial says by itself.
    """

    def __init__(self, home: Path, *, knows_the_way: bool = False) -> None:
        self._folder = home / "project"
        _lay_out_project(self._folder)
        self.ports = {"8080": free_port(), "8081": free_port(), "8082": free_port()}
        self._environment = {
            **os.environ,
            "HOME": str(home),
            "PATH": _path_of_others(),
            "ENERGY_MARKET_QUEUE_URL": f"http://127.0.0.1:{self.ports['8080']}",
            "ENERGY_MARKET_CLOCK_URL": f"http://127.0.0.1:{self.ports['8082']}",
        }
        if knows_the_way:
            self._environment |= {"PATH": f"{_programs()}{os.pathsep}{_path_of_others()}", "PROJECT": str(ROOT)}

    def types(self, page: list[Block]) -> str:
        """Type blocks into the second terminal, one after the other, and return what is read there."""
        script = "\n".join(["set -euo pipefail", *map(self._as_typed, page)])
        typed = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert typed.returncode == 0, f"{typed.stdout}\n{typed.stderr}"
        return typed.stdout

    @contextmanager
    def first_terminal(self, text: str) -> Iterator[None]:
        """Type into the first terminal what opens a market, and leave it open."""
        log = self._folder / "terminal-1.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"set -e\n{self._with_ports(text)}"],
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                self._wait_until_ready(log)
                yield
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)

    def _wait_until_ready(self, log: Path) -> None:
        gives_up_at = time.monotonic() + READY_WITHIN_S
        while not all(map(is_ready, self.ports.values())):
            assert time.monotonic() < gives_up_at, log.read_text()
            time.sleep(LOOKS_EVERY_S)

    def _as_typed(self, block: Block) -> str:
        if block.title not in (None, BOTH_TERMINALS):
            return f"printf %s {shlex.quote(self._with_ports(block.text))} > {block.title}"
        return self._with_ports(block.text)

    def _with_ports(self, text: str) -> str:
        queue, optimizer, clock = self.ports.values()
        options = f"--queue-port {queue} --optimizer-port {optimizer} --clock-port {clock} --dashboard-port 0"
        text = re.sub(r"(127\.0\.0\.1):(808[012])", lambda found: f"{found[1]}:{self.ports[found[2]]}", text)
        return text.replace("energy-market up\n", f"energy-market up {options}\n")


def _programs() -> str:
    return str(Path(sys.executable).parent)


def _path_of_others() -> str:
    return os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if folder != _programs())


def _lay_out_project(folder: Path) -> None:
    """Make what a reader types from there on lead to this checkout and its programs."""
    folder.mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "examples").symlink_to(ROOT / "examples")


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").is_success
    except httpx.TransportError:
        return False
