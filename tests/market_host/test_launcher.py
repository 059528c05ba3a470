"""A launched program is a process like any other, whatever becomes of who launched it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from market_host import Processes
from market_host.launcher import Program

forks = pytest.mark.skipif(sys.platform == "darwin", reason="nothing is forked on macOS")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the module ``a_program``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> None:
        (tmp_path / "a_program.py").write_text(text)

    return write


async def said_by(program: Program) -> list[str]:
    return [line async for line in program.lines()]


async def test_it_has_a_session_an_environment_arguments_and_a_title_of_its_own(make: Callable[[str], None]) -> None:
    make(
        "import os, sys, psutil\n"
        "print(os.getsid(0) == os.getpid(), sorted(os.environ), sys.argv[1:])\n"
        "print(psutil.Process().cmdline())\n"
    )
    program = await Program.launch("a_program", ["--here"], {"PLACE": "home"})
    own, title = await said_by(program)
    assert own == "True ['PLACE'] ['--here']"
    assert "python -m a_program --here" in title
    assert await program.wait() == 0
    assert program.pid != os.getpid()


async def test_its_exit_code_and_its_last_words_are_told(make: Callable[[str], None]) -> None:
    make("import sys\nprint('no end of line', end='')\nsys.exit(3)\n")
    program = await Program.launch("a_program", [], {})
    assert await said_by(program) == ["no end of line"]
    assert await program.wait() == 3


async def test_a_line_without_end_is_told_in_parts(make: Callable[[str], None]) -> None:
    make("print('x' * 3_000_000)\n")
    program = await Program.launch("a_program", [], {})
    said = await said_by(program)
    assert sum(map(len, said)) == 3_000_000
    assert len(said) > 1


async def test_who_else_holds_its_output_does_not_keep_its_end_from_being_seen(make: Callable[[str], None]) -> None:
    make("import subprocess\nother = subprocess.Popen(['sleep', '600'])\nprint(other.pid, flush=True)\n")
    program = await Program.launch("a_program", [], dict(os.environ))
    (pid,) = await said_by(program)
    assert await program.wait() == 0
    psutil.Process(int(pid)).kill()


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; where nobody reaps orphans it stays as a zombie."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@forks
async def test_when_the_warm_process_is_killed_its_programs_are_started_again(make: Callable[[str], None]) -> None:
    make("import os, time\nprint('up', os.getpid(), flush=True)\ntime.sleep(600)\n")
    lines: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.timeout(60), Processes(lambda _, line: lines.put_nowait(line)) as processes:
        await processes.start("a_program", "a_program", environment={})
        first = (await lines.get()).split()[1]
        warm = psutil.Process(int(first)).parent()
        assert warm is not None
        warm.kill()
        assert await lines.get() == "killed by signal 9; starting it again"
        second = (await lines.get()).split()[1]
        assert psutil.pid_exists(int(second))
        assert first != second
    assert is_gone(int(first))


HOST = """
import asyncio, os, signal
from market_host import Processes

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup, under which the tests may run, has it ignored

async def main():
    async with Processes(lambda name, line: print(line, flush=True)) as processes:
        await processes.start("a_program", "a_program", environment=dict(os.environ))
        await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_no_program_outlives_its_host(make: Callable[[str], None], tmp_path: Path, number: signal.Signals) -> None:
    make("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    (tmp_path / "host.py").write_text(HOST)
    search = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "host.py")],
        env={**os.environ, "PYTHONPATH": search},
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        assert host.stdout is not None
        program = psutil.Process(int(host.stdout.readline()))
        host.send_signal(number)
        while not is_gone(program.pid):
            time.sleep(0.05)
