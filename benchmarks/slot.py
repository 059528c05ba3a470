"""How long a whole slot takes, from publication to settled, by the number of prosumers, the mechanism and the ledger.

Everybody registers, meters and is settled by signed commands, in ``energy-market demo``; all is durable. Beside it
stand times of open simulators for one market interval, measured on two cores as well: none of them computes an
equilibrium, and none signs anything or keeps it on a ledger.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Table
from fabric_network.programs import fabric_programs

CERTIFIED, TURNS = "certified", "sequential-best-response"
SIZES = {
    (CERTIFIED, "embedded"): (10, 100, 300, 1000, 10_000),
    (CERTIFIED, "fabric"): (10, 100, 1000),
    (TURNS, "embedded"): (10, 30, 100),
    (TURNS, "fabric"): (10, 30),
}
PARTS = ("slot_registration", "slot_clearing", "slot_delivery", "slot_settlement")
PEERS = (
    ("lemlab", "0.2", "0.4 to 2", "4.1", "60"),
    ("gsy-e", "0.09", "1.0", "130", "-"),
    ("ASSUME", "0.005", "0.06", "0.44", "6.3"),
)
TIME_LIMIT_S = 600


def tables() -> Iterator[Table]:
    """Play a slot of each size, the largest last."""
    for (mechanism, ledger), sizes in SIZES.items():
        if ledger == "fabric":
            fabric_programs()
        took = {n: _slot(mechanism, ledger, n) for n in sizes}
        rows = [[str(n), f"{t['slot']:.2f}", *(_shown(t.get(part)) for part in PARTS)] for n, t in took.items()]
        smaller, larger = sizes[-2:]
        growth = exponent((smaller, took[smaller]["slot"]), (larger, took[larger]["slot"]))
        columns = ("prosumers", "slot, s", *(f"{part.removeprefix('slot_')}, s" for part in PARTS))
        note = f"From {smaller} to {larger} as n^{growth:.2f}: twice the prosumers take {2**growth:.1f} times as long."
        yield Table(f"A slot, {mechanism}, {ledger} ledger", columns, rows, note)
    columns = ("simulator", "10, s", "100, s", "1,000, s", "10,000, s")
    yield Table("One interval of others", columns, PEERS, "None computes an equilibrium or signs anything.")


def exponent(smaller: tuple[int, float], larger: tuple[int, float]) -> float:
    """Return the exponent of growth between two sizes, each with its seconds.

    >>> round(exponent((10, 1.0), (100, 100.0)), 6)
    2.0
    """
    return math.log(larger[1] / smaller[1]) / math.log(larger[0] / smaller[0])


def _slot(mechanism: str, ledger: str, prosumers: int) -> dict[str, float]:
    """Play a slot; return its seconds and those of its parts, by the ledger's time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        words = ["demo", "--prosumers", str(prosumers), "--seed", "1", "--mechanism", mechanism, "--ledger", ledger]
        words += ["--json", str(file), "--time-limit", str(TIME_LIMIT_S)]
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        played = subprocess.run(
            [sys.executable, "-m", "operator_cli.main", *words],
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        if played.returncode != 0:
            raise RuntimeError(f"the demo of {prosumers} prosumers failed: {played.stderr[-2000:]}")
        result = json.loads(file.read_text())
    if result["fallback"] is not None:
        raise RuntimeError(f"the slot of {prosumers} prosumers was not cleared: {result['fallback']}")
    timings: dict[str, float] = result["timings"]
    return timings


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
