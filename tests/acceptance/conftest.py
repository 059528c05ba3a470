"""The real commands as a user runs them, and what the operating system knows of their processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "operator_cli.main"]


@dataclass
class RunningDemo:
    """A demo in a process of its own."""

    process: subprocess.Popen[str]
    home: Path
    result_file: Path

    def announced(self, service: str) -> dict[str, Any] | None:
        """What a service said when it began to listen; None before."""
        file = self.home / "announcements" / service
        return dict(json.loads(file.read_text())) if file.exists() else None

    def result(self) -> dict[str, Any]:
        return dict(json.loads(self.result_file.read_text()))


def processes_with(words: str) -> list[int]:
    """Ids of the processes whose command line holds some words."""
    return [pid for pid, command in command_lines() if words in command and pid != os.getpid()]


def command_lines() -> Iterator[tuple[int, str]]:
    """Every process's id and command line."""
    if sys.platform == "linux":  # a small machine has no ps
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                yield int(file.parent.name), file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return
    listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command


@pytest.fixture
def run_command(tmp_path: Path) -> Any:
    """Run an ``energy-market`` command to its end in an empty folder."""

    def run(*arguments: str, environment: dict[str, str] | None = None, seconds: float = 120) -> Any:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return run


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Any]:
    """Start ``energy-market demo`` in a home of its own; what is left of it is killed at the end."""
    started: list[RunningDemo] = []

    def start(*arguments: str) -> RunningDemo:
        home = tmp_path / f"home-{len(started)}"
        result = tmp_path / f"result-{len(started)}.json"
        process = subprocess.Popen(
            [*COMMAND, "demo", "--home", str(home), "--json", str(result), *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        demo = RunningDemo(process, home, result)
        started.append(demo)
        return demo

    yield start
    for demo in started:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGTERM)
        demo.process.communicate(timeout=60)
        for pid in processes_with(str(demo.home)):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def pids_with() -> Any:
    """Find processes by words of their command line."""
    return processes_with
