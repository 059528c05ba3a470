"""How much processor time commands and processes take to start, against an interpreter that does nothing."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import psutil

from benchmarks.service_process import OPERATOR, operator_in
from benchmarks.table import Table
from market_host import PROGRAMS, Processes, start_services, warm_up
from prosumer_client import LISTENING, run_to_end

ROUNDS = 5
COMMANDS = ("--help", "games --help", "demo --help", "network --help")
BUYER = ("prosumer_client", "--role", "buyer", "--id", OPERATOR, "--demand", "1")


def tables() -> Iterator[Table]:
    """Measure commands, then processes: each on its own, and forked from a warm one as the demo does it."""
    baseline = _of_command("-c", "pass")
    took = {words: _of_command("-m", "operator_cli.main", *words.split()) for words in COMMANDS}
    rows = [[f"energy-market {words}", f"{s:.2f}", f"{s / baseline:.0f}"] for words, s in took.items()]
    note = f"Processor seconds, medians of {ROUNDS}; an interpreter that does nothing takes {baseline:.3f} s."
    yield Table("Start of a command", ("command", "s", "times an interpreter"), rows, note)
    with tempfile.TemporaryDirectory() as home:
        times = run_to_end(_of_processes(Path(home)))
    rows = [
        [name, f"{alone:.2f}", f"{forked:.2f}", f"{forked / baseline:.0f}"] for name, (alone, forked) in times.items()
    ]
    columns = ("process, until it listens", "alone, s", "forked, s", "times an interpreter")
    yield Table("Start of a process", columns, rows, "Processor seconds; the prosumers' are medians.")


def _of_command(*words: str) -> float:
    """Return the processor time that a command takes, seconds."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    took = []
    for _ in range(ROUNDS):
        before = spent()
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        took.append(spent() - before)
    return median(took)


async def _of_processes(home: Path) -> dict[str, tuple[float, float]]:
    """Return the processor times of a market's processes until they listen: started alone, and forked."""
    settings = {"ENERGY_MARKET_OPERATOR": OPERATOR, "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator_in(home).public_key}
    warm_up(*PROGRAMS, "prosumer_client")
    async with Processes(lambda *_: None) as processes:
        services = await start_services(processes, home, settings)
        forked = {program: _spent_by(processes.pids[program]) for program in PROGRAMS}
        buyers = settings | services.environment | {"ENERGY_MARKET_HOME": str(home)}
        names = [f"buyer-{number}" for number in range(ROUNDS)]
        for name in names:
            await processes.start(name, *BUYER, environment=buyers)
        await processes.wait_for_words(LISTENING, names)
        forked["prosumer_client"] = median(_spent_by(processes.pids[name]) for name in names)
        alone = {program: _alone((program, "--port", "0"), home / program, settings) for program in PROGRAMS}
        alone["prosumer_client"] = median(_alone(BUYER, home, buyers) for _ in range(ROUNDS))
    return {name: (alone[name], forked[name]) for name in forked}


def _alone(command: Sequence[str], home: Path, settings: dict[str, str]) -> float:
    environment = {**os.environ, "ENERGY_MARKET_HOME": str(home), **settings}
    with subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "isten" in line:
                break
        spent = _spent_by(process.pid)
        process.terminate()
    return spent


def _spent_by(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
