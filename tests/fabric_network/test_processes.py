"""Processes that outlive the one that started them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fabric_network.errors import NodeFailed, NotReady
from fabric_network.processes import DetachedProcess
from fabric_network.waiting import for_each, wait_until

SLEEPER = [sys.executable, "-c", "import signal; print('ready', flush=True); signal.pause()"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[DetachedProcess]:
    process = DetachedProcess("sleeper", tmp_path / "sleeper.json", tmp_path / "sleeper.log")
    yield process
    process.kill()


def start(process: DetachedProcess, log: Path, purpose: str = "") -> int:
    """Start the sleeper and wait until it runs our code, when signals have their usual effect."""
    process.start(SLEEPER, dict(os.environ), purpose)
    wait_until(lambda: None if "ready" in log.read_text() else "silent", "the sleeper is ready")
    assert process.pid is not None
    return process.pid


def test_a_process_is_found_again_by_its_note(process: DetachedProcess, tmp_path: Path) -> None:
    pid = start(process, tmp_path / "sleeper.log")
    again = DetachedProcess("sleeper", tmp_path / "sleeper.json", tmp_path / "sleeper.log")
    assert again.pid == pid
    assert os.getsid(pid) == pid


def test_a_process_outlives_the_program_that_started_it(process: DetachedProcess, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from fabric_network.processes import DetachedProcess as D; "
        f"D('sleeper', Path({str(tmp_path / 'sleeper.json')!r}), Path({str(tmp_path / 'sleeper.log')!r}))"
        f".start({SLEEPER!r}, dict(os.environ))"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    assert process.pid is not None


def test_starting_what_runs_already_changes_nothing(process: DetachedProcess, tmp_path: Path) -> None:
    pid = start(process, tmp_path / "sleeper.log")
    process.start(SLEEPER, dict(os.environ))
    assert process.pid == pid


def test_a_process_makes_room_for_one_with_another_purpose(process: DetachedProcess, tmp_path: Path) -> None:
    first = start(process, tmp_path / "sleeper.log", purpose="version 1")
    second = start(process, tmp_path / "sleeper.log", purpose="version 2")
    assert first != second
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_stopped_process_is_gone(process: DetachedProcess, tmp_path: Path) -> None:
    start(process, tmp_path / "sleeper.log")
    process.stop()
    assert process.pid is None


def test_a_paused_process_can_be_stopped(process: DetachedProcess, tmp_path: Path) -> None:
    start(process, tmp_path / "sleeper.log")
    process.send(signal.SIGSTOP)
    process.stop()
    assert process.pid is None


def test_stopping_what_does_not_run_is_no_error(process: DetachedProcess) -> None:
    process.stop()
    assert process.pid is None


def test_a_stranger_who_got_the_same_pid_is_left_alone(process: DetachedProcess, tmp_path: Path) -> None:
    start(process, tmp_path / "sleeper.log")
    note = tmp_path / "sleeper.json"
    own = json.loads(note.read_text())
    process.stop()
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE) as stranger:
        note.write_text(json.dumps(own | {"pid": stranger.pid}))
        assert process.pid is None
        process.kill()
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_ended_says_why(process: DetachedProcess) -> None:
    program = "import sys; print('panic: no such thing', file=sys.stderr); print('stack', file=sys.stderr)"
    process.start([sys.executable, "-c", program], dict(os.environ))
    wait_until(lambda: "runs" if process.pid is not None else None, "the program has ended")
    assert process.failure() == "panic: no such thing"


def test_a_program_that_is_not_there_is_named(process: DetachedProcess) -> None:
    with pytest.raises(NodeFailed, match="cannot run /nowhere/peer for sleeper"):
        process.start(["/nowhere/peer"], {})


def test_a_process_holds_nothing_open_that_its_starter_inherited(process: DetachedProcess, tmp_path: Path) -> None:
    left_open = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(left_open, True)
    pid = start(process, tmp_path / "sleeper.log")
    os.close(left_open)
    assert str(tmp_path / "lock") not in [file.path for file in psutil.Process(pid).open_files()]


def test_a_program_never_starts_if_its_starter_is_killed_before_the_note_is_written(
    process: DetachedProcess, tmp_path: Path
) -> None:
    program = (
        "import os, signal; from pathlib import Path; from fabric_network import processes; "
        "processes.write_file = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        f"processes.DetachedProcess('x', Path({str(tmp_path / 'x.json')!r}), Path({str(tmp_path / 'x.log')!r}))"
        f".start(['/bin/touch', {str(tmp_path / 'started')!r}], dict(os.environ))"
    )
    # Whatever the killed program started holds its standard output open until it ends.
    killed = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "started").exists()


def test_waiting_in_vain_names_the_last_obstacle() -> None:
    with pytest.raises(NotReady, match="until the sun shines: it rains"):
        wait_until(lambda: "it rains", "the sun shines", patience_seconds=0)


def test_side_by_side_means_all_results_in_order_and_the_first_error() -> None:
    assert for_each(lambda number: 2 * number, [1, 2, 3]) == [2, 4, 6]
    with pytest.raises(ZeroDivisionError):
        for_each(lambda number: 1 // number, [1, 0])
