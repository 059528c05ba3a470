"""Processes that outlive the one that started them, found again by what stands in a file about each."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from fabric_network.errors import NodeFailed, NotReady
from fabric_network.waiting import wait_until
from market_files import write_file

_GRACE_SECONDS = 15.0
_GONE_SECONDS = 10.0
_LAST_WORDS = 60  # lines; a panicking Go program says why above its stack
_REASON = re.compile(r"^panic: |\b(PANI|FATA|ERRO|Error)\b|^[A-Z_]+: ")

_WAIT_THEN_RUN = 'read -r _ && exec "$@" </dev/null'
"""The program starts only once the note about it is written. If we are killed before, it never starts: no process runs
that nobody knows of."""


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    """When the process started, seconds since the machine did: a later process with the same pid differs."""
    purpose: str


class DetachedProcess:
    """One process, known by a file that notes its pid and when it started."""

    def __init__(self, name: str, note: Path, log: Path) -> None:
        self._name = name
        self._note = note
        self._log = log

    @property
    def pid(self) -> int | None:
        """The pid while it runs, None when it does not."""
        note = self._running()
        return None if note is None else note.pid

    def _running(self) -> _Note | None:
        try:
            note = _Note.model_validate_json(self._note.read_bytes())
        except (OSError, ValidationError):
            return None
        return note if _start_of(note.pid) == note.started else None

    def start(self, command: Sequence[str | Path], environment: Mapping[str, str], purpose: str = "") -> None:
        """Start it in a session of its own, logging to its file; does nothing if it runs for this purpose already.

        Raises
        ------
        NodeFailed
            If there is no such program.
        """
        running = self._running()
        if running is not None and running.purpose == purpose:
            return
        self.stop()
        words = [str(word) for word in command]
        if not os.access(words[0], os.X_OK):
            raise NodeFailed(f"cannot run {words[0]} for {self._name}: no such program")
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shell = ["/bin/sh", "-c", _WAIT_THEN_RUN, self._name, *words]
        with self._log.open("ab") as log:
            waiting = subprocess.Popen(
                shell,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        waiting.returncode = 0  # it outlives us; else Popen warns that it still runs
        note = _Note(pid=waiting.pid, started=_start_of(waiting.pid) or 0.0, purpose=purpose)
        write_file(self._note, note.model_dump_json().encode())
        assert waiting.stdin is not None  # noqa: S101 - asked for above; for the type checker
        with waiting.stdin as go:
            go.write(b"go\n")

    def failure(self) -> str | None:
        """Return what its log says of the end if it has ended, None while it runs."""
        if self.pid is not None:
            return None
        lines = self._log.read_text(errors="replace").splitlines()[-_LAST_WORDS:] if self._log.is_file() else []
        reasons = [line for line in lines if _REASON.search(line)]
        return (reasons or lines or ["it said nothing"])[-1]

    def stop(self) -> None:
        """Ask it to end, and make it end if it does not; raises NodeFailed if even that is in vain."""
        if self.send(signal.SIGTERM):
            self.send(signal.SIGCONT)  # a paused process hears nothing else
            try:
                self._wait(_GRACE_SECONDS)
            except NotReady:
                self.kill()
        self._note.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once; raises NodeFailed if it stays."""
        if self.send(signal.SIGKILL):
            try:
                self._wait(_GONE_SECONDS)
            except NotReady:
                raise NodeFailed(f"{self._name} does not end although it was killed") from None
        self._note.unlink(missing_ok=True)

    def send(self, number: signal.Signals) -> bool:
        """Send it a signal; False if it does not run."""
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return True

    def _wait(self, seconds: float) -> None:
        wait_until(lambda: None if self.pid is None else "it still runs", f"{self._name} has ended", seconds)


def _start_of(pid: int) -> float | None:
    """Return when a process started, seconds since the machine did; None if there is no such process or it has ended.

    Since 1970 it would change whenever the clock is set.
    """
    with contextlib.suppress(ChildProcessError):  # our own child stays as a zombie until somebody asks
        os.waitpid(pid, os.WNOHANG)
    try:
        process = psutil.Process(pid)
        is_over = process.status() == psutil.STATUS_ZOMBIE
        return None if is_over else round(process.create_time() - psutil.boot_time(), 2)
    except psutil.NoSuchProcess:
        return None
